// A reward from preferences between stretches of logs: which of two went better, as somebody or something
// that came later says.
//
// Bradley and Terry: P(first preferred) = sigmoid(R(first) - R(second)), R the sum of rewards over a stretch,
// or its mean where not all stretches are equally long; cross-entropy with the labels. The members of an
// ensemble learn from pairs drawn with replacement; its reward is their mean less `pessimism` deviations.
// Source: Xue et al., "PrefRec", KDD 2023, with the reward of rewards/fitted/reward_model.h (discount 0).
// Thread-safety: pure functions; the same bits for any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "rewards/fitted/reward_training.h"

namespace veer {

struct PreferencePair {
  LogPiece first, second;
  float preference = 1.0F;  ///< 0..1 probability that the first went better; a label is 0 or 1
};

struct PreferenceOptions {
  std::int32_t members = 3;  ///< >= 1
  float pessimism = 1.0F;
  float decay = 0.8F;
  std::int32_t window = 10;
  RewardTraining training{.epochs = 20, .batch = 64, .progress = {}};
};

/// Throws ConfigError for options out of range, DataError when there is no pair or one with an empty stretch.
RewardModel fit_preferences(const Dataset& data, std::span<const PreferencePair> pairs, ItemFeatures vectors,
                            const PreferenceOptions& options);

/// R(first) - R(second) as defined above; `sums` or means.
double preference_log_odds(const RewardModel& model, const Interactions& log, const PreferencePair& pair,
                           bool sums);
/// Whether all stretches are equally long, so that rewards are summed.
bool equally_long(std::span<const PreferencePair> pairs) noexcept;
/// Share of the pairs whose likelier order is the labelled one; ties by half. REQUIRES: labels of 0 or 1.
double preference_accuracy(const RewardModel& model, const Interactions& log,
                           std::span<const PreferencePair> pairs);

/// What tells which of two stretches of logs went better.
enum class Outcome : std::uint8_t {
  visits,     ///< events of the person within `within` seconds after the stretch
  purchases,  ///< events of the stretch that are purchases
};

struct OutcomeOptions {
  Outcome outcome = Outcome::visits;
  std::int32_t length = 5;              ///< events of a stretch, >= 1
  std::int64_t within = 7 * 24 * 3600;  ///< seconds, >= 1; only read for visits
  std::string purchase = "purchase";    ///< behaviour; only read for purchases
  std::int64_t pairs = 20'000;          ///< >= 1
  std::uint64_t seed = 1;
};

/// Pairs of stretches of `people`, drawn by lot, whose outcomes differ; fewer than asked for where outcomes
/// rarely do. Stretches behind which less than `within` is known of the log as a whole are left out. Throws
/// ConfigError for options out of range, DataError when the data set cannot tell the outcome or no two
/// differ.
std::vector<PreferencePair> pairs_by_outcome(const Dataset& data, std::span<const UserId> people,
                                             const OutcomeOptions& options);

}  // namespace veer
