#include "rewards/fitted/preferences.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

double preferred(double log_odds) noexcept { return 1.0 / (1.0 + std::exp(-log_odds)); }

/// d R / d parameters of a stretch, times `factor`, added to `out`.
void add_stretch(const Interactions& log, const LogPiece& piece, const ItemFeatures& vectors,
                 const RewardForm& form, double factor, std::span<double> out) {
  const std::size_t width = at(vectors.width), items = out.size() - width * width;
  std::vector<float> state(width);
  for (std::int32_t k = 0; k < piece.length; ++k) {
    const ItemId item = log.of(piece.user)[at(piece.first + k)];
    out[at(item) - 1] += factor;
    if (width == 0) continue;
    read_history(vectors, form, history_at(log, piece, k), state);
    const std::span<const float> vector = vectors.of(item);
    for (std::size_t i = 0; i < width; ++i) {
      for (std::size_t j = 0; j < width; ++j) {
        out[items + i * width + j] += factor * double{state[i]} * double{vector[j]};
      }
    }
  }
}

void check_pairs(std::span<const PreferencePair> pairs, const PreferenceOptions& options) {
  const auto refuse = [](const char* field, const std::string& found, const char* expected) {
    throw ConfigError({{}, 0, std::string("reward: ") + field}, {found, expected, ""});
  };
  if (options.members < 1) refuse("members", std::to_string(options.members), "1 or more");
  if (pairs.empty()) throw DataError({{}, 0, "reward: pairs"}, {"none", "at least one", ""});
  for (const PreferencePair& pair : pairs) {
    if (pair.first.length < 1 || pair.second.length < 1) {
      throw DataError({{}, 0, "reward: pairs"}, {"a stretch without events", "at least one event", ""});
    }
    if (!(pair.preference >= 0.0F && pair.preference <= 1.0F)) {
      refuse("preference", std::to_string(pair.preference), "0 to 1");
    }
  }
}

}  // namespace

bool equally_long(std::span<const PreferencePair> pairs) noexcept {
  return std::ranges::all_of(pairs, [&](const PreferencePair& pair) {
    return pair.first.length == pairs.front().first.length && pair.second.length == pair.first.length;
  });
}

RewardModel fit_preferences(const Dataset& data, std::span<const PreferencePair> pairs, ItemFeatures vectors,
                            const PreferenceOptions& options) {
  check_pairs(pairs, options);
  const RewardForm form{.discount = 0.0F,
                        .temperature = 1.0F,
                        .decay = options.decay,
                        .window = options.window,
                        .pessimism = options.pessimism};
  const Interactions& log = data.interactions;
  const std::int32_t items = data.catalogue.size(), width = vectors.width;
  const std::size_t parameters = at(items) + at(width) * at(width);
  const bool sums = equally_long(pairs);
  std::vector<RewardMember> members;
  for (std::int32_t m = 0; m < options.members; ++m) {
    RewardTraining training = options.training;
    training.seed += static_cast<std::uint64_t>(m);
    // One member alone learns from every pair once.
    const auto drawn = [&](std::int64_t example) {
      if (options.members == 1) return example;
      const StepKey key{training.seed, static_cast<EpisodeId>(example), 0};
      return std::int64_t{uniform_below(static_cast<std::uint32_t>(pairs.size()), key, Stream::bootstrap)};
    };
    const std::vector<double> values = fit_parameters(
        parameters, std::ssize(pairs), training,
        [&](std::int64_t example, std::span<const double> current, std::span<double> gradient) {
          const PreferencePair& pair = pairs[at(drawn(example))];
          std::vector<double> slope(parameters, 0.0);
          const auto unit = [&](const LogPiece& piece) { return sums ? 1.0 : 1.0 / piece.length; };
          add_stretch(log, pair.first, vectors, form, unit(pair.first), slope);
          add_stretch(log, pair.second, vectors, form, -unit(pair.second), slope);
          double log_odds = 0.0;
          for (std::size_t i = 0; i < parameters; ++i) log_odds += slope[i] * current[i];
          const double p = preferred(log_odds), label = double{pair.preference};
          for (std::size_t i = 0; i < parameters; ++i) gradient[i] += (p - label) * slope[i];
          constexpr double least = 1e-12;
          return -label * std::log(std::max(p, least)) - (1.0 - label) * std::log(std::max(1.0 - p, least));
        });
    members.push_back(member_of(values, items, width, 1.0));
  }
  RewardModel model(form, std::move(vectors), std::move(members));
  std::vector<LogPiece> pieces;
  for (const PreferencePair& pair : pairs) pieces.insert(pieces.end(), {pair.first, pair.second});
  scale_to(model, log, pieces);
  return model;
}

double preference_log_odds(const RewardModel& model, const Interactions& log, const PreferencePair& pair,
                           bool sums) {
  const auto total = [&](const LogPiece& piece) {
    double sum = 0.0;
    for (std::int32_t k = 0; k < piece.length; ++k) {
      sum += double{model.reward(log.of(piece.user)[at(piece.first + k)], history_at(log, piece, k))};
    }
    return sums ? sum : sum / piece.length;
  };
  return total(pair.first) - total(pair.second);
}

double preference_accuracy(const RewardModel& model, const Interactions& log,
                           std::span<const PreferencePair> pairs) {
  const bool sums = equally_long(pairs);
  double right = 0.0;
  for (const PreferencePair& pair : pairs) {
    const double log_odds = preference_log_odds(model, log, pair, sums);
    const bool first = pair.preference > 0.5F;
    right += log_odds == 0.0 ? 0.5 : (log_odds > 0.0) == first ? 1.0 : 0.0;
  }
  return pairs.empty() ? 0.0 : right / static_cast<double>(pairs.size());
}

}  // namespace veer
