// Populations: people from whom episodes start, drawn by cohort from logs, or made up.
//
// A new person. Members of the cohort have tastes: where the world's own user model says they stand at a
// place of their logs, drawn once for each. A new taste is drawn from the distribution fitted to these tastes
// (taste_density.h), around that of a member drawn at random; activity is that of the same member: how far
// into a log the taste stands, and how much time passes between two items. From there the user model writes
// the history: what people take next of their own accord, nothing sooner again than anybody in the log
// (taste_model.h). User id, and with it what a model knows about a person by name, is that of the member. How
// much new people are like real ones is measured, not promised: `veer validate people.toml`.
//
// Thread-safety: immutable after construction, which uses the current arena. Determinism: the distribution is
// a function of recipe, data and model; a draw one of its key as well (Philox, Stream::scenario).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "env/data/dataset.h"
#include "env/random.h"
#include "env/user_model.h"
#include "scenarios/population_recipe.h"
#include "simulators/taste_density.h"
#include "simulators/taste_model.h"

namespace veer {

/// Items per day between first and last of a log, one day at least. REQUIRES: the log has times and an item.
double items_per_day(const Interactions& log, UserId user) noexcept;

/// How many items of the log stand before a window of `length` drawn from it: 5 (fewer where the log has no
/// more) up to all but `length`, each with the same probability. The same for every seed. REQUIRES: more than
/// `length` items.
std::int64_t drawn_place(const Interactions& log, UserId user, std::int64_t length) noexcept;

/// Whose turn it is in an episode: a cohort by weight, as its place among the cohorts. REQUIRES: a cohort.
std::int32_t drawn_cohort(std::span<const Cohort> cohorts, const StepKey& key) noexcept;

/// Somebody from a population.
struct Member {
  UserId user = -1;         ///< who they are, or whose taste and activity a new person started from
  std::int32_t cohort = 0;  ///< index in the recipe
  std::int64_t index = 0;   ///< in people_of(cohort)
};

class Population {
 public:
  /// Fewest members that a distribution is fitted to, and most: of more, as many at equal distances.
  static constexpr std::int64_t fewest_tastes = 20, most_tastes = 2'000;

  /// `eligible` says who can play at all (long enough a log, for one). `history`: items of a new person.
  /// Throws what check_recipe() throws, ConfigError when new people are asked of a model without tastes,
  /// DataError naming file, line and cohort when the data set has no such attribute, no times, or nobody (for
  /// new people: not enough people) of that kind.
  Population(PopulationRecipe recipe, std::shared_ptr<const Dataset> data,
             std::shared_ptr<const UserModel> users, std::int32_t history,
             const std::function<bool(UserId)>& eligible);

  const PopulationRecipe& recipe() const noexcept { return recipe_; }
  /// Members of a cohort, ascending; of new people: those the distribution was fitted to.
  std::span<const UserId> people_of(std::int32_t cohort) const noexcept {
    return groups_[static_cast<std::size_t>(cohort)].people;
  }
  /// Members of any cohort, ascending and distinct.
  std::vector<UserId> people() const;
  /// Whether any cohort is of new people.
  bool makes_up() const noexcept;
  bool made_up(const Member& member) const noexcept { return tastes_of(member.cohort) != nullptr; }
  /// Null for logged people.
  const TasteDensity* tastes_of(std::int32_t cohort) const noexcept {
    const auto& tastes = groups_[static_cast<std::size_t>(cohort)].tastes;
    return tastes ? &*tastes : nullptr;
  }

  /// A cohort by weight, then one of its members, all with the same probability.
  Member draw(const StepKey& key) const noexcept;
  /// The history of a new person. REQUIRES: made_up(member); `out` has as many items as the constructor said.
  void write_history(const Member& member, const StepKey& key, std::span<ItemId> out) const;

 private:
  struct Group {
    std::vector<UserId> people;
    std::optional<TasteDensity> tastes;
  };
  void collect(const Cohort& cohort, const std::function<bool(UserId)>& eligible, Group& out) const;
  void fit(const Cohort& cohort, Group& out) const;
  bool belongs(const Cohort& cohort, std::int32_t attribute, UserId user) const;

  PopulationRecipe recipe_;
  std::shared_ptr<const Dataset> data_;
  std::shared_ptr<const UserModel> users_;
  const TasteModel* model_;  ///< users_, when it has tastes
  std::int32_t history_;
  std::int32_t rest_ = 0;  ///< only set when somebody is made up
  std::vector<Group> groups_;
};

}  // namespace veer
