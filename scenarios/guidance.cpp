#include "scenarios/guidance.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "env/error.h"
#include "rewards/guidance.h"

namespace veer {
namespace {

/// Lanes of Stream::begin_episode. Numbers are part of what guidance-v1 means.
enum Lane : std::uint32_t { person_lane = 0, cut_lane = 1, target_lane = 2, first_retry = 4 };

/// Windows tried at random before the first one that works is taken: enough for any log that is not nearly
/// all repeats.
constexpr std::uint32_t tries = 64;

[[noreturn]] void reject(const char* field, const std::string& found, const std::string& expected,
                         const std::string& hint = {}) {
  throw ConfigError({.file = {}, .line = 0, .field = std::string("guidance: ") + field},
                    {found, expected, hint});
}

std::uint32_t below(std::int64_t bound, const StepKey& key, std::uint32_t lane) noexcept {
  return uniform_below(static_cast<std::uint32_t>(bound), key, Stream::begin_episode, lane);
}

bool contains(std::span<const ItemId> items, ItemId item) noexcept {
  return std::ranges::find(items, item) != items.end();
}

/// Ascending.
std::vector<ItemId> distinct(std::span<const ItemId> of) {
  std::vector<ItemId> items(of.begin(), of.end());
  std::ranges::sort(items);
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

}  // namespace

GuidanceScenario::GuidanceScenario(GuidanceParameters parameters) : parameters_(std::move(parameters)) {
  check_parameters();
  const GuidanceParameters& p = parameters_;
  spec_.id = "guidance-v1";
  spec_.items = p.data->catalogue.size();
  spec_.history_length = p.history;
  spec_.history_capacity = p.history_capacity == 0 ? p.history + p.horizon : p.history_capacity;
  spec_.horizon = p.horizon;
  spec_.attributes = static_cast<std::int32_t>(p.data->catalogue.attribute_names.size());
  spec_.acceptance = p.acceptance;
  for (const auto& [name, value] : p.modifiers) spec_.modifiers.push_back(name);
  end_at_target_ = p.end_at_target.value_or(p.acceptance == Acceptance::sampled);

  const GuidanceWeights& w = p.weights;
  if (w.ioi != 0) rewards_.push_back(increase_of_interest(w.ioi));
  if (w.ior != 0) rewards_.push_back(increase_of_rank(w.ior));
  if (w.ctr != 0) rewards_.push_back(click_probability(w.ctr));
  if (w.coherence != 0) rewards_.push_back(veer::coherence(p.data->catalogue, w.coherence));
  if (w.target != 0) rewards_.push_back(target_accepted(w.target));
  if (w.acceptance != 0) rewards_.push_back(veer::acceptance(w.acceptance));
  if (w.abandonment != 0) rewards_.push_back(abandonment(w.abandonment));

  if (p.target == TargetSource::choices) check_choices();
  collect_people();
}

void GuidanceScenario::check_parameters() const {
  const GuidanceParameters& p = parameters_;
  if (p.data == nullptr) reject("data", "no data set", "a data set");
  if (p.users == nullptr) reject("users", "no user model", "a user model");
  const std::int32_t items = p.data->catalogue.size();
  if (p.users->spec().items != items) {
    reject("users", "a model of " + std::to_string(p.users->spec().items) + " items",
           std::to_string(items) + " as in the data set", "fit the user model on this data set");
  }
  const auto check_length = [](const char* field, std::int32_t value, std::int32_t longest) {
    if (value >= 1 && value <= longest) return;
    reject(field, std::to_string(value), "1 to " + std::to_string(longest));
  };
  check_length("history", p.history, longest_history);
  check_length("horizon", p.horizon, longest_horizon);
  if (p.history_capacity != 0 &&
      (p.history_capacity < p.history || p.history_capacity > longest_history + longest_horizon)) {
    reject("history_capacity", std::to_string(p.history_capacity),
           "0, or history to " + std::to_string(longest_history + longest_horizon));
  }
  if (p.natural_nearest < 1) reject("natural_nearest", std::to_string(p.natural_nearest), "at least 1");
  if (p.natural_farthest < p.natural_nearest) {
    reject("natural_farthest", std::to_string(p.natural_farthest), "at least natural_nearest");
  }
  if (p.patience < 1) reject("patience", std::to_string(p.patience), "at least 1");
  if (p.part && p.data->parts.size() != static_cast<std::size_t>(p.data->interactions.users())) {
    reject("part", "a data set without parts", "a part for every person", "split the data set first");
  }
  if (p.weights.coherence != 0 && p.data->catalogue.attribute_names.empty()) {
    reject("weights.coherence", "a catalogue without attributes", "items with attributes");
  }
  if (p.population && !p.choices.empty() && pairs() > 0) {
    reject("population", "targets that name their own people", "targets without people, or no population");
  }
  std::set<std::string> names;
  for (const auto& [name, value] : p.modifiers) {
    if (!names.insert(name).second) reject("modifiers", "'" + name + "' twice", "every name once");
    if (!std::isfinite(value)) reject("modifiers", name + " = " + std::to_string(value), "a finite number");
  }
}

void GuidanceScenario::check_choices() {
  const GuidanceParameters& p = parameters_;
  if (p.choices.empty()) reject("choices", "none", "at least one target");
  for (std::size_t i = 0; i < p.choices.size(); ++i) {
    const TargetChoice& choice = p.choices[i];
    const Where where =
        choice.line > 0
            ? Where{.file = p.choices_file, .line = choice.line, .field = {}}
            : Where{.file = p.choices_file, .line = 0, .field = "guidance: choice " + std::to_string(i + 1)};
    if (choice.target < 1 || choice.target > spec_.items) {
      throw DataError(where,
                      {"item " + std::to_string(choice.target), "1 to " + std::to_string(spec_.items), {}});
    }
    if ((choice.user >= 0) != (p.choices.front().user >= 0)) {
      throw DataError(where, {"a mixture", "a user in every choice or in none", {}});
    }
    if (choice.user < 0) continue;
    if (choice.user >= p.data->interactions.users()) {
      throw DataError(where, {"user " + std::to_string(choice.user), "a user of the data set", {}});
    }
    const auto user = static_cast<std::size_t>(choice.user);
    if (p.part && p.data->parts[user] != *p.part) {
      throw DataError(where,
                      {"user '" + p.data->interactions.user_ids[user] + "' of another part",
                       "people of the part that episodes start from", "allow all parts to play this list"});
    }
    if (!can_start(choice.user)) {
      throw DataError(where, {"user '" + p.data->interactions.user_ids[user] + "' with " +
                                  std::to_string(p.data->interactions.of(choice.user).size()) + " items",
                              "at least " + std::to_string(p.history),
                              {}});
    }
  }
}

std::int64_t GuidanceScenario::pairs() const noexcept {
  const GuidanceParameters& p = parameters_;
  return p.target == TargetSource::choices && p.choices.front().user >= 0 ? std::ssize(p.choices) : 0;
}

bool GuidanceScenario::can_start(UserId user) const {
  const GuidanceParameters& p = parameters_;
  const std::span<const ItemId> log = p.data->interactions.of(user);
  if (p.target == TargetSource::natural) return last_natural_cut(log) > 0;
  return std::ssize(log) >= p.history;
}

bool GuidanceScenario::can_play(UserId user) const {
  if (!can_start(user)) return false;
  const GuidanceParameters& p = parameters_;
  return p.target != TargetSource::uniform_unseen ||
         std::ssize(distinct(p.data->interactions.of(user))) < spec_.items;
}

void GuidanceScenario::collect_people() {
  const GuidanceParameters& p = parameters_;
  if (p.population) {
    const bool makes_up =
        std::ranges::any_of(p.population->cohorts, [](const Cohort& cohort) { return cohort.made_up; });
    if (makes_up && p.target == TargetSource::natural) {
      reject("population", "new people and natural targets", "targets that are not natural",
             "nothing stands after the history of a new person: use unseen targets or a list");
    }
    if (makes_up && p.history >= spec_.items) {
      reject("history", std::to_string(p.history), "fewer items than the catalogue has, for new people");
    }
    population_ = std::make_unique<const Population>(*p.population, p.data, p.users, p.history,
                                                     [this](UserId user) { return can_play(user); });
    people_ = population_->people();
  } else {
    for (UserId user = 0; user < p.data->interactions.users(); ++user) {
      if (p.part && p.data->parts[static_cast<std::size_t>(user)] != *p.part) continue;
      if (can_play(user)) people_.push_back(user);
    }
  }
  seen_offsets_ = {0};
  for (const UserId user : people_) {
    if (p.target != TargetSource::uniform_unseen) break;
    const std::vector<ItemId> items = distinct(p.data->interactions.of(user));
    seen_.insert(seen_.end(), items.begin(), items.end());
    seen_offsets_.push_back(static_cast<std::int64_t>(seen_.size()));
  }
  if (!people_.empty()) return;
  throw DataError({.file = {}, .line = 0, .field = "guidance: people"},
                  {"nobody whose log can start an episode",
                   "logs of " + std::to_string(p.history) + " items or more" +
                       (p.target == TargetSource::natural ? " with a target behind them" : ""),
                   "use a shorter history, another part or a larger data set"});
}

/// The item `natural_nearest` .. `natural_farthest` places after the window that ends at `cut`: the preferred
/// place, or the next one (cyclically) whose item is not in the window. no_item when there is none.
ItemId GuidanceScenario::natural_target(std::span<const ItemId> log, std::int64_t cut,
                                        std::uint32_t preferred) const {
  const GuidanceParameters& p = parameters_;
  const std::int64_t farthest = std::min<std::int64_t>(p.natural_farthest, std::ssize(log) - cut);
  const std::int64_t places = farthest - p.natural_nearest + 1;
  const std::span<const ItemId> window =
      log.subspan(static_cast<std::size_t>(cut - p.history), static_cast<std::size_t>(p.history));
  for (std::int64_t k = 0; k < places; ++k) {
    const std::int64_t distance = p.natural_nearest + (preferred + k) % places;
    const ItemId item = log[static_cast<std::size_t>(cut + distance - 1)];
    if (!contains(window, item)) return item;
  }
  return no_item;
}

/// The latest cut that has a natural target; 0 when there is none.
std::int64_t GuidanceScenario::last_natural_cut(std::span<const ItemId> log) const {
  const std::int64_t latest = std::ssize(log) - parameters_.natural_nearest;
  for (std::int64_t cut = latest; cut >= parameters_.history; --cut) {
    if (natural_target(log, cut, 0) != no_item) return cut;
  }
  return 0;
}

GuidanceScenario::Start GuidanceScenario::draw_natural(UserId user, const StepKey& key) const {
  const GuidanceParameters& p = parameters_;
  const std::span<const ItemId> log = p.data->interactions.of(user);
  const auto target_at = [&](std::int64_t cut, std::uint32_t lane) {
    const std::int64_t places =
        std::min<std::int64_t>(p.natural_farthest, std::ssize(log) - cut) - p.natural_nearest + 1;
    return natural_target(log, cut, below(places, key, lane));
  };
  if (p.cut == HistoryCut::random) {
    const std::int64_t cuts = std::ssize(log) - p.natural_nearest - p.history + 1;
    for (std::uint32_t i = 0; i < tries; ++i) {
      // The first try has the lanes every kind of target uses; later ones lie behind all of them.
      const std::int64_t cut = p.history + below(cuts, key, i == 0 ? cut_lane : first_retry + 2 * i);
      const ItemId target = target_at(cut, i == 0 ? target_lane : first_retry + 2 * i + 1);
      if (target != no_item) return {cut, target};
    }
  }
  const std::int64_t cut = last_natural_cut(log);
  return {cut, target_at(cut, target_lane)};
}

/// Any item that is not among `seen` (ascending, distinct, not all items), each with the same probability.
ItemId GuidanceScenario::draw_unseen(std::span<const ItemId> seen, const StepKey& key) const {
  const auto index = static_cast<std::int32_t>(below(spec_.items - std::ssize(seen), key, target_lane));
  // seen[j] - 1 - j unseen items lie below seen[j]; those with at most `index` of them push the pick up by
  // one each.
  std::int32_t low = 0, high = static_cast<std::int32_t>(seen.size());
  while (low < high) {
    const std::int32_t middle = low + (high - low) / 2;
    if (seen[static_cast<std::size_t>(middle)] - 1 - middle <= index) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return index + 1 + low;
}

std::span<const ItemId> GuidanceScenario::seen_by(UserId user) const {
  const auto person = static_cast<std::size_t>(std::ranges::lower_bound(people_, user) - people_.begin());
  const auto first = static_cast<std::size_t>(seen_offsets_[person]);
  const auto last = static_cast<std::size_t>(seen_offsets_[person + 1]);
  return std::span(seen_).subspan(first, last - first);
}

Member GuidanceScenario::draw_member(const StepKey& key) const {
  const GuidanceParameters& p = parameters_;
  if (pairs() > 0) return {.user = p.choices[key.episode % p.choices.size()].user};
  if (population_ != nullptr) return population_->draw(key);
  return {.user = people_[below(std::ssize(people_), key, person_lane)]};
}

GuidanceScenario::Start GuidanceScenario::draw_start(UserId user, const StepKey& key) const {
  const GuidanceParameters& p = parameters_;
  if (p.target == TargetSource::natural) return draw_natural(user, key);
  const std::int64_t length = std::ssize(p.data->interactions.of(user));
  const std::int64_t cut =
      p.cut == HistoryCut::last ? length : p.history + below(length - p.history + 1, key, cut_lane);
  if (p.target == TargetSource::uniform_unseen) return {cut, draw_unseen(seen_by(user), key)};
  return {cut, draw_choice(key)};
}

ItemId GuidanceScenario::draw_choice(const StepKey& key) const {
  const GuidanceParameters& p = parameters_;
  if (pairs() > 0) return p.choices[key.episode % p.choices.size()].target;
  return p.choices[below(std::ssize(p.choices), key, target_lane)].target;
}

/// Writes the history of a new person and returns their target.
ItemId GuidanceScenario::make_up(const Member& member, const StepKey& key, std::span<ItemId> history) const {
  population_->write_history(member, key, history);
  if (parameters_.target != TargetSource::uniform_unseen) return draw_choice(key);
  return draw_unseen(distinct(history), key);
}

void GuidanceScenario::begin_episode(std::int32_t row, Shard& shard) const {
  const GuidanceParameters& p = parameters_;
  const StepKey key = shard.key(row);
  const Member member = draw_member(key);
  const std::span<ItemId> history = shard.history.row(row);
  std::ranges::fill(history, no_item);
  const auto length = static_cast<std::size_t>(p.history);
  shard.user(row) = member.user;
  if (population_ != nullptr && population_->made_up(member)) {
    shard.target(row) = make_up(member, key, history.first(length));
  } else {
    const Start start = draw_start(member.user, key);
    shard.target(row) = start.target;
    std::ranges::copy(
        p.data->interactions.of(member.user).subspan(static_cast<std::size_t>(start.cut) - length, length),
        history.begin());
  }
  shard.history_size(row) = p.history;
  shard.patience(row) = static_cast<float>(p.patience);
  for (std::size_t m = 0; m < p.modifiers.size(); ++m) {
    shard.modifiers(row, static_cast<std::int32_t>(m)) = p.modifiers[m].second;
  }
}

void GuidanceScenario::settle(Rows rows, Shard& shard) const {
  if (parameters_.acceptance == Acceptance::always) return;
  for (const std::int32_t row : rows) {
    if (shard.items(row, 0) == no_item) continue;
    if ((shard.feedback(row, 0) & feedback::accepted) == 0) {
      shard.patience(row) -= 1.0F;
    } else if (parameters_.patience_rule == PatienceRule::in_a_row) {
      shard.patience(row) = static_cast<float>(parameters_.patience);
    }
  }
}

EndReason GuidanceScenario::end_of(std::int32_t row, const Shard& shard) const {
  const ItemId item = shard.items(row, 0);
  const bool accepted = item != no_item && (shard.feedback(row, 0) & feedback::accepted) != 0;
  if (end_at_target_ && accepted && item == shard.target(row)) return EndReason::target_reached;
  if (parameters_.acceptance == Acceptance::sampled && shard.patience(row) <= 0.0F)
    return EndReason::user_left;
  return EndReason::running;
}

}  // namespace veer
