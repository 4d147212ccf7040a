// User models in which a person is a vector of taste: where somebody stands can be read from a history,
// moved, and lived from, so that people can be made who left no log.
//
// Thread-safety and determinism as in env/user_model.h. Torch-free.
#pragma once

#include <cstdint>
#include <span>

#include "env/random.h"
#include "env/types.h"

namespace veer {

/// Beside UserModel. `state` holds UserModelSpec::state_width floats, as a row of user_state does.
class TasteModel {
 public:
  virtual ~TasteModel() = default;

  /// Floats of a taste, at least 1.
  virtual std::int32_t taste_width() const noexcept = 0;
  /// The taste of somebody who took these items, oldest first. Models without personal parameters ignore
  /// `user`. REQUIRES: history not empty.
  virtual void taste_of(UserId user, std::span<const ItemId> history, std::span<float> taste) const = 0;
  /// Somebody who starts with this taste, and of whom nothing else is known.
  virtual void start_with(std::span<const float> taste, std::span<float> state) const noexcept = 0;
  /// What they take next of their own accord: item i + 1 in proportion to exp(scores[i]), [N].
  virtual void score_next(std::span<const float> state, std::span<float> scores) const noexcept = 0;
  /// They take it; then `days` pass, for models that count days: for others, and where it is 0 (unknown), one
  /// step. `key` draws what is random.
  virtual void take(std::span<float> state, ItemId item, float days, const StepKey& key) const noexcept = 0;
};

/// Somebody before anything was recommended to them.
struct Beginning {
  std::span<const float> taste;  ///< TasteModel::taste_width() floats
  std::int32_t state_width = 0;  ///< UserModelSpec::state_width
  std::int32_t items = 0;        ///< N
  float days = 0.0F;             ///< between two items; 0: unknown
  /// Other items between two takings of one item, at least (long_run::rest_between_repeats).
  std::int32_t rest = 0;
};

/// What they take before the episode of `key`, oldest first; no_item from where nothing is left to take.
/// Steps are counted backwards from 0, so that no draw (Stream::policy, Stream::drift) is one of the
/// episode's own.
void live(const TasteModel& model, const Beginning& beginning, const StepKey& key, std::span<ItemId> out);

}  // namespace veer
