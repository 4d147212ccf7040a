#include "scenarios/stress/cohort_mix.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "env/error.h"
#include "scenarios/stress/lots.h"

namespace veer::stress {
namespace {

/// Whose starts the census counts, and who plays instead: seeds of their own.
constexpr std::uint64_t seed_of_census = 0xCE4505C0407ULL;
constexpr std::uint64_t seed_of_guests = 0x6E575C04027ULL;
constexpr std::uint64_t next_guest = 0x9E3779B97F4A7C15ULL;  // odd: no seed comes twice
/// A side that the census found once in 4096 starts is missed by so many draws with probability e^-24.
constexpr std::uint64_t most_draws = 100'000;

[[noreturn]] void refuse_mix(const Perturbation& mix, const char* key, const std::string& found,
                             const std::string& expected, const std::string& hint = {}) {
  throw ConfigError({{}, mix.line, std::string("stress: cohort_mix: ") + key}, {found, expected, hint});
}

std::int32_t attribute_of(const Perturbation& mix, const Catalogue& catalogue) {
  const auto& names = catalogue.attribute_names;
  const auto found = std::ranges::find(names, mix.group);
  if (found != names.end()) return static_cast<std::int32_t>(found - names.begin());
  refuse_mix(mix, "group", "the attribute '" + mix.group + "'", "an attribute of the data set",
             names.empty() ? "its items have none" : "one of them is '" + names.front() + "'");
}

}  // namespace

CohortMix::CohortMix(std::shared_ptr<const Scenario> base, const Perturbation& mix, std::size_t place,
                     std::shared_ptr<const Dataset> data)
    : base_(std::move(base)), data_(std::move(data)), by_(mix.by), wanted_(mix.intensity), place_(place) {
  if (by_ == CohortBy::attribute) attribute_ = attribute_of(mix, data_->catalogue);
  count_starts(mix);
  const bool more_members = double{wanted_} > calm_share_;
  if (more_members && calm_share_ <= 0.0) {
    refuse_mix(mix, "group", "nobody among " + std::to_string(census) + " starts of this world",
               "a cohort whose members come now and then", "choose another group");
  }
  if (!more_members && double{wanted_} < calm_share_ && calm_share_ >= 1.0) {
    refuse_mix(mix, "group", "everybody among " + std::to_string(census) + " starts of this world",
               "a cohort outside which somebody is", "choose another group");
  }
}

/// What thirds are made by.
std::int64_t CohortMix::number_of(std::int32_t row, const Shard& shard) const {
  if (by_ == CohortBy::history) return shard.history_size(row);
  const UserId user = shard.user(row);
  const bool logged = user >= 0 && user < data_->interactions.users();
  return logged ? std::ssize(data_->interactions.of(user)) : 0;
}

bool CohortMix::belongs(std::int32_t row, const Shard& shard) const {
  if (by_ != CohortBy::attribute) {
    const std::int64_t number = number_of(row, shard);
    return number >= least_ && number < below_;
  }
  std::vector<std::int32_t> counts(data_->catalogue.attribute_names.size(), 0);
  for (const ItemId item : shard.history.row(row).first(at(shard.history_size(row)))) {
    for (const std::int32_t a : data_->catalogue.attributes_of(item)) ++counts[at(a)];
  }
  const auto most = std::ranges::max_element(counts);  // the first of equals
  return *most > 0 && most - counts.begin() == attribute_;
}

/// Fixes the bounds of thirds and c.
void CohortMix::count_starts(const Perturbation& mix) {
  const EnvSpec& spec = base_->spec();
  Batch batch({.rows = census,
               .shard_rows = census,
               .history_capacity = spec.history_capacity,
               .slots = spec.slots,
               .reals = spec.reals,
               .features = spec.features,
               .modifiers = static_cast<std::int32_t>(spec.modifiers.size())},
              seed_of_census);
  Shard starts = batch.shard(0);
  for (std::int32_t row = 0; row < census; ++row) {
    starts.episode(row) = static_cast<EpisodeId>(row);
    base_->begin_episode(row, starts);
  }
  if (by_ != CohortBy::attribute) {
    std::vector<std::int64_t> numbers;
    for (std::int32_t row = 0; row < census; ++row) numbers.push_back(number_of(row, starts));
    std::ranges::sort(numbers);
    const std::int64_t low = numbers[numbers.size() / 3], high = numbers[2 * numbers.size() / 3];
    constexpr auto any = std::numeric_limits<std::int64_t>::max();
    const std::int64_t least[] = {0, low, high}, below[] = {low, high, any};
    const auto third = std::ranges::find(third_names, mix.group) - third_names.begin();
    if (third == std::ssize(third_names))
      refuse_mix(mix, "group", '"' + mix.group + '"', "low, middle or high");
    least_ = least[third];
    below_ = below[third];
  }
  std::int32_t members = 0;
  for (std::int32_t row = 0; row < census; ++row) members += belongs(row, starts) ? 1 : 0;
  calm_share_ = static_cast<double>(members) / static_cast<double>(census);
}

void CohortMix::begin_episode(std::int32_t row, Shard& shard) const {
  base_->begin_episode(row, shard);
  const bool member = belongs(row, shard);
  const double a = double{wanted_}, c = calm_share_;
  const double leaves = member ? (a < c ? (c - a) / c : 0.0) : (a > c ? (a - c) / (1.0 - c) : 0.0);
  if (double{lot_of_episode(place_, shard.key(row))} >= leaves) return;
  Shard guests = shard;
  guests.seed = shard.seed ^ seed_of_guests;
  for (std::uint64_t draw = 0; draw < most_draws; ++draw) {
    guests.seed += next_guest;
    base_->begin_episode(row, guests);
    if (belongs(row, guests) != member) return;
  }
  throw DataError({{}, 0, "stress: cohort_mix"},
                  {"nobody in " + std::to_string(most_draws) + " draws", "somebody of the cohort",
                   "choose a group with more people"});
}

}  // namespace veer::stress
