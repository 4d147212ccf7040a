// The contract of recommenders: observation in, action out.
//
// Thread-safety: a Policy is an immutable snapshot shared by all workers; what it remembers about a row is in
// PolicyState. An Observation never holds user-model state.
#pragma once

#include <memory>
#include <span>

#include "env/batch.h"
#include "env/spec.h"
#include "env/workspace.h"

namespace veer {

/// What a recommender is allowed to see of a shard's rows.
struct Observation {
  std::int32_t shard_index = 0;
  std::uint64_t seed = 0;
  View<const EpisodeId> episode;
  View<const std::uint32_t> step;
  View<const std::uint8_t> active;
  View<const UserId> user;
  View<const ItemId> target;
  View<const ItemId> history;  ///< oldest first, right-padded: start plus what was accepted since
  View<const std::int32_t> history_size;
  View<const float> features;
  /// What the previous step showed; meaningful when step > 0. The same memory as Actions::items except for
  /// path policies: read a row before writing it.
  View<const ItemId> last_items;
  View<const std::uint8_t> last_feedback;

  std::int32_t rows() const noexcept { return episode.rows(); }
  StepKey key(std::int32_t row) const noexcept { return {seed, episode(row), step(row)}; }
};

Observation observe(const Shard& shard) noexcept;

/// What the policy keeps per row between steps.
struct PolicyState {
  View<float> values;    ///< PolicySpec::state_width floats per row
  Workspace& workspace;  ///< from Policy::make_workspace
};

/// Where the action goes. Item policies write items(row, 0); slates fill items(row, 0..K-1) with distinct
/// items; path policies write items(row, 0..n-1) and plan_size(row) = n (0: stop now); vector policies write
/// reals. items(row, 0) == no_item from an item policy ends the episode (EndReason::policy_stopped).
struct Actions {
  View<ItemId> items;
  View<std::int32_t> plan_size;  ///< path policies only
  View<float> reals;
  /// Natural log-probability (items) or density (vectors) of the action. A plan's stands at its first step;
  /// the steps after it have 0.
  View<float> log_prob;
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual const PolicySpec& spec() const noexcept = 0;

  virtual std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const {
    return std::make_unique<Workspace>();
  }
  virtual std::size_t cache_bytes(const WorkspaceShape&) const noexcept { return 0; }
  /// Bytes of key/value caches that one such workspace holds while it is used, worth keeping or not.
  virtual std::size_t working_bytes(const WorkspaceShape& shape) const noexcept { return cache_bytes(shape); }

  /// `rows` start a new episode: set their state.
  virtual void begin(Rows, const Observation&, PolicyState&) const {}

  /// Chooses for `rows`. For item, slate and vector policies that is every row of the shard, inactive ones
  /// included (their answers are ignored), so that shapes stay constant; for path policies the rows that need
  /// a plan.
  virtual void act(Rows rows, const Observation&, PolicyState&, Actions&, Mode) const = 0;
};

}  // namespace veer
