// The truth behind a made-up world of short videos whose ranking stage fuses predictions: what is in the
// videos, who the people are, what they do, and what multi-task models predict that they do.
//
// A video has topics, quality, bait (it is clicked for its cover and left) and a creator who pulls; a person
// has a taste over the same topics and is more or less eager to click, sociable and generous. The log odds of
// a behaviour are linear in these and in the match of taste and topics (task_effects()); everything but the
// click happens to clicked videos alone. Predictions are the truth with an error per video and task, which no
// amount of data about the person removes.
//
// Source of the setting: "Multi-task fusion via reinforcement learning for long-term user satisfaction"
// (BatchRL-MTF, KDD 2022), whose logs are not public. The numbers are ours.
// Thread-safety: immutable after construction. Everything is a function of the parameters (Philox,
// Stream::initialise).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "env/behaviours.h"
#include "env/data/dataset.h"

namespace veer {

/// What is predicted of a person and a video. The first eight are the behaviours, in their order; the others
/// are predicted, as real systems do, though nobody counts them.
inline constexpr std::int32_t fusion_tasks = 12;
inline constexpr std::array<std::string_view, 12> fusion_task_names{
    "click",  "gift",    "complete",   "like",    "share",         "comment",
    "follow", "dislike", "watch_long", "collect", "profile_visit", "rewatch"};

/// How log odds of a task depend on a person and a video; latents have mean 0 and deviation 1.
struct TaskEffects {
  float base, match, quality, bait, pull, eagerness, sociability, generosity;
};
std::span<const TaskEffects> task_effects() noexcept;

struct FusionWorldParameters {
  std::int32_t items = 2000;      ///< N, 40..10^7
  std::int32_t people = 1000;     ///< 10..10^7
  std::int32_t topics = 8;        ///< D, 2..64
  float prediction_error = 0.5F;  ///< deviation of the log odds that a task model gets wrong, per video
  float profile_error = 0.3F;     ///< deviation of what is known of a person from what they are
  std::uint64_t seed = 1;
};

class FusionWorld {
 public:
  /// Throws ConfigError naming the parameter that is out of range.
  explicit FusionWorld(const FusionWorldParameters& parameters);

  const FusionWorldParameters& parameters() const noexcept { return parameters_; }
  std::int32_t items() const noexcept { return parameters_.items; }
  std::int32_t people() const noexcept { return parameters_.people; }
  /// Of ten people eight train (alternating between train_plan and train_judge), one validates, one tests.
  Part part(UserId user) const noexcept;

  /// Values of a profile: the taste, then eagerness, sociability and generosity, each with its error.
  std::int32_t profile_width() const noexcept { return parameters_.topics + 3; }
  std::span<const float> profile(UserId user) const noexcept;

  /// What the person does: log odds of the task (of all but the click: once clicked).
  float log_odds(UserId user, ItemId item, std::int32_t task) const noexcept;
  /// Log odds of all tasks at once; `out` has fusion_tasks values.
  void log_odds(UserId user, ItemId item, std::span<float> out) const noexcept;
  /// What the task models say: probabilities, within 0..1; `out` has fusion_tasks values.
  void predictions(UserId user, ItemId item, std::span<float> out) const noexcept;

 private:
  float match(UserId user, ItemId item) const noexcept;

  FusionWorldParameters parameters_;
  std::vector<float> tastes_;    ///< [U, D], unit length
  std::vector<float> traits_;    ///< [U, 3]
  std::vector<float> profiles_;  ///< [U, D + 3]
  std::vector<float> topics_;    ///< [N, D], unit length
  std::vector<float> contents_;  ///< [N, 3]: quality, bait, pull
  std::vector<float> errors_;    ///< [N, fusion_tasks]
};

}  // namespace veer
