#include "simulators/fitting/fit_windows.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "env/random.h"

namespace veer {
namespace {

/// Keys the order of a whole epoch; no person has this number.
constexpr EpisodeId whole_epoch = std::numeric_limits<EpisodeId>::max();

void cut_log(std::span<const ItemId> items, std::size_t positions, std::size_t phase,
             std::vector<nn::TrainingWindow>& out) {
  // Targets are items 1 .. size-1; a window whose first target is t begins one item earlier.
  std::size_t target = 1;
  std::size_t next = phase;
  while (target < items.size()) {
    const std::size_t count = std::min(next, items.size() - target);
    out.push_back(items.subspan(target - 1, count + 1));
    target += count;
    next = positions;
  }
}

}  // namespace

EpochPlan plan_epoch(std::span<const TrainingLog> logs, std::int32_t positions, std::int64_t batch_targets,
                     std::uint64_t seed, std::uint32_t epoch) {
  std::vector<nn::TrainingWindow> cut;
  for (const TrainingLog& log : logs) {
    if (log.items.size() < 2) continue;
    auto phase = static_cast<std::uint32_t>(positions);
    if (log.items.size() > static_cast<std::size_t>(positions) + 1) {
      const StepKey key{seed, static_cast<EpisodeId>(log.user), epoch};
      phase = 1 + uniform_below(static_cast<std::uint32_t>(positions), key, Stream::shuffle);
    }
    cut_log(log.items, static_cast<std::size_t>(positions), phase, cut);
  }

  std::vector<std::int32_t> order(cut.size());
  std::iota(order.begin(), order.end(), 0);
  shuffle(StepKey{seed, whole_epoch, epoch}, Stream::shuffle, order);

  EpochPlan plan;
  plan.batch_offsets.push_back(0);
  plan.windows.reserve(cut.size());
  std::int64_t in_batch = 0;
  for (const std::int32_t index : order) {
    const nn::TrainingWindow window = cut[static_cast<std::size_t>(index)];
    plan.windows.push_back(window);
    in_batch += static_cast<std::int64_t>(window.size()) - 1;
    plan.targets += static_cast<std::int64_t>(window.size()) - 1;
    if (in_batch >= batch_targets) {
      plan.batch_offsets.push_back(plan.windows.size());
      in_batch = 0;
    }
  }
  if (plan.batch_offsets.back() != plan.windows.size()) plan.batch_offsets.push_back(plan.windows.size());
  for (std::size_t b = 0; b < plan.batches(); ++b) {
    std::stable_sort(plan.windows.begin() + static_cast<std::ptrdiff_t>(plan.batch_offsets[b]),
                     plan.windows.begin() + static_cast<std::ptrdiff_t>(plan.batch_offsets[b + 1]),
                     [](nn::TrainingWindow a, nn::TrainingWindow b2) { return a.size() > b2.size(); });
  }
  return plan;
}

}  // namespace veer
