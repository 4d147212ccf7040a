#include "scenarios/population.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"
#include "env/runtime.h"
#include "simulators/long_run/roll.h"

namespace veer {
namespace {

/// Lanes of Stream::scenario. Numbers are part of what a population means.
enum PopulationLane : std::uint32_t { cohort_lane = 0, member_lane = 1, taste_lane = 2, place_lane = 4 };

constexpr std::int64_t least_before = 5;  ///< items say little about a taste when they are fewer
constexpr double seconds_per_day = 86'400.0;

Where where(const PopulationRecipe& recipe, const Cohort& cohort) {
  return {recipe.file, cohort.line, "cohort '" + cohort.name + "'"};
}

}  // namespace

double items_per_day(const Interactions& log, UserId user) noexcept {
  const auto first = at(log.offsets[at(user)]), last = at(log.offsets[at(user) + 1]) - 1;
  const auto span = static_cast<double>(log.times[last] - log.times[first]);
  return static_cast<double>(last - first + 1) / std::max(1.0, span / seconds_per_day);
}

std::int64_t drawn_place(const Interactions& log, UserId user, std::int64_t length) noexcept {
  const std::int64_t latest = std::ssize(log.of(user)) - length;
  const std::int64_t earliest = std::min(least_before, latest);
  return earliest + uniform_below(static_cast<std::uint32_t>(latest - earliest + 1),
                                  {0, static_cast<EpisodeId>(user), 0}, Stream::scenario, place_lane);
}

Population::Population(PopulationRecipe recipe, std::shared_ptr<const Dataset> data,
                       std::shared_ptr<const UserModel> users, std::int32_t history,
                       const std::function<bool(UserId)>& eligible)
    : recipe_(std::move(recipe)),
      data_(std::move(data)),
      users_(std::move(users)),
      model_(dynamic_cast<const TasteModel*>(users_.get())),
      history_(history) {
  check_recipe(recipe_);
  if (makes_up()) rest_ = long_run::rest_between_repeats(data_->interactions);
  for (const Cohort& cohort : recipe_.cohorts) {
    collect(cohort, eligible, groups_.emplace_back());
    if (cohort.made_up) fit(cohort, groups_.back());
  }
}

bool Population::belongs(const Cohort& cohort, std::int32_t attribute, UserId user) const {
  const std::span<const ItemId> items = data_->interactions.of(user);
  const std::int64_t size = std::ssize(items);
  if (size < cohort.least_log || size > cohort.most_log || size == 0) return false;
  if (cohort.made_up && size <= history_) return false;
  if (cohort.least_per_day > 0.0 || std::isfinite(cohort.most_per_day)) {
    const double per_day = items_per_day(data_->interactions, user);
    if (per_day < cohort.least_per_day || per_day > cohort.most_per_day) return false;
  }
  if (attribute < 0) return true;
  const auto with = std::ranges::count_if(items, [&](ItemId item) {
    const auto own = data_->catalogue.attributes_of(item);
    return std::ranges::find(own, attribute) != own.end();
  });
  const double share = static_cast<double>(with) / static_cast<double>(size);
  return share >= cohort.least_share && share <= cohort.most_share;
}

void Population::collect(const Cohort& cohort, const std::function<bool(UserId)>& eligible,
                         Group& out) const {
  const Dataset& data = *data_;
  std::int32_t attribute = -1;
  if (!cohort.attribute.empty()) {
    const auto& names = data.catalogue.attribute_names;
    const auto found = std::ranges::find(names, cohort.attribute);
    if (found == names.end()) {
      throw DataError(where(recipe_, cohort),
                      {"the attribute '" + cohort.attribute + "'", "an attribute of the data set",
                       names.empty() ? "its items have none" : "one of them is '" + names.front() + "'"});
    }
    attribute = static_cast<std::int32_t>(found - names.begin());
  }
  if (data.interactions.times.empty() && (cohort.least_per_day > 0.0 || std::isfinite(cohort.most_per_day))) {
    throw DataError(where(recipe_, cohort), {"a rule about items per day", "a data set with times",
                                             "use least_log and most_log instead"});
  }
  if (recipe_.part && data.parts.size() != at(data.interactions.users())) {
    throw DataError(where(recipe_, cohort), {"a data set without parts", "a part for every person",
                                             "write part = \"all\" in the population file"});
  }
  for (UserId user = 0; user < data.interactions.users(); ++user) {
    if (recipe_.part && data.parts[at(user)] != *recipe_.part) continue;
    if (belongs(cohort, attribute, user) && eligible(user)) out.people.push_back(user);
  }
  if (out.people.empty()) {
    throw DataError(where(recipe_, cohort),
                    {"nobody of this kind with a log long enough", "at least one person",
                     "widen its bounds, or take another part"});
  }
}

void Population::fit(const Cohort& cohort, Group& out) const {
  if (model_ == nullptr) {
    throw ConfigError(where(recipe_, cohort),
                      {"new people, and a user model of kind " + users_->spec().kind,
                       "a user model in which a person is a taste",
                       "fit one with veer fit shift_user, or write people = \"logged\""});
  }
  const std::int64_t all = std::ssize(out.people);
  if (all < fewest_tastes) {
    throw DataError(where(recipe_, cohort),
                    {std::to_string(all) + " people of this kind with a log longer than the history",
                     "at least " + std::to_string(fewest_tastes) + " to fit a distribution of new people",
                     "widen its bounds, or take another part"});
  }
  const std::int64_t count = std::min(all, most_tastes);
  for (std::int64_t i = 0; i < count; ++i) out.people[at(i)] = out.people[at(i * all / count)];
  out.people.resize(at(count));
  const std::size_t width = at(model_->taste_width());
  std::vector<float> tastes(out.people.size() * width);
  parallel_for(count, [&](std::int64_t i) {
    const UserId user = out.people[at(i)];
    const auto before =
        data_->interactions.of(user).first(at(drawn_place(data_->interactions, user, history_)));
    model_->taste_of(user, before, std::span(tastes).subspan(at(i) * width, width));
  });
  out.tastes.emplace(std::move(tastes), model_->taste_width(), cohort.bandwidth);
}

std::vector<UserId> Population::people() const {
  std::vector<UserId> all;
  for (const Group& group : groups_) all.insert(all.end(), group.people.begin(), group.people.end());
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

bool Population::makes_up() const noexcept {
  return std::ranges::any_of(recipe_.cohorts, [](const Cohort& cohort) { return cohort.made_up; });
}

std::int32_t drawn_cohort(std::span<const Cohort> cohorts, const StepKey& key) noexcept {
  double all = 0.0, sum = 0.0;
  for (const Cohort& cohort : cohorts) all += cohort.weight;
  const double wanted = double{uniform(key, Stream::scenario, cohort_lane)} * all;
  std::size_t place = 0;
  while (place + 1 < cohorts.size() && (sum += cohorts[place].weight) <= wanted) ++place;
  return static_cast<std::int32_t>(place);
}

Member Population::draw(const StepKey& key) const noexcept {
  const std::int32_t cohort = drawn_cohort(recipe_.cohorts, key);
  const std::vector<UserId>& people = groups_[at(cohort)].people;
  const auto index =
      uniform_below(static_cast<std::uint32_t>(people.size()), key, Stream::scenario, member_lane);
  return {people[index], cohort, index};
}

void Population::write_history(const Member& member, const StepKey& key, std::span<ItemId> out) const {
  const Interactions& log = data_->interactions;
  std::vector<float> taste(at(model_->taste_width()));
  tastes_of(member.cohort)->draw_around(member.index, key, taste_lane, taste);
  const double days = log.times.empty() ? 0.0 : 1.0 / items_per_day(log, member.user);
  live(*model_,
       {.taste = taste,
        .state_width = users_->spec().state_width,
        .items = users_->spec().items,
        .days = static_cast<float>(days),
        .rest = rest_},
       key, out);
}

}  // namespace veer
