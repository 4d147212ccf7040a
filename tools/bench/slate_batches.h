// People who are shown slates, stepped by the engine: what the workloads slate-step, slate-agent and
// kuaisim-step share.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "env/engine.h"
#include "scenarios/slate/slate_worlds.h"

namespace veer::bench {

/// Dropout of the published environment's people, which stays on.
inline constexpr float published_dropout = 0.2F;

/// 3,706 items and `people` people with 33 values each and histories of up to 50.
SlateMaterial movielens_people(std::int32_t people);

/// The world ml1m-session of these people; without `leaving` nobody's patience ends.
SlateParameters movielens_session(const SlateMaterial& material, bool leaving, bool dropout);

/// Multiply-adds that a user-step of these people takes when what depends on an item alone is tabulated: two
/// attentions; the profile's network only where dropout changes it at every step.
constexpr double necessary_people_products(bool dropout) noexcept {
  return 121'000.0 + (dropout ? 12'500.0 : 0.0);
}

/// Batches stepped side by side: one, or one per worker where a batch is a single shard, as the published
/// figure is that of two processes.
class SlateBatches {
 public:
  /// `most`: rows of a shard, at most.
  SlateBatches(const SlateScenario& world, const std::shared_ptr<const Policy>& policy, std::int32_t rows,
               int threads, std::uint64_t seed, std::int32_t most = 128);
  void step(int times);
  std::int64_t people() const noexcept { return std::ssize(engines_) * rows_; }
  Engine& first() noexcept { return *engines_.front(); }

 private:
  std::shared_ptr<const Policy> policy_;
  std::int32_t rows_;
  std::vector<std::unique_ptr<Engine>> engines_;
};

}  // namespace veer::bench
