// One step of one shard: the body of the engine's loop, in the order of the flow. Internal to env/.
//
// Thread-safety: immutable; a shard and its workspaces belong to the calling worker.
#pragma once

#include <cstdint>
#include <memory>

#include "env/policy.h"
#include "env/scenario.h"

namespace veer {

/// Scratch of user model and policy for one shard.
struct ShardScratch {
  std::unique_ptr<Workspace> user;
  std::unique_ptr<Workspace> policy;

  void disown() noexcept {
    user->owner = -1;
    policy->owner = -1;
  }
};

class Stepper {
 public:
  explicit Stepper(const Scenario& scenario);

  /// The rows' episode ids stand in the shard; everything else is set.
  void begin(Rows rows, Shard& shard, const Policy& policy, ShardScratch& scratch) const;

  /// Act, respond, rules, end, rewards for every active row. The step counter has not moved yet when this
  /// returns: the caller stores the step, then moves it on.
  void step(Shard& shard, const Policy& policy, Mode mode, ShardScratch& scratch) const;

  ShardScratch make_scratch(const Policy& policy, std::int32_t shard_rows) const;
  /// Of scratch kept between steps, and of scratch in use.
  std::size_t cache_bytes(const Policy& policy, std::int32_t shard_rows) const;
  std::size_t working_bytes(const Policy& policy, std::int32_t shard_rows) const;

 private:
  void act(Shard& shard, const Policy& policy, Mode mode, ShardScratch& scratch) const;
  void respond(Shard& shard, ShardScratch& scratch) const;
  void count_rewards(Shard& shard) const;
  WorkspaceShape workspace_shape(std::int32_t shard_rows) const;

  const Scenario& scenario_;
  bool measures_ = false;     ///< some reward term reads interest and rank
  bool asks_users_ = false;   ///< acceptance probabilities come from the user model
  bool reads_users_ = false;  ///< the user model's state matters during episodes
};

}  // namespace veer
