#include "rewards/fitted/reward_training.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"

namespace veer {
namespace {

/// Examples of a batch that one task sums up: a function of the batch alone, never of the threads.
constexpr std::int64_t examples_per_task = 4;

void check_training(const RewardTraining& training) {
  const auto refuse = [](const char* field, const std::string& found, const char* expected) {
    throw ConfigError({{}, 0, std::string("reward: ") + field}, {found, expected, ""});
  };
  if (training.epochs < 1) refuse("epochs", std::to_string(training.epochs), "1 or more");
  if (training.batch < 1) refuse("batch", std::to_string(training.batch), "1 or more");
  if (!(training.learning_rate > 0.0) || !std::isfinite(training.learning_rate)) {
    refuse("learning rate", std::to_string(training.learning_rate), "a number above 0");
  }
  if (!(training.ridge >= 0.0) || !std::isfinite(training.ridge)) {
    refuse("ridge", std::to_string(training.ridge), "0 or more");
  }
}

/// Adam in double precision, from zeros.
class DoubleAdam {
 public:
  explicit DoubleAdam(std::size_t count) : first_(count, 0.0), second_(count, 0.0) {}

  void step(std::span<double> values, std::span<const double> gradient, double rate) {
    constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    ++steps_;
    const double one = 1.0 - std::pow(beta1, steps_), two = 1.0 - std::pow(beta2, steps_);
    for (std::size_t i = 0; i < values.size(); ++i) {
      first_[i] = beta1 * first_[i] + (1.0 - beta1) * gradient[i];
      second_[i] = beta2 * second_[i] + (1.0 - beta2) * gradient[i] * gradient[i];
      values[i] -= rate * (first_[i] / one) / (std::sqrt(second_[i] / two) + epsilon);
    }
  }

 private:
  std::vector<double> first_, second_;
  int steps_ = 0;
};

}  // namespace

std::vector<LogPiece> pieces_of(const Interactions& log, std::span<const UserId> people, std::int32_t longest,
                                bool whole) {
  std::vector<LogPiece> out;
  for (const UserId user : people) {
    const auto events = static_cast<std::int32_t>(log.of(user).size());
    for (std::int32_t first = 0; first < events; first += longest) {
      const std::int32_t length = std::min(longest, events - first);
      if (!whole || length == longest) out.push_back({user, first, length});
    }
  }
  return out;
}

ItemFeatures attribute_vectors(const Catalogue& catalogue, std::int32_t most) {
  ItemFeatures out;
  if (catalogue.attribute_offsets.size() != catalogue.ids.size() + 1) return out;
  std::vector<std::int64_t> carriers(catalogue.attribute_names.size(), 0);
  for (const std::int32_t attribute : catalogue.attributes) ++carriers[at(attribute)];
  std::vector<std::int32_t> order(carriers.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order,
                           [&](std::int32_t a, std::int32_t b) { return carriers[at(a)] > carriers[at(b)]; });
  order.resize(std::min(order.size(), at(most)));
  std::vector<std::int32_t> column(carriers.size(), -1);
  for (std::size_t c = 0; c < order.size(); ++c) column[at(order[c])] = static_cast<std::int32_t>(c);
  out.width = static_cast<std::int32_t>(order.size());
  out.values.assign(catalogue.ids.size() * order.size(), 0.0F);
  for (ItemId item = 1; item <= catalogue.size(); ++item) {
    const std::span<float> row = std::span(out.values).subspan(at(item) * order.size(), order.size());
    float carried = 0.0F;
    for (const std::int32_t attribute : catalogue.attributes_of(item)) {
      if (column[at(attribute)] < 0) continue;
      row[at(column[at(attribute)])] = 1.0F;
      carried += 1.0F;
    }
    for (float& value : row) value /= std::sqrt(std::max(1.0F, carried));
  }
  return out;
}

std::vector<double> fit_parameters(std::size_t parameters, std::int64_t count, const RewardTraining& training,
                                   const ExampleGradient& example) {
  check_training(training);
  std::vector<double> values(parameters, 0.0), gradient(parameters);
  DoubleAdam adam(parameters);
  std::vector<std::int32_t> order(at(count));
  const std::int64_t batches = (count + training.batch - 1) / training.batch;
  for (std::int32_t epoch = 0; epoch < training.epochs; ++epoch) {
    std::iota(order.begin(), order.end(), 0);
    shuffle({training.seed, static_cast<EpisodeId>(epoch), 0}, Stream::shuffle, order);
    double loss = 0.0;
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      if (interrupted()) throw Interrupted("interrupted: the fit begins anew when it is started again");
      const std::int64_t first = batch * training.batch, past = std::min(count, first + training.batch);
      const std::int64_t tasks = (past - first + examples_per_task - 1) / examples_per_task;
      std::vector<std::vector<double>> parts(at(tasks));
      std::vector<double> losses(at(tasks), 0.0);
      parallel_for(tasks, [&](std::int64_t task) {
        parts[at(task)].assign(parameters, 0.0);
        const std::int64_t begin = first + task * examples_per_task;
        for (std::int64_t e = begin; e < std::min(past, begin + examples_per_task); ++e) {
          losses[at(task)] += example(order[at(e)], values, parts[at(task)]);
        }
      });
      const auto size = static_cast<double>(past - first);
      for (std::size_t i = 0; i < parameters; ++i) {
        double sum = 0.0;
        for (const std::vector<double>& part : parts) sum += part[i];
        gradient[i] = sum / size + training.ridge * values[i] / static_cast<double>(count);
      }
      for (const double part : losses) loss += part;
      const double done =
          static_cast<double>(epoch * batches + batch) / static_cast<double>(training.epochs * batches);
      adam.step(values, gradient, training.learning_rate * (1.0 - done));
    }
    if (training.progress) training.progress(epoch + 1, loss / static_cast<double>(count));
  }
  return values;
}

RewardMember member_of(std::span<const double> parameters, std::int32_t items, std::int32_t width,
                       double unit) {
  RewardMember out;
  out.item_worth.assign(at(items) + 1, 0.0F);
  out.match.resize(at(width) * at(width));
  const auto scaled = [&](double value) { return static_cast<float>(unit * value); };
  std::ranges::transform(parameters.first(at(items)), out.item_worth.begin() + 1, scaled);
  std::ranges::transform(parameters.subspan(at(items)), out.match.begin(), scaled);
  return out;
}

void scale_to(RewardModel& model, const Interactions& log, std::span<const LogPiece> pieces,
              std::int64_t most) {
  std::int64_t events = 0;
  for (const LogPiece& piece : pieces) events += piece.length;
  const std::int64_t stride = 1 + (events - 1) / most;
  std::vector<float> rewards(at((events + stride - 1) / stride));
  std::vector<std::pair<const LogPiece*, std::int32_t>> places;
  std::int64_t event = 0;
  for (const LogPiece& piece : pieces) {
    for (std::int32_t k = 0; k < piece.length; ++k, ++event) {
      if (event % stride == 0) places.emplace_back(&piece, k);
    }
  }
  parallel_for(std::ssize(places), [&](std::int64_t i) {
    const auto& [piece, k] = places[at(i)];
    rewards[at(i)] = model.reward(log.of(piece->user)[at(piece->first + k)], history_at(log, *piece, k));
  });
  double sum = 0.0, squares = 0.0;
  for (const float r : rewards) {
    sum += double{r};
    squares += double{r} * double{r};
  }
  const auto count = static_cast<double>(rewards.size());
  const double mean = sum / count;
  const double deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
  // Where everything is worth the same, nothing is worth more than usual, whatever the unit.
  model.set_scale(static_cast<float>(mean), deviation > 1e-6 ? static_cast<float>(deviation) : 1.0F);
}

}  // namespace veer
