// What benchmarks of slates have in common: batches of a world stepped side by side, and processor time.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "env/engine.h"
#include "env/policy.h"
#include "env/runtime.h"
#include "scenarios/slate/slate.h"

namespace veer::bench {

/// CPU time of all threads of this process, in seconds: what a step costs on a machine that others use, too.
inline double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Batches stepped side by side: one, or one per worker where a batch is a single shard, as the published
/// figure is that of two processes. Not thread-safe.
class SlateBatches {
 public:
  /// `most`: rows of a shard, at most.
  SlateBatches(const SlateScenario& world, const std::shared_ptr<const Policy>& policy, std::int32_t rows,
               int threads, std::uint64_t seed, std::int32_t most = 128)
      : policy_(policy), rows_(rows) {
    const std::int32_t shard = std::min(most, rows < 128 ? 32 : rows < 128 * threads ? 64 : 128);
    const int count = rows <= shard ? threads : 1;
    for (int i = 0; i < count; ++i) {
      engines_.push_back(std::make_unique<Engine>(
          world, policy->spec(),
          EngineOptions{.rows = rows, .shard_rows = shard, .seed = seed + static_cast<std::uint64_t>(i)}));
      engines_.back()->reset();
    }
  }
  void step(int times) {
    parallel_for(std::ssize(engines_), [&](std::int64_t i) {
      for (int t = 0; t < times; ++t) engines_[at(i)]->step(policy_, Mode::sample);
    });
  }
  std::int64_t people() const noexcept { return std::ssize(engines_) * rows_; }
  Engine& first() noexcept { return *engines_.front(); }

 private:
  std::shared_ptr<const Policy> policy_;
  std::int32_t rows_;
  std::vector<std::unique_ptr<Engine>> engines_;
};

}  // namespace veer::bench
