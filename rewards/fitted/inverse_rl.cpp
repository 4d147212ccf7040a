#include "rewards/fitted/inverse_rl.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "env/error.h"

namespace veer {
namespace {

/// States of a piece: what Q says of every item in each of them, as probabilities, and V. Temperature 1.
struct PieceStates {
  std::size_t items, width, states;
  std::vector<float> phi;           ///< [states, D]
  std::vector<double> probability;  ///< [states, N] softmax of Q
  std::vector<double> value;        ///< [states] V
  std::vector<double> taken;        ///< [states - 1] Q of what was taken

  PieceStates(const Interactions& log, const LogPiece& piece, const ItemFeatures& vectors,
              const RewardForm& form, std::span<const double> parameters)
      : width(at(vectors.width)), states(at(piece.length) + 1) {
    items = parameters.size() - width * width;
    phi.resize(states * width);
    probability.resize(states * items);
    value.resize(states);
    taken.resize(states - 1);
    for (std::size_t t = 0; t < states; ++t) {
      const std::span<const ItemId> history = history_at(log, piece, static_cast<std::int32_t>(t));
      read_state(vectors, form, history, parameters, t);
      if (t + 1 == states) break;
      taken[t] = probability[t * items + at(log.of(piece.user)[at(piece.first) + t]) - 1];
    }
    for (std::size_t t = 0; t < states; ++t) normalise(t);
  }

 private:
  void read_state(const ItemFeatures& vectors, const RewardForm& form, std::span<const ItemId> history,
                  std::span<const double> parameters, std::size_t t) {
    const std::span<float> state = std::span(phi).subspan(t * width, width);
    if (width > 0) read_history(vectors, form, history, state);
    std::vector<double> turned(width, 0.0);
    for (std::size_t i = 0; i < width; ++i) {
      if (state[i] == 0.0F) continue;
      for (std::size_t j = 0; j < width; ++j)
        turned[j] += double{state[i]} * parameters[items + i * width + j];
    }
    double* const row = probability.data() + t * items;
    for (std::size_t a = 0; a < items; ++a) {
      double sum = parameters[a];
      const float* const vector = vectors.values.data() + (a + 1) * width;
      for (std::size_t d = 0; d < width; ++d) sum += turned[d] * double{vector[d]};
      row[a] = sum;
    }
  }

  void normalise(std::size_t t) {
    const std::span<double> row = std::span(probability).subspan(t * items, items);
    const double highest = *std::ranges::max_element(row);
    double sum = 0.0;
    for (double& each : row) sum += each = std::exp(each - highest);
    for (double& each : row) each /= sum;
    value[t] = highest + std::log(sum);
  }
};

void check_inverse_rl(const InverseRlOptions& options) {
  const auto check = [](const char* field, double value, bool fits, const char* expected) {
    if (fits && std::isfinite(value)) return;
    throw ConfigError({{}, 0, std::string("reward: ") + field}, {std::to_string(value), expected, ""});
  };
  check("discount", double{options.discount}, options.discount >= 0.0F && options.discount < 1.0F,
        "0 up to, not with, 1");
  check("temperature", double{options.temperature}, options.temperature > 0.0F, "a number above 0");
  check("alpha", double{options.alpha}, options.alpha > 0.0F, "a number above 0");
  check("decay", double{options.decay}, options.decay > 0.0F && options.decay <= 1.0F, "above 0 up to 1");
  check("window", options.window, options.window >= 1 && options.window <= 10'000, "1 to 10000");
  check("piece", options.piece, options.piece >= 1, "1 or more");
}

RewardForm form_of(const InverseRlOptions& options) {
  return {.discount = options.discount,
          .temperature = options.temperature,
          .decay = options.decay,
          .window = options.window};
}

}  // namespace

double iq_learn_gradient(const Interactions& log, const LogPiece& piece, const ItemFeatures& vectors,
                         const InverseRlOptions& options, std::span<const double> parameters,
                         std::span<double> gradient) {
  const PieceStates s(log, piece, vectors, form_of(options), parameters);
  const double smallness = double{options.temperature} / (4.0 * double{options.alpha});
  const double discount = double{options.discount};
  const std::span<const ItemId> items = log.of(piece.user).subspan(at(piece.first), at(piece.length));
  double loss = 0.0, reward_before = 0.0;
  std::vector<double> moved(s.width);
  for (std::size_t t = 0; t < s.states; ++t) {
    const bool acts = t + 1 < s.states;
    const double reward = acts ? s.taken[t] - discount * s.value[t + 1] : 0.0;
    if (acts) loss += s.value[t] - s.taken[t] + smallness * reward * reward;
    // d loss / d V(h_t): as the state that is left, and as the one that was reached.
    const double by_value = (acts ? 1.0 : 0.0) - (t > 0 ? 2.0 * smallness * discount * reward_before : 0.0);
    const double by_taken = acts ? 2.0 * smallness * reward - 1.0 : 0.0;
    reward_before = reward;
    std::ranges::fill(moved, 0.0);
    const auto add = [&](std::size_t a, double slope) {
      gradient[a] += slope;
      const float* const vector = vectors.values.data() + (a + 1) * s.width;
      for (std::size_t d = 0; d < s.width; ++d) moved[d] += slope * double{vector[d]};
    };
    const double* const probability = s.probability.data() + t * s.items;
    for (std::size_t a = 0; a < s.items; ++a) add(a, by_value * probability[a]);
    if (acts) add(at(items[t]) - 1, by_taken);
    for (std::size_t i = 0; i < s.width; ++i) {
      const double state = double{s.phi[t * s.width + i]};
      if (state == 0.0) continue;
      for (std::size_t j = 0; j < s.width; ++j) gradient[s.items + i * s.width + j] += state * moved[j];
    }
  }
  return loss;
}

RewardModel fit_inverse_rl(const Dataset& data, std::span<const UserId> people, ItemFeatures vectors,
                           const InverseRlOptions& options) {
  check_inverse_rl(options);
  const std::vector<LogPiece> pieces = pieces_of(data.interactions, people, options.piece, false);
  if (pieces.empty()) {
    throw DataError({{}, 0, "reward: people"},
                    {"nobody with a log", "somebody to learn from", "use another part or a larger data set"});
  }
  const std::int32_t items = data.catalogue.size(), width = vectors.width;
  std::int64_t events = 0;
  for (const LogPiece& piece : pieces) events += piece.length;
  RewardTraining training = options.training;
  if (training.progress) {
    // Nats per choice say more than a sum over pieces.
    const double per_choice = static_cast<double>(pieces.size()) / static_cast<double>(events);
    training.progress = [per_choice, report = options.training.progress](std::int32_t epoch, double loss) {
      report(epoch, per_choice * loss);
    };
  }
  const std::vector<double> parameters = fit_parameters(
      at(items) + at(width) * at(width), std::ssize(pieces), training,
      [&](std::int64_t example, std::span<const double> values, std::span<double> gradient) {
        return iq_learn_gradient(data.interactions, pieces[at(example)], vectors, options, values, gradient);
      });
  RewardModel model(form_of(options), std::move(vectors),
                    {member_of(parameters, items, width, double{options.temperature})});
  scale_to(model, data.interactions, pieces);
  return model;
}

}  // namespace veer
