#include "tools/veer/figures/watching/stopping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "env/error.h"
#include "rewards/summary.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

constexpr double missed = 0.05;

std::size_t figure_named(const FigureSet& figures, const std::string& name) {
  const auto known = figures.figures();
  if (name.empty()) return 0;
  std::vector<std::string> names;
  for (std::size_t f = 0; f < known.size(); ++f) {
    if (known[f].name == name) return f;
    names.push_back(known[f].name);
  }
  throw ConfigError({{}, 0, "--metric"},
                    {"'" + name + "'", fmt::format("one of {}", fmt::join(names, ", ")), ""});
}

}  // namespace

Stopping::Stopping(const StoppingOptions& options, const FigureSet& figures,
                   std::vector<std::string> policies, const std::string& baseline,
                   const std::vector<std::int64_t>& looks)
    : options_(options),
      figures_(figures),
      policies_(std::move(policies)),
      figure_(figure_named(figures, options.metric)),
      planned_(looks.size()),
      waiting_(policies_.size()),
      people_(policies_.size()) {
  if (!(options.halfwidth > 0.0) || !std::isfinite(options.halfwidth)) {
    throw ConfigError({{}, 0, "--until-halfwidth"},
                      {fmt::format("{}", options.halfwidth), "a finite number above 0", ""});
  }
  baseline_ =
      static_cast<std::size_t>(std::find(policies_.begin(), policies_.end(), baseline) - policies_.begin());
  const std::size_t others = std::max<std::size_t>(1, policies_.size() - 1);
  // Tightest halfway, by powers, between the first look and the budget.
  const double growth = static_cast<double>(looks.back()) / static_cast<double>(looks.front());
  const ConfidenceSequenceOptions sequence{.miss = missed / static_cast<double>(others),
                                           .tightest_at = std::sqrt(growth)};
  for (std::size_t p = 0; p < policies_.size(); ++p) {
    if (policies_.size() > 1 && p == baseline_) continue;
    watched_.push_back({p, ConfidenceSequence(sequence), {}});
  }
}

void Stopping::add(std::size_t policy, const Trajectories& batch) {
  const EpisodeFigures found = figures_.of(batch, 0);
  const std::vector<float>& values = found.values[figure_];
  waiting_[policy].insert(waiting_[policy].end(), values.begin(), values.end());
  people_[policy].insert(people_[policy].end(), batch.episode_user.begin(), batch.episode_user.end());
}

bool Stopping::enough(std::int64_t episodes) {
  ++looks_;
  episodes_ = episodes;
  reached_ = true;
  for (Watched& each : watched_) {
    if (policies_.size() > 1) {
      each.sequence.add(difference_of(waiting_[each.policy], waiting_[baseline_]), people_[each.policy]);
    } else {
      each.sequence.add(waiting_[each.policy], people_[each.policy]);
    }
    each.last = each.sequence.look();
    reached_ = reached_ && each.last.halfwidth() <= options_.halfwidth;
  }
  for (auto& values : waiting_) values.clear();
  for (auto& people : people_) people.clear();
  return reached_;
}

std::string Stopping::text() const {
  const Figure& figure = figures_.figures()[figure_];
  const bool differs = policies_.size() > 1;
  std::string out = fmt::format(
      "{} after {} episodes per policy, at look {} of at most {}: {} the half-width of {} asked for.\n\n",
      reached_ ? "Stopped" : "The budget ended", grouped(episodes_), looks_, planned_,
      reached_ ? "within" : "some interval is still wider than", options_.halfwidth);
  Table table({differs ? "minus " + policies_[baseline_] : "policy", figure.title, "always-valid interval",
               "half-width"});
  for (const Watched& each : watched_) {
    const Look& look = each.last;
    const bool known = std::isfinite(look.low);
    const auto number = [&](double value) {
      return differs ? fmt::format("{:+.{}f}", value, figure.decimals)
                     : fmt::format("{:.{}f}", value, figure.decimals);
    };
    table.add({policies_[each.policy], std::isnan(look.mean) ? "-" : number(look.mean),
               known ? number(look.low) + " to " + number(look.high) : "too little to say",
               known ? fmt::format("{:.{}f}", look.halfwidth(), figure.decimals) : "-"});
  }
  return out + table.text() +
         "Always valid: 95 % for all looks and all rows together, wherever one stops; people are the "
         "clusters "
         "(asymptotic\nconfidence sequence). Intervals elsewhere are those of a number of episodes fixed "
         "beforehand.\n";
}

nlohmann::ordered_json Stopping::json() const {
  nlohmann::ordered_json out{{"metric", figures_.figures()[figure_].name},
                             {"halfwidth", options_.halfwidth},
                             {"budget", options_.budget},
                             {"reached", reached_},
                             {"look", looks_},
                             {"episodes", episodes_}};
  out["intervals"] = nlohmann::ordered_json::array();
  for (const Watched& each : watched_) {
    const Look& look = each.last;
    nlohmann::ordered_json row{{"policy", policies_[each.policy]}};
    if (policies_.size() > 1) row["minus"] = policies_[baseline_];
    row["mean"] = look.mean;
    row["low"] = look.low;  // what is not finite becomes null
    row["high"] = look.high;
    row["standard_error"] = look.standard_error;
    row["people"] = look.people;
    row["count"] = look.count;
    row["kind"] = "always-valid";
    out["intervals"].push_back(std::move(row));
  }
  return out;
}

}  // namespace veer::tools
