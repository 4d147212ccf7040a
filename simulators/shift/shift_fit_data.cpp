#include "simulators/shift/shift_fit_data.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "env/error.h"
#include "simulators/fitting/resample.h"

namespace veer::shift {
namespace {

std::vector<UserId> learners(const Dataset& data, FitPeople people) {
  if (people == FitPeople::train_plan) return data.users_of(Part::train_plan);
  if (people == FitPeople::train_judge) return data.users_of(Part::train_judge);
  std::vector<UserId> all(static_cast<std::size_t>(data.interactions.users()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// The last event but one of everybody, with the events before it as what moved the taste.
std::vector<Cut> leave_one_out_cuts(const Interactions& log, std::int32_t events) {
  std::vector<Cut> cuts;
  for (UserId user = 0; user < log.users(); ++user) {
    const auto size = static_cast<std::int32_t>(log.of(user).size()) - 1;
    if (size < 2) continue;
    const std::int32_t at = std::max(1, size - events);
    cuts.push_back({user, at, size - at, size - at - 1});
  }
  return cuts;
}

std::vector<std::int64_t> counts_of(const Dataset& data, std::span<const UserId> people, std::size_t held) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(data.catalogue.size()) + 1, 0);
  for (const UserId user : people) {
    const auto log = data.interactions.of(user);
    for (std::size_t i = 0; i + held < log.size(); ++i) ++counts[static_cast<std::size_t>(log[i])];
  }
  return counts;
}

/// The cuts of people drawn with replacement. REQUIRES: the cuts of one person stand together.
std::vector<Cut> resampled(const std::vector<Cut>& cuts, std::uint64_t seed) {
  std::vector<std::size_t> first;  // of each person
  for (std::size_t c = 0; c < cuts.size(); ++c) {
    if (c == 0 || cuts[c].user != cuts[c - 1].user) first.push_back(c);
  }
  const std::size_t people = first.size();
  first.push_back(cuts.size());
  std::vector<Cut> drawn;
  for (const std::size_t person : drawn_with_replacement(people, seed)) {
    drawn.insert(drawn.end(), cuts.begin() + static_cast<std::ptrdiff_t>(first[person]),
                 cuts.begin() + static_cast<std::ptrdiff_t>(first[person + 1]));
  }
  return drawn;
}

float root_mean_square_length(const Cases& cases) {
  double sum = 0.0;
  for (const float value : cases.readouts) sum += double{value} * value;
  return static_cast<float>(std::sqrt(sum / static_cast<double>(std::max<std::size_t>(1, cases.size()))));
}

std::string percent(double share) {
  return std::to_string(static_cast<int>(std::lround(100.0 * share))) + " %";
}

void choose_ladder(const Dataset& data, const ShiftFitOptions& options, FitData& fit) {
  for (std::size_t m = 0; m < mechanism_count; ++m) {
    const auto mechanism = static_cast<Mechanism>(m);
    if (!options.mechanisms.has(mechanism)) continue;
    if (mechanism == Mechanism::boredom && fit.items->facts().attributes == 0) {
      fit.notes.push_back("boredom stays off: the items of this log have no attributes");
      continue;
    }
    if (mechanism == Mechanism::exposure && options.recent_items == 0) {
      fit.notes.push_back("exposure stays off: no item counts as shown lately (recent_items 0)");
      continue;
    }
    if (mechanism == Mechanism::reactance) {
      const bool refusals = std::ranges::find(fit.training.accepted, 0) != fit.training.accepted.end();
      if (!refusals) {
        fit.notes.push_back(options.refused_rating > 0.0F
                                ? "reactance stays off: nothing in this log is rated that low"
                                : "reactance stays off: the log has no refusals; a proxy may be named "
                                  "(events rated at most refused_rating)");
        continue;
      }
      fit.notes.push_back("reactance is fitted to a proxy: events rated at most " +
                          std::to_string(options.refused_rating) + " count as refusals (" +
                          percent(static_cast<double>(std::ranges::count(fit.training.accepted, 0)) /
                                  static_cast<double>(fit.training.accepted.size())) +
                          " of the events), although people chose those items");
    }
    fit.ladder.push_back(mechanism);
  }
  if (options.time == TimeUnit::days) {
    fit.notes.push_back("time counts in days; one step is the median gap of " +
                        std::to_string(fit.days_per_step) + " days; " +
                        percent(tied_share(data.interactions)) + " of consecutive events share a stamp");
  }
}

}  // namespace

FitData prepare_fit(const Dataset& data, const nn::SequenceModel& base, const ShiftFitOptions& options) {
  if (data.catalogue.size() < 2) {
    throw ConfigError(Where{{}, 0, "items"},
                      Problem{std::to_string(data.catalogue.size()) + " items in the catalogue", "2 or more",
                              "a choice among one item says nothing about taste"});
  }
  if (base.config().items != data.catalogue.size()) {
    throw ConfigError(Where{{}, 0, "base"},
                      Problem{"a network of " + std::to_string(base.config().items) + " items",
                              std::to_string(data.catalogue.size()) + " as in the data set's catalogue",
                              "fit the base network on this data set"});
  }
  FitData fit;
  const bool everyone = options.people == FitPeople::everyone;
  const std::vector<UserId> people = learners(data, options.people);
  CaseOptions how{options.time, 1.0F, options.refused_rating};
  if (options.time == TimeUnit::days && !data.interactions.times.empty()) {
    how.days_per_step = fit.days_per_step = median_gap_days(data.interactions);
  }
  const auto fixed = [&](std::span<const UserId> who) {
    return fixed_cuts(data.interactions, who, options.at_item, options.events);
  };
  std::vector<Cut> cuts = options.at_item > 0
                              ? fixed(people)
                              : training_cuts(data.interactions, people, options.cuts_per_person,
                                              options.events, everyone ? 2 : 0, options.seed);
  if (cuts.empty()) {
    throw ConfigError(Where{{}, 0, "people"},
                      Problem{"nobody among " + std::to_string(people.size()) + " people (" +
                                  fitted_on(options.people) + ") with an event after a cut",
                              "people with two events or more",
                              "taste that moves cannot be seen in single events; filter the log less"});
  }
  UserId last = -1;
  for (const Cut& cut : cuts) {
    fit.people += cut.user != last ? 1 : 0;
    last = cut.user;
  }
  fit.people_left_out = static_cast<std::int64_t>(people.size()) - fit.people;
  if (fit.people_left_out > 0) {
    fit.notes.push_back(std::to_string(fit.people_left_out) + " of " + std::to_string(people.size()) +
                        " people have too few events for a cut and were left out");
  }
  if (options.resample) cuts = resampled(cuts, options.seed);
  const std::vector<UserId> judges = data.users_of(Part::validation);
  std::vector<Cut> held = options.at_item > 0 ? fixed(judges)
                          : everyone          ? leave_one_out_cuts(data.interactions, options.events)
                                              : held_out_cuts(data.interactions, judges, 4, options.events);
  if (held.empty()) {
    throw ConfigError(Where{{}, 0, "people"}, Problem{"nobody to validate on with an event after a cut",
                                                      "a validation part of at least one such person",
                                                      "split the data set, or filter it less"});
  }
  fit.training = make_cases(data, base, std::move(cuts), how);
  fit.validation = make_cases(data, base, std::move(held), how);
  if (options.placebo == Placebo::shuffled) {
    fit.training = with_shuffled_events(std::move(fit.training), data, how, options.seed);
    fit.validation = with_shuffled_events(std::move(fit.validation), data, how, options.seed);
    fit.notes.push_back("placebo: events after each cut are in random order");
  }
  fit.items =
      std::make_shared<const Items>(item_facts(data.catalogue, counts_of(data, people, everyone ? 2 : 0)),
                                    item_vectors(base), base.config().hidden);
  fit.units = {root_mean_square_length(fit.training), fit.items->length(), fit.items->spread()};
  if (!(fit.units.taste > 0.0F) || !(fit.units.item > 0.0F)) {
    throw ConfigError(Where{{}, 0, "base"},
                      Problem{"a network whose vectors are all zero", "a fitted network", ""});
  }
  choose_ladder(data, options, fit);
  return fit;
}

}  // namespace veer::shift
