#include "simulators/shift/shift_evidence.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "env/error.h"
#include "env/nn/inference/sequence_encoder.h"
#include "env/runtime.h"
#include "simulators/shift/shift_fit_data.h"
#include "simulators/shift/shift_gradient.h"
#include "simulators/shift/shift_scorer.h"

namespace veer::shift {
namespace {

constexpr std::int64_t block_events = 64;

EventScores unscored(std::size_t events) {
  return {std::vector<float>(events, std::numeric_limits<float>::quiet_NaN()),
          std::vector<std::int32_t>(events, 0)};
}

/// -ln p and rank of every event when items are taken in proportion to 1 + their count among the learners.
EventScores popularity_scores(const ItemFacts& facts, const Cases& cases) {
  const auto logs = std::span(facts.log_popularity).subspan(1);
  double sum = 0.0;
  for (const float value : logs) sum += std::exp(double{value});
  EventScores out = unscored(cases.targets.size());
  for (std::size_t e = 0; e < cases.targets.size(); ++e) {
    if (cases.scored[e] == 0) continue;
    const float own = facts.log_popularity[static_cast<std::size_t>(cases.targets[e])];
    out.nll[e] = static_cast<float>(std::log(sum) - own);
    out.rank[e] =
        1 + static_cast<std::int32_t>(std::ranges::count_if(logs, [&](float x) { return x > own; }));
  }
  return out;
}

/// A network that reads the history and the case's own events before every prediction.
EventScores encoder_scores(const nn::SequenceModel& model, const Dataset& data, const Cases& cases) {
  const std::int32_t d = model.config().hidden, positions = model.config().positions;
  ItemFacts plain;
  plain.items = model.config().items;
  plain.attribute_offsets.assign(static_cast<std::size_t>(plain.items) + 2, 0);
  plain.log_popularity.assign(static_cast<std::size_t>(plain.items) + 1, 0.0F);
  const auto items = std::make_shared<const Items>(plain, item_vectors(model), d);
  const Scorer scorer(items);
  const nn::SequenceEncoder encoder(model);
  struct Place {
    std::size_t of;
    std::size_t event;
  };
  std::vector<Place> places;
  for (std::size_t c = 0; c < cases.size(); ++c) {
    for (std::int64_t e = cases.offsets[c]; e < cases.offsets[c + 1]; ++e) {
      if (cases.scored[static_cast<std::size_t>(e)] != 0) places.push_back({c, static_cast<std::size_t>(e)});
    }
  }
  EventScores out = unscored(cases.targets.size());
  const auto blocks = (static_cast<std::int64_t>(places.size()) + block_events - 1) / block_events;
  parallel_for(blocks, [&](std::int64_t b) {
    const auto first = static_cast<std::size_t>(b * block_events);
    const auto count = static_cast<std::int32_t>(std::min<std::size_t>(block_events, places.size() - first));
    const auto n = static_cast<std::size_t>(count);
    std::vector<ItemId> history(n * static_cast<std::size_t>(positions), no_item), target;
    std::vector<std::int32_t> size, rows(n), rank(n);
    std::vector<float> states(n * static_cast<std::size_t>(encoder.state_width())),
        augmented(n * static_cast<std::size_t>(items->augmented())), interest(n);
    std::iota(rows.begin(), rows.end(), 0);
    for (std::size_t r = 0; r < n; ++r) {
      const Place& place = places[first + r];
      const Cut& cut = cases.cuts[place.of];
      const auto before = data.interactions.of(cut.user).first(static_cast<std::size_t>(cut.at));
      std::vector<ItemId> read(before.begin(), before.end());
      read.insert(read.end(), cases.shown.begin() + cases.offsets[place.of],
                  cases.shown.begin() + static_cast<std::ptrdiff_t>(place.event));
      const auto newest = std::span(read).last(std::min(read.size(), static_cast<std::size_t>(positions)));
      std::ranges::copy(newest, history.begin() + static_cast<std::ptrdiff_t>(r) * positions);
      size.push_back(static_cast<std::int32_t>(newest.size()));
      target.push_back(cases.targets[place.event]);
    }
    const auto cache = encoder.make_cache(count, positions);
    const View<float> state(states.data(), count, encoder.state_width());
    encoder.begin(rows, View<const ItemId>(history.data(), count, positions),
                  View<const std::int32_t>(size.data(), count, 1), state, *cache);
    for (std::int32_t r = 0; r < count; ++r) {
      items->augment({}, state.row(r).first(static_cast<std::size_t>(d)), {}, 1.0F,
                     augmented.data() + std::ptrdiff_t{r} * items->augmented());
    }
    scorer.measure({augmented.data(), count, items->augmented()}, {}, 0.0F, target, interest, rank);
    for (std::size_t r = 0; r < n; ++r) {
      out.nll[places[first + r].event] = -interest[r];
      out.rank[places[first + r].event] = rank[r];
    }
  });
  return out;
}

struct Scored {
  std::string model, note;
  EventScores scores;
};

/// Static taste, its calibration, the hand-set shift, every rung as it was tried, and what came out.
std::vector<Scored> score_ladder(const ShiftFitResult& fit, const Likelihood& likelihood, const Cases& cases,
                                 float hand_rate) {
  std::vector<Scored> out;
  Parameters parameters = fit.model.parameters;
  const auto add = [&](const std::string& name, const std::string& note) {
    out.push_back({name, note, likelihood.score(parameters, cases)});
  };
  parameters.set_on({});
  add("static taste", "");
  for (const RungRecord& rung : fit.rungs) {
    const std::string name(mechanism_names[static_cast<std::size_t>(rung.mechanism)]);
    std::ranges::copy(rung.free, parameters.free().begin());
    parameters.set_on(rung.on);
    const bool calibration = rung.mechanism == Mechanism::calibration;
    add(calibration ? "static, calibrated" : "+ " + name, rung.kept ? "" : "stays off");
    if (!calibration) continue;
    parameters.set_value(Parameter::acceptance_rate, std::log(hand_rate / (1.0F - hand_rate)));
    parameters.set_value(Parameter::acceptance_gain, 1.0F);
    parameters.set_on(rung.on.with(Mechanism::average));
    add("hand-set exponential shift", "rate " + std::to_string(hand_rate));
  }
  parameters = fit.model.parameters;
  add("full", parameters.on().text());
  return out;
}

EvidenceCell cell_of(const Cases& cases, const EventScores& at, const EventScores& fixed,
                     const EventScores& calibrated, std::int32_t after) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> nll(at.nll.size(), none), gain = nll, beyond = nll, reciprocal = nll;
  for (std::size_t c = 0; c < cases.size(); ++c) {
    for (std::int64_t i = cases.offsets[c]; i < cases.offsets[c + 1]; ++i) {
      const auto e = static_cast<std::size_t>(i);
      if (cases.scored[e] == 0 || (after >= 0 && i - cases.offsets[c] != after)) continue;
      nll[e] = at.nll[e];
      gain[e] = fixed.nll[e] - at.nll[e];
      beyond[e] = calibrated.nll[e] - at.nll[e];
      reciprocal[e] = at.rank[e] <= 10 ? 1.0F / static_cast<float>(at.rank[e]) : 0.0F;
    }
  }
  return {clustered_mean(cases, nll), clustered_mean(cases, gain), clustered_mean(cases, beyond),
          clustered_mean(cases, reciprocal).mean};
}

/// Of this name; the static taste when there is none.
const EventScores& named(const std::vector<Scored>& models, const char* name) {
  const auto found = std::ranges::find(models, name, &Scored::model);
  return found == models.end() ? models.front().scores : found->scores;
}

std::vector<EvidenceRow> rows_of(const Cases& cases, const std::vector<Scored>& models,
                                 std::span<const std::int32_t> after) {
  const EventScores& fixed = named(models, "static taste");
  const EventScores& calibrated = named(models, "static, calibrated");
  std::vector<EvidenceRow> rows;
  for (const Scored& model : models) {
    EvidenceRow row{model.model, model.note, {}};
    for (const std::int32_t events : after) {
      row.cells.push_back(cell_of(cases, model.scores, fixed, calibrated, events));
    }
    row.cells.push_back(cell_of(cases, model.scores, fixed, calibrated, -1));
    rows.push_back(std::move(row));
  }
  return rows;
}

/// See Evidence::order. REQUIRES: both have as many events in every case.
std::vector<ClusteredMean> order_of(const Cases& cases, const std::vector<Scored>& models,
                                    const Cases& shuffled, const std::vector<Scored>& placebo,
                                    std::span<const std::int32_t> after) {
  const auto gain = [](const std::vector<Scored>& of, std::size_t event) {
    return named(of, "static, calibrated").nll[event] - named(of, "full").nll[event];
  };
  std::vector<ClusteredMean> out;
  for (std::size_t i = 0; i <= after.size(); ++i) {
    std::vector<float> difference(cases.targets.size(), std::numeric_limits<float>::quiet_NaN());
    for (std::size_t c = 0; c < cases.size(); ++c) {
      for (std::int64_t e = cases.offsets[c]; e < cases.offsets[c + 1]; ++e) {
        const auto event = static_cast<std::size_t>(e);
        if (cases.scored[event] == 0 || shuffled.scored[event] == 0) continue;
        if (i < after.size() && e - cases.offsets[c] != after[i]) continue;
        difference[event] = gain(models, event) - gain(placebo, event);
      }
    }
    out.push_back(clustered_mean(cases, difference));
  }
  return out;
}

}  // namespace

Evidence measure_evidence(const Dataset& data, const nn::SequenceModel& base,
                          const EvidenceOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  if (options.fit.people == FitPeople::everyone) {
    throw ConfigError(Where{{}, 0, "people"}, Problem{"all (leave-one-out)", "train_plan or train_judge",
                                                      "evidence is measured on people nobody learned from"});
  }
  std::int32_t longest = 0;
  for (const std::int32_t after : options.after) longest = std::max(longest, after);
  std::vector<Cut> cuts =
      options.fit.at_item > 0
          ? fixed_cuts(data.interactions, data.users_of(Part::test), options.fit.at_item, longest + 1)
          : held_out_cuts(data.interactions, data.users_of(Part::test), options.cuts_per_person, longest + 1);
  if (cuts.empty()) {
    throw ConfigError(Where{{}, 0, "people"}, Problem{"no test person with an event after a cut",
                                                      "a test part of at least one such person",
                                                      "split the data set, or filter it less"});
  }
  Evidence evidence{options.after, {}, {}, {}, {}, fit_shift_user(data, base, options.fit), 0, 0, 0.0};
  const CaseOptions how{options.fit.time, evidence.fit.model.days_per_step, options.fit.refused_rating};
  const Cases cases = make_cases(data, base, std::move(cuts), how);
  const auto items =
      std::make_shared<const Items>(evidence.fit.model.facts, item_vectors(base), base.config().hidden);
  const Likelihood likelihood(items, options.fit.recent_items);

  std::vector<Scored> models = score_ladder(evidence.fit, likelihood, cases, options.hand_rate);
  models.push_back({"popularity", "", popularity_scores(evidence.fit.model.facts, cases)});
  models.push_back({base.config().kind + " (base), encoding anew", "", encoder_scores(base, data, cases)});
  for (const auto& [name, model] : options.encoders) {
    models.push_back({name + ", encoding anew", "", encoder_scores(model, data, cases)});
  }
  evidence.rows = rows_of(cases, models, options.after);
  evidence.people = evidence.rows.front().cells.back().nll.people;
  evidence.windows = static_cast<std::int64_t>(cases.size());

  const Cases others = with_events_of_others(cases, options.fit.seed);
  evidence.others =
      rows_of(others, score_ladder(evidence.fit, likelihood, others, options.hand_rate), options.after);
  if (options.placebo) {
    ShiftFitOptions shuffled = options.fit;
    shuffled.placebo = Placebo::shuffled;
    if (!shuffled.checkpoint.empty()) shuffled.checkpoint += ".placebo";
    const ShiftFitResult fit = fit_shift_user(data, base, shuffled);
    const Cases mixed = with_shuffled_events(cases, data, how, options.fit.seed);
    std::vector<Scored> control = score_ladder(fit, likelihood, mixed, options.hand_rate);
    evidence.order = order_of(cases, models, mixed, control, options.after);
    control.push_back({base.config().kind + " (base), encoding anew", "", encoder_scores(base, data, mixed)});
    evidence.placebo = rows_of(mixed, control, options.after);
  }
  evidence.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return evidence;
}

}  // namespace veer::shift
