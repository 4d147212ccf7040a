#include "scenarios/session.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "env/error.h"
#include "rewards/engagement.h"
#include "rewards/guidance.h"

namespace veer {
namespace {

/// Lanes of Stream::begin_episode. Numbers are part of what session-v1 means.
enum SessionLane : std::uint32_t { session_person = 0, session_cut = 1 };

[[noreturn]] void refuse_session(const char* field, const std::string& found, const std::string& expected,
                                 const std::string& hint = {}) {
  throw ConfigError({{}, 0, std::string("session: ") + field}, {found, expected, hint});
}

}  // namespace

SessionScenario::SessionScenario(SessionParameters parameters) : parameters_(std::move(parameters)) {
  check_parameters();
  const SessionParameters& p = parameters_;
  spec_.id = "session-v1";
  spec_.items = p.data->catalogue.size();
  spec_.history_length = p.history;
  spec_.history_capacity = p.history + p.horizon;
  spec_.horizon = p.horizon;
  spec_.attributes = static_cast<std::int32_t>(p.data->catalogue.attribute_names.size());
  spec_.acceptance = Acceptance::sampled;
  for (const auto& [name, value] : p.modifiers) spec_.modifiers.push_back(name);
  const SessionWeights& w = p.weights;
  if (w.click != 0) rewards_.push_back(clicks(w.click));
  if (w.purchase != 0) rewards_.push_back(veer::purchases(w.purchase));
  if (w.skip != 0) rewards_.push_back(skips(w.skip));
  if (w.leave != 0) rewards_.push_back(abandonment(w.leave));
  if (p.satisfaction != nullptr && w.satisfaction != 0) {
    rewards_.push_back(inferred_satisfaction(p.satisfaction, w.satisfaction));
  }
  collect_people();
}

void SessionScenario::check_parameters() const {
  const SessionParameters& p = parameters_;
  if (p.data == nullptr) refuse_session("data", "no data set", "a data set");
  if (p.users == nullptr) refuse_session("users", "no user model", "a user model");
  const std::int32_t items = p.data->catalogue.size();
  const auto check_items = [&](const char* field, std::int32_t found) {
    if (found == items) return;
    refuse_session(field, "a model of " + std::to_string(found) + " items",
                   std::to_string(items) + " as in the data set", "fit the model on this data set");
  };
  check_items("users", p.users->spec().items);
  if (p.purchases != nullptr) check_items("purchases", p.purchases->items());
  if (p.satisfaction != nullptr) check_items("satisfaction", p.satisfaction->items());
  const auto check_between = [](const char* field, std::int32_t value, std::int32_t most) {
    if (value >= 1 && value <= most) return;
    refuse_session(field, std::to_string(value), "1 to " + std::to_string(most));
  };
  check_between("history", p.history, longest_history);
  check_between("horizon", p.horizon, longest_horizon);
  check_between("patience", p.patience, 1 << 24);
  for (const float weight :
       {p.weights.click, p.weights.purchase, p.weights.skip, p.weights.leave, p.weights.satisfaction}) {
    if (!std::isfinite(weight)) refuse_session("weights", std::to_string(weight), "a finite number");
  }
  if (p.part && p.data->parts.size() != at(p.data->interactions.users())) {
    refuse_session("part", "a data set without parts", "a part for every person", "split the data set first");
  }
  std::set<std::string> names;
  for (const auto& [name, value] : p.modifiers) {
    if (!names.insert(name).second) refuse_session("modifiers", "'" + name + "' twice", "every name once");
    if (!std::isfinite(value))
      refuse_session("modifiers", name + " = " + std::to_string(value), "a finite number");
  }
}

void SessionScenario::collect_people() {
  const SessionParameters& p = parameters_;
  const auto has_log = [&](UserId user) { return !p.data->interactions.of(user).empty(); };
  if (p.population) {
    const bool makes_up =
        std::ranges::any_of(p.population->cohorts, [](const Cohort& cohort) { return cohort.made_up; });
    if (makes_up && p.history >= spec_.items) {
      refuse_session("history", std::to_string(p.history),
                     "fewer items than the catalogue has, for new people");
    }
    // New people write `history` items; logged ones bring what they have.
    population_ = std::make_unique<const Population>(*p.population, p.data, p.users, p.history, has_log);
    people_ = population_->people();
    return;
  }
  for (UserId user = 0; user < p.data->interactions.users(); ++user) {
    if (p.part && p.data->parts[at(user)] != *p.part) continue;
    if (has_log(user)) people_.push_back(user);
  }
  if (!people_.empty()) return;
  throw DataError({{}, 0, "session: people"}, {"nobody with a log", "somebody whose log can start an episode",
                                               "use another part or a larger data set"});
}

void SessionScenario::begin_episode(std::int32_t row, Shard& shard) const {
  const SessionParameters& p = parameters_;
  const StepKey key = shard.key(row);
  const auto below = [&](std::int64_t bound, SessionLane lane) {
    return static_cast<std::int64_t>(
        uniform_below(static_cast<std::uint32_t>(bound), key, Stream::begin_episode, lane));
  };
  const Member member = population_ != nullptr
                            ? population_->draw(key)
                            : Member{.user = people_[at(below(std::ssize(people_), session_person))]};
  const std::span<ItemId> history = shard.history.row(row);
  std::ranges::fill(history, no_item);
  shard.user(row) = member.user;
  shard.target(row) = no_item;
  if (population_ != nullptr && population_->made_up(member)) {
    population_->write_history(member, key, history.first(at(p.history)));
    shard.history_size(row) = p.history;
  } else {
    const std::span<const ItemId> log = p.data->interactions.of(member.user);
    const std::int64_t cut =
        p.cut == HistoryCut::last ? std::ssize(log) : 1 + below(std::ssize(log), session_cut);
    const std::int64_t length = std::min<std::int64_t>(cut, p.history);
    std::ranges::copy(log.subspan(at(cut - length), at(length)), history.begin());
    shard.history_size(row) = static_cast<std::int32_t>(length);
  }
  shard.patience(row) = static_cast<float>(p.patience);
  for (std::size_t m = 0; m < p.modifiers.size(); ++m) {
    shard.modifiers(row, static_cast<std::int32_t>(m)) = p.modifiers[m].second;
  }
}

void SessionScenario::settle(Rows rows, Shard& shard) const {
  const SessionParameters& p = parameters_;
  for (const std::int32_t row : rows) {
    const ItemId item = shard.items(row, 0);
    if (item == no_item) continue;
    std::uint8_t& answer = shard.feedback(row, 0);
    if ((answer & feedback::accepted) == 0) {
      shard.patience(row) -= 1.0F;
      continue;
    }
    if (p.patience_rule == PatienceRule::in_a_row) shard.patience(row) = static_cast<float>(p.patience);
    if (p.purchases == nullptr) continue;
    const std::span<const ItemId> history = shard.history.row(row).first(at(shard.history_size(row)));
    if (uniform(shard.key(row), Stream::purchase) < p.purchases->probability(item, history)) {
      answer |= feedback::purchased;
    }
  }
}

EndReason SessionScenario::end_of(std::int32_t row, const Shard& shard) const {
  return shard.patience(row) <= 0.0F ? EndReason::user_left : EndReason::running;
}

}  // namespace veer
