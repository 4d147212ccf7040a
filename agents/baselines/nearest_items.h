// Baseline: walks through embedding space from where the person is to where the target is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agents/baselines/item_space.h"
#include "env/policy.h"

namespace veer {

/// How far two items are apart.
enum class ItemDistance : std::uint8_t {
  cosine,     ///< rows are scaled to unit length first: lengths often encode popularity rather than content
  euclidean,  ///< rows as they are
};

struct NearestItemsOptions {
  std::string name = "nearest";
  std::int32_t horizon = 0;  ///< steps of an episode
  std::int32_t recent = 3;   ///< newest history items whose mean is where the person stands
  ItemDistance distance = ItemDistance::cosine;
  bool allow_target = false;
  /// Share of steps, 0..1, that show any allowed item instead, all equally likely: a slightly worse policy
  /// that meets the same people, to see how small a difference can be told.
  float random_steps = 0.0F;
};

/// The rule, at step k of a horizon of H: let u be the mean of the `recent` newest history items (of all, if
/// there are fewer; the target itself when there are none), t the target. The waypoint is w = u + (t - u) /
/// (H - k): the way that is left, divided evenly over the steps that are left, so that the last waypoint is
/// the target. Shown is the item nearest to w (squared Euclidean distance, the lower id between equals) that
/// is not in the history, was not shown in this episode, and is not the target unless allowed. Without a
/// target w = u. Stops when nothing is left. Refused items leave u where it is, so the next waypoint is a
/// little farther. Deterministic with log_prob 0, but for `random_steps` (none of them in Mode::greedy).
/// Thread-safe: immutable.
class NearestItems : public Policy {
 public:
  /// `table` [N+1, d], row 0 (padding) unused; copied. Throws ConfigError for bad sizes or shares, DataError
  /// for values that are not finite.
  NearestItems(View<const float> table, const NearestItemsOptions& options);

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  /// Where row `row` should go next.
  void waypoint(std::int32_t row, const Observation& seen, std::vector<float>& out) const;
  ItemId nearest(const std::vector<float>& point, const class SeenItems& excluded,
                 std::vector<float>& scores) const;

  NearestItemsOptions options_;
  PolicySpec spec_;
  ItemSpace space_;
};

}  // namespace veer
