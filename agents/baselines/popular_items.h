// Baseline: the most popular item the person has not seen.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/policy.h"

namespace veer {

struct PopularItemsOptions {
  std::string name = "popular";
  std::int32_t horizon = 0;  ///< steps of an episode
  bool allow_target = false;
};

/// Deterministic: by descending count, the lower id between equals; never an item of the history, one shown
/// in this episode, or the target unless allowed. Stops when nothing is left. Blind to the target otherwise.
/// Thread-safe: immutable.
class PopularItems : public Policy {
 public:
  /// `counts` [N+1]: interactions per item, index 0 unused; copied into an order. Throws ConfigError for bad
  /// sizes.
  PopularItems(std::span<const std::int64_t> counts, const PopularItemsOptions& options);

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  PopularItemsOptions options_;
  PolicySpec spec_;
  std::vector<ItemId> order_;  ///< most popular first
};

}  // namespace veer
