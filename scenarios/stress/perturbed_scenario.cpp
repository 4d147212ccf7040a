#include "scenarios/stress/perturbed_scenario.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "env/error.h"

namespace veer::stress {

PerturbedScenario::PerturbedScenario(std::shared_ptr<const Scenario> base,
                                     std::vector<Perturbation> perturbations, const Catalogue& catalogue,
                                     std::shared_ptr<const UserModel> others)
    : base_(std::move(base)),
      others_(std::move(others)),
      perturbations_(std::move(perturbations)),
      users_(*base_, perturbations_, catalogue, others_.get()) {
  if (base_->spec().acceptance != Acceptance::sampled) {
    throw ConfigError({{}, 0, "stress: scenario"}, {base_->spec().id + ", where everything is accepted",
                                                    "a world whose people decide", "use session-v1"});
  }
  for (const Perturbation& each : perturbations_) {
    if (each.kind != PerturbationKind::other_people) continue;
    if (others_ == nullptr) {
      throw ConfigError({{}, each.line, "stress: other_people"},
                        {"no other user model", "one whose people come", "name a file by --other-users"});
    }
    if (others_->spec().items != catalogue.size()) {
      throw ConfigError(
          {{}, each.line, "stress: other_people"},
          {"a user model of " + std::to_string(others_->spec().items) + " items",
           std::to_string(catalogue.size()) + " items, as the data set has", "fit it on the same data set"});
    }
  }
}

void PerturbedScenario::begin_episode(std::int32_t row, Shard& shard) const {
  base_->begin_episode(row, shard);
  for (std::size_t i = 0; i < perturbations_.size(); ++i) {
    const Perturbation& each = perturbations_[i];
    if (each.kind != PerturbationKind::short_history || !is_affected(each, i, shard.key(row))) continue;
    const std::int32_t size = shard.history_size(row);
    const auto kept = std::max<std::int32_t>(
        std::min(size, 1),
        static_cast<std::int32_t>(std::lround((1.0F - each.intensity) * static_cast<float>(size))));
    const std::span<ItemId> history = shard.history.row(row);
    std::shift_left(history.begin(), history.begin() + size, size - kept);
    std::fill(history.begin() + kept, history.end(), no_item);
    shard.history_size(row) = kept;
  }
}

void PerturbedScenario::settle(Rows rows, Shard& shard) const {
  base_->settle(rows, shard);
  for (std::size_t i = 0; i < perturbations_.size(); ++i) {
    const Perturbation& each = perturbations_[i];
    if (each.kind != PerturbationKind::impatience) continue;
    for (const std::int32_t row : rows) {
      const float level = each.schedule.level(shard.step(row));
      if (level == 0.0F || !is_affected(each, i, shard.key(row))) continue;
      for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
        const bool refused =
            shard.items(row, slot) != no_item && (shard.feedback(row, slot) & feedback::accepted) == 0;
        if (refused) shard.patience(row) -= level * each.intensity;
      }
    }
  }
}

}  // namespace veer::stress
