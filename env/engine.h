// The loop: policies act, people answer, rewards are counted, ended rows begin again, on all threads.
//
// Thread-safety: one Engine is driven by one thread at a time; it spreads shards over the TBB arena it is
// called in. Determinism: for one binary, CPU type and shard size, results do not depend on the number of
// threads, on the number of rows in flight, or on where a run was interrupted.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "env/batch.h"
#include "env/loop/rollout.h"
#include "env/loop/trajectories.h"
#include "env/policy.h"
#include "env/scenario.h"

namespace veer {

/// When a row whose episode has ended begins the next one.
enum class Autoreset : std::uint8_t {
  same_step,  ///< at the end of the step; the final observation is kept in the rollout
  disabled,   ///< never by itself: the row stays inactive until reset()
};

struct EngineOptions {
  std::int32_t rows = 256;        ///< episodes in flight
  std::int32_t shard_rows = 128;  ///< multiple of 32; part of the determinism contract
  std::uint64_t seed = 1;
  /// Bound on key/value caches, in megabytes. step() and collect() keep caches for as many shards as it
  /// allows and encode the others again; evaluate() plays as many shards at once as it allows, at least one.
  /// No result depends on it.
  std::int64_t cache_mb = 1024;
  Autoreset autoreset = Autoreset::same_step;
};

class Engine {
 public:
  /// The scenario must outlive the engine. `policy` fixes the column widths: policies stepped later must have
  /// the same action kind and no wider state. Throws ConfigError when scenario, user model and policy do not
  /// fit together.
  Engine(const Scenario& scenario, const PolicySpec& policy, const EngineOptions& options);
  ~Engine();
  Engine(Engine&&) noexcept;

  const BatchShape& shape() const noexcept;
  Batch& batch() noexcept;

  /// Begins episode r in row r, for all rows.
  void reset();
  /// One step of every row, one barrier. The k-th episode of row r has id r + k * rows. The engine keeps
  /// `policy` until another one is stepped, so that what it cached for a snapshot is never used with the
  /// next.
  void step(const std::shared_ptr<const Policy>& policy, Mode mode);
  /// `rollout.steps()` steps of every row; each shard runs them all, one barrier in total.
  void collect(const std::shared_ptr<const Policy>& policy, Mode mode, Rollout& rollout);
  /// Plays these episodes, each to its end, and returns them in this order. Leaves the rows of step() alone.
  /// REQUIRES: ids ascending and distinct. `on_progress` is called with the number of finished episodes, from
  /// any worker, one call at a time. Throws Interrupted when interrupted() becomes true.
  Trajectories evaluate(const Policy& policy, Mode mode, std::span<const EpisodeId> ids,
                        const std::function<void(std::int64_t)>& on_progress = {});

  /// How many shards evaluate() may play at once under `cache_mb`, whatever the number of threads; at
  /// least 1.
  std::int64_t shards_at_once(const Policy& policy) const;

  /// Counters and columns for a checkpoint; load() restores them into an engine built with the same
  /// arguments.
  void save(NamedArrays& out);
  void load(const NamedArrays& in);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer
