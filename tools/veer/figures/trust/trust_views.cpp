#include "tools/veer/figures/trust/trust_views.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "env/data/support.h"
#include "env/error.h"

namespace veer::tools {
namespace {

constexpr float nothing_shown = std::numeric_limits<float>::quiet_NaN();

std::size_t place_of_figure(const FigureSet& set, std::string_view name) {
  const auto figures = set.figures();
  return static_cast<std::size_t>(
      std::find_if(figures.begin(), figures.end(), [&](const Figure& f) { return f.name == name; }) -
      figures.begin());
}

/// "planner", where there is one, is what policies plan with.
std::size_t own_of(std::span<const std::string> judges) {
  const auto planner = std::find(judges.begin(), judges.end(), "planner");
  return planner == judges.end() ? 0 : static_cast<std::size_t>(planner - judges.begin());
}

std::vector<std::string> fits_in_order(std::span<const std::string> judges,
                                       const std::map<std::string, std::string>& fits) {
  std::vector<std::string> out;
  for (const std::string& judge : judges) out.push_back(fits.contains(judge) ? fits.at(judge) : "");
  return out;
}

}  // namespace

std::map<std::string, std::string> fits_of_judges(const RunHeader& header) {
  std::map<std::string, std::string> out;
  toml::table table;
  try {
    table = toml::parse(header.configuration);
  } catch (const toml::parse_error&) {
    return out;  // what a run was configured with is shown elsewhere; here it is only not known
  }
  std::vector<std::string> names = header.judges;
  if (names.empty()) names = {"users"};  // nobody but the people themselves
  for (const std::string& judge : names) {
    const std::string key =
        judge == "users" || judge == "planner" ? judge + "_fit" : "judge " + judge + " fit";
    if (const auto fit = table[key].value<std::string>()) out[judge] = *fit;
  }
  return out;
}

TrustViews guidance_views(const MethodScores& scores, const std::map<std::string, std::string>& fits) {
  constexpr std::size_t interest = 0;  // place of IoI among the figures of guidance
  TrustViews out;
  out.judges.assign(scores.judges().begin(), scores.judges().end());
  out.fits = fits_in_order(out.judges, fits);
  out.own = own_of(out.judges);
  out.figure = scores.figures().figures()[interest];
  out.about =
      "Judges apart: mean over paths of the largest minus the smallest IoI that judges give the same path.";
  out.drift = true;
  out.values = [&scores](std::size_t m, std::size_t j) { return scores.values(m, j, 0, interest); };
  const std::size_t off_data = place_of_figure(scores.figures(), "off_data");
  out.off_data = [&scores, off_data, own = out.own](std::size_t m) {
    return scores.values(m, own, 0, off_data);
  };
  return out;
}

EpisodeTrust::EpisodeTrust(const Dataset& data, std::vector<std::string> judges)
    : judges_(std::move(judges)),
      transitions_(learnable_transitions(data)),
      taken_(at(data.catalogue.size()) + 1, 0) {
  // Every item but the first of a log follows something; no_item stands before the first.
  for (ItemId from = 0; from <= data.catalogue.size(); ++from) {
    for (const ItemId to : transitions_.successors(from)) taken_[at(to)] = 1;
  }
}

void EpisodeTrust::add(const std::string& policy, const Trajectories& episodes) {
  const std::vector<std::int32_t> support = step_support(transitions_, episodes);
  const bool logs = transitions_.transitions() > 0;
  const std::size_t slots = at(episodes.slots);
  Seen& seen = seen_.emplace_back(Seen{policy, {}, {}, {}});
  seen.expected.resize(judges_.size());
  for (std::size_t e = 0; e < at(episodes.episodes()); ++e) {
    const std::size_t first = at(episodes.first_step[e]) * slots, steps = at(episodes.length[e]);
    double shown = 0.0, off = 0.0, never = 0.0;
    std::vector<double> expected(judges_.size(), 0.0);
    for (std::size_t cell = first; cell < first + steps * slots; ++cell) {
      const ItemId item = episodes.items[cell];
      if (item == no_item) continue;
      shown += 1.0;
      off += support[cell] == 0 ? 1.0 : 0.0;
      never += taken_[at(item)] == 0 ? 1.0 : 0.0;
      for (std::size_t j = 0; j < judges_.size(); ++j)
        expected[j] += double{episodes.judges[j].acceptance[cell / slots]};
    }
    const auto share = [&](double sum, bool known) {
      return known && shown > 0.0 ? static_cast<float>(sum / shown) : nothing_shown;
    };
    seen.off_data.push_back(share(off, logs));
    seen.never_taken.push_back(share(never, logs));
    for (std::size_t j = 0; j < judges_.size(); ++j) seen.expected[j].push_back(share(expected[j], true));
  }
}

const EpisodeTrust::Seen& EpisodeTrust::of(const std::string& policy) const {
  return *std::find_if(seen_.begin(), seen_.end(), [&](const Seen& each) { return each.policy == policy; });
}

SeedValues EpisodeTrust::column(const Method& method, std::vector<float> Seen::*which) const {
  SeedValues out;
  for (const std::string& policy : method.policies) out.push_back(of(policy).*which);
  return out;
}

TrustViews EpisodeTrust::views(const MethodScores& scores,
                               const std::map<std::string, std::string>& fits) const {
  TrustViews out;
  out.off_data = [this, &scores](std::size_t m) { return column(scores.methods()[m], &Seen::off_data); };
  out.never_taken = [this, &scores](std::size_t m) {
    return column(scores.methods()[m], &Seen::never_taken);
  };
  if (judges_.empty()) {
    out.judges = {"users"};
    out.fits = fits_in_order(out.judges, fits);
    out.figure = scores.figures().figures().front();
    out.about =
        "No model but the people's own looked at these episodes: to see what other people make of the "
        "same policies, play them there, too, and name the run (veer compare --under NAME=RUN).";
    out.values = [&scores](std::size_t m, std::size_t) { return scores.values(m, 0, 0, 0); };
    return out;
  }
  out.judges = judges_;
  out.fits = fits_in_order(judges_, fits);
  out.own = own_of(judges_);
  out.figure = {"expected_take_rate", "Expected take rate", 3, true};
  out.about =
      "Expected take rate: mean probability by which a judge expects what was shown to be taken, given what "
      "the person did before. Judges apart: mean over episodes of the largest minus the smallest one.";
  out.values = [this, &scores](std::size_t m, std::size_t j) {
    SeedValues values;
    for (const std::string& policy : scores.methods()[m].policies) values.push_back(of(policy).expected[j]);
    return values;
  };
  return out;
}

TrustViews EpisodeTrust::played_views(const MethodScores& scores,
                                      const std::map<std::string, std::string>& fits,
                                      const std::vector<PlayedElsewhere>& others) const {
  TrustViews out = views(scores, fits);
  out.judges = {"users"};
  out.fits = fits_in_order(out.judges, fits);
  out.own = 0;
  out.figure = scores.figures().figures().front();
  out.same_episodes = false;
  out.about = fmt::format(
      "{}: the same policies in the same episodes, played among each of these people. Judges apart: the "
      "largest minus the smallest mean. A policy that plans with the model of the people it meets plans with "
      "another one there.",
      out.figure.title);
  std::vector<std::vector<std::size_t>> place;  // [others][method]
  for (const PlayedElsewhere& other : others) {
    if (!scores.same_episodes(other.scores)) {
      throw DataError({{}, 0, "--under " + other.name},
                      {"other episodes than in RUN", "the same people and starts",
                       "play it with equal options but for --users"});
    }
    out.judges.push_back(other.name);
    out.fits.push_back(other.fit);
    auto& places = place.emplace_back();
    const std::span<const Method> theirs = other.scores.methods();
    for (const Method& method : scores.methods()) {
      const auto found =
          std::find_if(theirs.begin(), theirs.end(), [&](const Method& m) { return m.name == method.name; });
      if (found == theirs.end()) {
        throw ConfigError({{}, 0, "--under " + other.name},
                          {"no " + method.name, "every method of RUN", "play the same policies in both"});
      }
      places.push_back(static_cast<std::size_t>(found - theirs.begin()));
    }
  }
  out.values = [&scores, &others, place](std::size_t m, std::size_t j) {
    return j == 0 ? scores.values(m, 0, 0, 0) : others[j - 1].scores.values(place[j - 1][m], 0, 0, 0);
  };
  return out;
}

}  // namespace veer::tools
