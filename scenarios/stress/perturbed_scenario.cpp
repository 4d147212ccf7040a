#include "scenarios/stress/perturbed_scenario.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "env/error.h"
#include "scenarios/stress/cohort_mix.h"
#include "scenarios/stress/lots.h"

namespace veer::stress {

namespace {

/// Of people's features in wrong_attributes: whose they are said to be, and by which lot.
constexpr std::uint64_t seed_of_lies = 0x11E50FFEA7ULL;
constexpr std::uint32_t step_of_lies = 2;

[[noreturn]] void refuse_stress(const Perturbation& each, const std::string& found,
                                const std::string& expected, const std::string& hint) {
  const std::string_view kind = perturbation_names[static_cast<std::size_t>(each.kind)];
  throw ConfigError({{}, each.line, "stress: " + std::string(kind)}, {found, expected, hint});
}

void check_fit(const Perturbation& each, const EnvSpec& world, const Dataset& data, const UserModel* others) {
  const bool slates = world.slots > 1;
  const std::int32_t items = data.catalogue.size();
  switch (each.kind) {
    case PerturbationKind::position_bias:
      if (!slates)
        refuse_stress(each, world.id + ", where people see one item per step", "a world of slates",
                      "use slate-v1");
      break;
    case PerturbationKind::boredom:
      if (slates && data.catalogue.attribute_names.empty())
        refuse_stress(each, "items without attributes", "items that can be alike",
                      "use a data set with attributes, or leave the test out");
      break;
    case PerturbationKind::other_people:
      if (slates)
        refuse_stress(each, world.id + ", where people answer slates", "a world of one item per step",
                      "use session-v1, or leave the test out");
      if (others == nullptr)
        refuse_stress(each, "no other user model", "one whose people come", "name a file by --other-users");
      if (others->spec().items != items)
        refuse_stress(each, "a user model of " + std::to_string(others->spec().items) + " items",
                      std::to_string(items) + " items, as the data set has", "fit it on the same data set");
      break;
    default:
      break;
  }
}

/// The world whose people come.
std::shared_ptr<const Scenario> with_guests(std::shared_ptr<const Scenario> base,
                                            const std::vector<Perturbation>& perturbations,
                                            const std::shared_ptr<const Dataset>& data,
                                            const UserModel* others) {
  if (base->spec().acceptance != Acceptance::sampled) {
    throw ConfigError({{}, 0, "stress: scenario"}, {base->spec().id + ", where everything is accepted",
                                                    "a world whose people decide", "use session-v1"});
  }
  for (std::size_t i = 0; i < perturbations.size(); ++i) {
    check_fit(perturbations[i], base->spec(), *data, others);
    if (perturbations[i].kind != PerturbationKind::cohort_mix) continue;
    base = std::make_shared<const CohortMix>(std::move(base), perturbations[i], i, data);
  }
  return base;
}

}  // namespace

PerturbedScenario::PerturbedScenario(std::shared_ptr<const Scenario> base,
                                     std::vector<Perturbation> perturbations,
                                     std::shared_ptr<const Dataset> data,
                                     std::shared_ptr<const UserModel> others)
    : base_(with_guests(std::move(base), perturbations, data, others.get())),
      others_(std::move(others)),
      perturbations_(std::move(perturbations)),
      users_(*base_, perturbations_, data->catalogue, others_.get()) {}

/// With the features of somebody else: who would begin the same episode under another seed.
void PerturbedScenario::lie_about(std::int32_t row, Shard& shard, std::size_t place) const {
  const std::span<float> features = shard.features.row(row);
  Shard other = shard;
  other.seed ^= seed_of_lies;
  base_->begin_episode(row, other);
  const std::vector<float> said(features.begin(), features.end());
  base_->begin_episode(row, shard);
  const StepKey key{shard.seed, shard.episode(row), step_of_lies};
  const float lot = uniform(key, Stream::scenario, first_lane_of_stress + static_cast<std::uint32_t>(place));
  if (lot < perturbations_[place].intensity) std::ranges::copy(said, features.begin());
}

void PerturbedScenario::begin_episode(std::int32_t row, Shard& shard) const {
  base_->begin_episode(row, shard);
  for (std::size_t i = 0; i < perturbations_.size(); ++i) {
    const Perturbation& each = perturbations_[i];
    if (each.kind == PerturbationKind::wrong_attributes && shard.features.width() > 0) {
      lie_about(row, shard, i);
    }
  }
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
  const bool impatient = std::ranges::any_of(
      perturbations_, [](const Perturbation& each) { return each.kind == PerturbationKind::impatience; });
  if (!impatient) return base_->settle(rows, shard);
  std::vector<float> costs(at(shard.rows()), 0.0F);
  for (const std::int32_t row : rows) costs[at(row)] = shard.patience(row);
  base_->settle(rows, shard);
  for (const std::int32_t row : rows) costs[at(row)] -= shard.patience(row);
  for (std::size_t i = 0; i < perturbations_.size(); ++i) {
    const Perturbation& each = perturbations_[i];
    if (each.kind != PerturbationKind::impatience) continue;
    for (const std::int32_t row : rows) {
      const float level = each.schedule.level(shard.step(row));
      if (level == 0.0F || !is_affected(each, i, shard.key(row))) continue;
      // What restores patience is left alone.
      const float used = std::max(0.0F, costs[at(row)]);
      shard.patience(row) -= level * each.intensity * used;
    }
  }
}

}  // namespace veer::stress
