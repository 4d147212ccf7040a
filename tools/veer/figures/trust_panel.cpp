#include "tools/veer/figures/trust_panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "env/error.h"
#include "tools/veer/figures/method_table.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

constexpr std::size_t interest = 0;  ///< place of IoI among the figures of guidance
constexpr double not_known = std::numeric_limits<double>::quiet_NaN();

/// Mean over training seeds and episodes of how far judges are apart about a path.
double range_between_judges(const MethodScores& scores, std::size_t method) {
  std::vector<SeedValues> judges;
  for (std::size_t j = 0; j < scores.judges().size(); ++j)
    judges.push_back(scores.values(method, j, 0, interest));
  if (judges.size() < 2) return not_known;
  double sum = 0.0, count = 0.0;
  for (std::size_t s = 0; s < judges.front().size(); ++s) {
    for (std::size_t e = 0; e < judges.front()[s].size(); ++e) {
      double low = judges.front()[s][e], high = low;
      for (const SeedValues& judge : judges) {
        const double value = judge[s][e];
        low = std::isnan(value) ? value : std::min(low, value);
        high = std::isnan(value) ? value : std::max(high, value);
      }
      if (std::isnan(high - low)) continue;
      sum += high - low;
      count += 1.0;
    }
  }
  return count > 0.0 ? sum / count : not_known;
}

std::size_t neutral_method(const MethodScores& scores, std::size_t baseline, const std::string& name) {
  if (name.empty()) return baseline;
  std::vector<std::string> names;
  for (std::size_t m = 0; m < scores.methods().size(); ++m) {
    if (scores.methods()[m].name == name) return m;
    names.push_back(scores.methods()[m].name);
  }
  throw ConfigError({{}, 0, "--neutral"},
                    {"'" + name + "'", fmt::format("one of {}", fmt::join(names, ", ")), ""});
}

std::string share_cell(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.0f} %", 100.0 * share);
}

std::string share_cell(const Estimate& e) {
  if (std::isnan(e.mean) || std::isnan(e.low)) return share_cell(e.mean);
  return fmt::format("{:.0f} % ({:.0f} to {:.0f})", 100.0 * e.mean, 100.0 * e.low, 100.0 * e.high);
}

}  // namespace

TrustPanel::TrustPanel(const MethodScores& scores, std::size_t baseline, const std::string& neutral,
                       const CrossedOptions& options)
    : scores_(scores), baseline_(baseline), neutral_(neutral_method(scores, baseline, neutral)) {
  const auto judges = scores.judges();
  const auto planner = std::find(judges.begin(), judges.end(), "planner");
  own_ = planner == judges.end() ? 0 : static_cast<std::size_t>(planner - judges.begin());
  const auto figures = scores.figures().figures();
  const auto off_data = static_cast<std::size_t>(
      std::find_if(figures.begin(), figures.end(), [](const Figure& f) { return f.name == "off_data"; }) -
      figures.begin());

  const CrossedBootstrap bootstrap(scores.people(), options);
  const auto interest_of = [&](std::size_t method, std::size_t judge) {
    return bootstrap.replicates(scores.values(method, judge, 0, interest),
                                static_cast<std::uint32_t>(method));
  };
  std::vector<std::vector<double>> of_baseline;  // per judge
  for (std::size_t j = 0; j < judges.size(); ++j) of_baseline.push_back(interest_of(baseline, j));
  const std::vector<double> anyway = interest_of(neutral_, own_);
  std::vector<GainEvidence> candidates;
  for (std::size_t m = 0; m < scores.methods().size(); ++m) {
    Trust& trust = methods_.emplace_back();
    trust.range = range_between_judges(scores, m);
    trust.off_data = bootstrap.mean(scores.values(m, own_, 0, off_data), static_cast<std::uint32_t>(m)).mean;
    const std::vector<double> shift = interest_of(m, own_);
    trust.shift = bootstrap.estimate(shift);
    trust.caused = bootstrap.difference(shift, anyway);
    trust.caused_share = bootstrap.estimate(share_beyond(shift, anyway));
    if (m == neutral_)
      trust.caused = trust.caused_share = {not_known, not_known, not_known, not_known, not_known};
    if (m == baseline) continue;
    std::vector<double> own = shift;
    for (std::size_t r = 0; r < own.size(); ++r) own[r] -= of_baseline[own_][r];
    trust.gain.own = bootstrap.estimate(own);
    for (std::size_t j = 0; j < judges.size(); ++j) {
      if (j == own_) continue;
      std::vector<double> other = interest_of(m, j);
      for (std::size_t r = 0; r < other.size(); ++r) other[r] -= of_baseline[j][r];
      trust.gain.others.push_back(bootstrap.estimate(other));
      trust.gain.shortfalls.push_back(bootstrap.difference(own, other));
    }
    candidates.push_back(trust.gain);
  }
  const std::vector<GainVerdict> verdicts = verdicts_on_gains(candidates);
  for (std::size_t m = 0, c = 0; m < methods_.size(); ++m) {
    if (m != baseline) methods_[m].verdict = verdicts[c++];
  }
}

std::vector<std::string> TrustPanel::header() const {
  std::vector<std::string> out{"policy", "judges apart", "off data", "gain under " + own()};
  for (std::size_t j = 0; j < scores_.judges().size(); ++j) {
    if (j != own_) out.push_back("under " + scores_.judges()[j]);
  }
  out.insert(out.end(), {"gain", "shift", "beyond " + neutral(), "share of it"});
  return out;
}

std::vector<std::vector<std::string>> TrustPanel::rows() const {
  const int decimals = scores_.figures().figures()[interest].decimals;
  std::vector<std::vector<std::string>> out;
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    const Trust& trust = methods_[m];
    std::vector<std::string> row{
        scores_.methods()[m].name,
        std::isnan(trust.range) ? "-" : fmt::format("{:.{}f}", trust.range, decimals),
        share_cell(trust.off_data)};
    const bool is_baseline = m == baseline_;
    row.push_back(is_baseline ? "baseline" : estimate_cell(trust.gain.own, decimals, true));
    for (std::size_t j = 0; j + 1 < scores_.judges().size(); ++j)
      row.push_back(is_baseline ? "" : estimate_cell(trust.gain.others[j], decimals, true));
    row.push_back(is_baseline                              ? ""
                  : trust.verdict == GainVerdict::own_only ? "OWN MODEL ONLY"
                                                           : std::string(name_of(trust.verdict)));
    row.push_back(estimate_cell(trust.shift, decimals, false));
    row.push_back(m == neutral_ ? "neutral" : estimate_cell(trust.caused, decimals, true));
    row.push_back(share_cell(trust.caused_share));
    out.push_back(std::move(row));
  }
  return out;
}

std::vector<std::string> TrustPanel::legend() const {
  return {
      "Judges apart: mean over paths of the largest minus the smallest IoI that judges give the same path.",
      "Off data: share of steps that nobody took whom models may learn from (nearest logged transition); "
      "there they "
      "extrapolate.",
      fmt::format(
          "Gain: IoI less that of {} in the same episodes. {} is what policies plan with, and what a policy "
          "can exploit: \"own model only\" flags a gain that stands under it, under no other judge, and is "
          "larger than under every other (5 %, Holm's correction over policies and judges); \"shared\": at "
          "least one other judge sees it, too; \"open\": the others cannot tell, play more episodes.",
          scores_.methods()[baseline_].name, own()),
      fmt::format(
          "Shift: IoI under {}. Beyond {}: less what happens to the same people under {}, which stands for "
          "natural drift; the rest is what the policy caused, and its share of the shift.",
          own(), neutral(), neutral())};
}

std::string TrustPanel::text() const {
  Table table(header());
  for (std::vector<std::string>& row : rows()) table.add(std::move(row));
  std::string out = "How far to trust it\n" + table.text();
  for (const std::string& line : legend()) out += line + "\n";
  return out;
}

nlohmann::ordered_json TrustPanel::json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    const Trust& trust = methods_[m];
    nlohmann::ordered_json entry{{"method", scores_.methods()[m].name},
                                 {"judges_apart", trust.range},
                                 {"off_data", trust.off_data},
                                 {"shift", estimate_json(trust.shift)}};
    if (m != neutral_) {
      entry["caused"] = estimate_json(trust.caused);
      entry["caused_share"] = estimate_json(trust.caused_share);
    }
    if (m != baseline_) {
      entry["gain"] = {{scores_.judges()[own_], estimate_json(trust.gain.own)}};
      for (std::size_t j = 0, next = 0; j < scores_.judges().size(); ++j) {
        if (j != own_) entry["gain"][scores_.judges()[j]] = estimate_json(trust.gain.others[next++]);
      }
      entry["verdict"] = name_of(trust.verdict);
      entry["flagged"] = trust.verdict == GainVerdict::own_only;
    }
    list.push_back(std::move(entry));
  }
  return {{"own_model", own()},
          {"neutral", neutral()},
          {"baseline", scores_.methods()[baseline_].name},
          {"methods", list}};
}

}  // namespace veer::tools
