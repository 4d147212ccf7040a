// People for the benchmarks of user models: random histories of one length, stepped on all workers.
// Thread-safety: a Crowd is driven by one thread and spreads its shards over the current arena.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "env/batch.h"
#include "env/nn/sequence_model.h"
#include "env/user_model.h"
#include "simulators/shift/shift_user.h"
#include "tools/bench/workload.h"

namespace veer::bench {

inline constexpr std::int32_t history = 50;
inline constexpr std::int32_t capacity = 60;  ///< room for the steps after it, so that cached keys stay valid
inline constexpr std::int32_t shard_rows = 128;

ItemId random_item(std::uint64_t row, std::uint32_t lane);

/// Random weights over the catalogue; `kind` is "sasrec" or "gru4rec". Reads `capacity` items.
nn::SequenceModel random_network(const std::string& kind, std::uint64_t seed);
/// People whose taste shifts over that network, with popularity and 18 attributes; `seed` makes their rates
/// slightly others.
shift::ShiftModel random_shift_people(const nn::SequenceModel& base, shift::Mechanisms on,
                                      std::uint64_t seed = 0);

/// A batch of people of one model, with scratch for its shards.
class Crowd {
 public:
  /// `tasks` 0: a workspace for every shard, so that caches are kept from step to step.
  Crowd(const UserModel& model, std::int32_t rows, int tasks);

  Batch& batch() { return batch_; }
  void begin();
  /// One answer per row, the movement it causes, and with `scores` the standing of the target.
  void step(bool scores);
  /// The same by encoding the history anew.
  void step_anew(bool scores);
  /// Back to `history` items, so that the next steps fit the positions again.
  void rewind();

 private:
  void fill();
  /// As many tasks as workspaces; each takes every so-manieth shard.
  void each(const std::function<void(Shard&, Workspace&)>& work);

  const UserModel& model_;
  Batch batch_;
  std::vector<std::int32_t> rows_;
  std::vector<std::unique_ptr<Workspace>> workspaces_;
};

}  // namespace veer::bench
