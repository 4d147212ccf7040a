#include "tools/veer/figures/trust/trust_panel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "env/error.h"
#include "tools/veer/figures/methods/method_table.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

constexpr double not_known = std::numeric_limits<double>::quiet_NaN();

/// Mean over training seeds and episodes of how far judges are apart about one.
double range_between_judges(const TrustViews& views, std::size_t method) {
  std::vector<SeedValues> judges;
  for (std::size_t j = 0; j < views.judges.size(); ++j) judges.push_back(views.values(method, j));
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

TrustPanel::TrustPanel(const MethodScores& scores, TrustViews views, std::size_t baseline,
                       const std::string& neutral, const CrossedOptions& options)
    : scores_(scores),
      views_(std::move(views)),
      baseline_(baseline),
      neutral_(neutral_method(scores, baseline, neutral)) {
  if (!views_.drift && !neutral.empty()) {
    throw ConfigError({{}, 0, "--neutral"}, {"'" + neutral + "' in runs without targets", "guidance-v1",
                                             "--baseline names what sessions and slates are compared with"});
  }
  const CrossedBootstrap bootstrap(scores.people(), options);
  const auto mean = [&](const SeedValues& values, std::size_t method) {
    return bootstrap.mean(values, static_cast<std::uint32_t>(method)).mean;
  };
  std::vector<double> anyway;
  if (views_.drift) {
    anyway = bootstrap.replicates(views_.values(neutral_, views_.own), static_cast<std::uint32_t>(neutral_));
  }
  for (std::size_t m = 0; m < scores.methods().size(); ++m) {
    Trust& trust = methods_.emplace_back();
    if (views_.same_episodes) {
      trust.range = range_between_judges(views_, m);
    } else {
      std::vector<double> means;
      for (std::size_t j = 0; j < views_.judges.size(); ++j) means.push_back(mean(views_.values(m, j), m));
      trust.range =
          *std::max_element(means.begin(), means.end()) - *std::min_element(means.begin(), means.end());
    }
    trust.off_data = mean(views_.off_data(m), m);
    trust.never_taken = views_.never_taken ? mean(views_.never_taken(m), m) : not_known;
    if (!views_.drift) continue;
    const std::vector<double> shift =
        bootstrap.replicates(views_.values(m, views_.own), static_cast<std::uint32_t>(m));
    trust.shift = bootstrap.estimate(shift);
    trust.caused = bootstrap.difference(shift, anyway);
    trust.caused_share = bootstrap.estimate(share_beyond(shift, anyway));
    if (m == neutral_)
      trust.caused = trust.caused_share = {not_known, not_known, not_known, not_known, not_known};
  }
  weigh_gains(bootstrap);
}

/// Gains over the baseline under every judge, and what they say together.
void TrustPanel::weigh_gains(const CrossedBootstrap& bootstrap) {
  const auto gain = [&](std::size_t method, std::size_t judge) {
    std::vector<double> out =
        bootstrap.replicates(views_.values(method, judge), static_cast<std::uint32_t>(method));
    const std::vector<double> baseline =
        bootstrap.replicates(views_.values(baseline_, judge), static_cast<std::uint32_t>(baseline_));
    for (std::size_t r = 0; r < out.size(); ++r) out[r] -= baseline[r];
    return out;
  };
  std::vector<GainEvidence> candidates;
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    if (m == baseline_) continue;
    GainEvidence& evidence = methods_[m].gain;
    const std::vector<double> own = gain(m, views_.own);
    evidence.own = bootstrap.estimate(own);
    for (std::size_t j = 0; j < views_.judges.size(); ++j) {
      if (j == views_.own) continue;
      const std::vector<double> other = gain(m, j);
      evidence.others.push_back(bootstrap.estimate(other));
      evidence.shortfalls.push_back(bootstrap.difference(own, other));
    }
    candidates.push_back(evidence);
  }
  const std::vector<GainVerdict> verdicts = verdicts_on_gains(candidates);
  for (std::size_t m = 0, c = 0; m < methods_.size(); ++m) {
    if (m != baseline_) methods_[m].verdict = verdicts[c++];
  }
}

std::vector<std::string> TrustPanel::header() const {
  std::vector<std::string> out{"policy", "judges apart", "off data"};
  if (views_.never_taken) out.emplace_back("never taken");
  out.push_back("gain under " + own());
  for (std::size_t j = 0; j < views_.judges.size(); ++j) {
    if (j != views_.own) out.push_back("under " + views_.judges[j]);
  }
  out.emplace_back("gain");
  if (views_.drift) out.insert(out.end(), {"shift", "beyond " + neutral(), "share of it"});
  return out;
}

std::vector<std::vector<std::string>> TrustPanel::rows() const {
  const int decimals = views_.figure.decimals;
  std::vector<std::vector<std::string>> out;
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    const Trust& trust = methods_[m];
    std::vector<std::string> row{
        scores_.methods()[m].name,
        std::isnan(trust.range) ? "-" : fmt::format("{:.{}f}", trust.range, decimals),
        share_cell(trust.off_data)};
    if (views_.never_taken) row.push_back(share_cell(trust.never_taken));
    const bool is_baseline = m == baseline_;
    row.push_back(is_baseline ? "baseline" : estimate_cell(trust.gain.own, decimals, true));
    for (std::size_t j = 0; j + 1 < views_.judges.size(); ++j)
      row.push_back(is_baseline ? "" : estimate_cell(trust.gain.others[j], decimals, true));
    row.push_back(is_baseline                              ? ""
                  : trust.verdict == GainVerdict::own_only ? "OWN MODEL ONLY"
                                                           : std::string(name_of(trust.verdict)));
    if (views_.drift) {
      row.push_back(estimate_cell(trust.shift, decimals, false));
      row.push_back(m == neutral_ ? "neutral" : estimate_cell(trust.caused, decimals, true));
      row.push_back(share_cell(trust.caused_share));
    }
    out.push_back(std::move(row));
  }
  return out;
}

std::vector<std::string> TrustPanel::legend() const {
  if (!views_.same_episodes) return {views_.about};  // the rest stands below the other panel
  std::vector<std::string> out{
      views_.about,
      fmt::format(
          "Off data: share of {} that nobody took whom models may learn from (nearest logged "
          "transition); there they extrapolate.{}",
          views_.drift ? "steps" : "what was shown",
          views_.never_taken ? " Never taken: share of items that are nowhere in these people's logs." : "")};
  const bool planned = views_.drift || own() == "planner";
  out.push_back(fmt::format(
      "Gain: {} less that of {} in the same episodes. {}: \"own model only\" flags a gain that stands under "
      "it, under no other judge, and is larger than under every other (5 %, Holm's correction over policies "
      "and judges); \"shared\": at least one other judge sees it, too; \"open\": the others cannot tell, "
      "play "
      "more episodes.",
      views_.figure.title, scores_.methods()[baseline_].name,
      own() + (planned ? " is what policies plan with, and what a policy can exploit"
                       : " is the model of the people whom policies meet, and what a policy can exploit")));
  if (views_.drift) {
    out.push_back(fmt::format(
        "Shift: IoI under {}. Beyond {}: less what happens to the same people under {}, which stands for "
        "natural drift; the rest is what the policy caused, and its share of the shift.",
        own(), neutral(), neutral()));
  }
  return out;
}

std::vector<std::string> TrustPanel::findings() const {
  std::vector<std::string> out;
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    if (m == baseline_ || methods_[m].verdict != GainVerdict::own_only) continue;
    out.push_back(scores_.methods()[m].name + " gains under " + own() +
                  " and under no other judge: it may exploit that model rather than please people.");
  }
  if (views_.drift) {
    out.push_back(
        fmt::format("Natural drift: under {}, which stands for what happens to these people anyway, IoI is "
                    "{} (judge {}).",
                    neutral(), estimate_cell(methods_[neutral_].shift, views_.figure.decimals, true), own()));
  }
  return out;
}

std::vector<std::string> TrustPanel::judges() const {
  std::vector<std::string> out;
  for (std::size_t j = 0; j < views_.judges.size(); ++j) {
    if (!views_.fits[j].empty()) out.push_back(views_.judges[j] + ": " + views_.fits[j]);
  }
  return out;
}

std::string TrustPanel::text() const {
  Table table(header());
  for (std::vector<std::string>& row : rows()) table.add(std::move(row));
  std::string out =
      (views_.same_episodes ? "How far to trust it\n" : "The same policies among other people\n") +
      table.text();
  for (const std::string& line : judges()) out += line + "\n";
  for (const std::string& line : legend()) out += line + "\n";
  return out;
}

nlohmann::ordered_json TrustPanel::json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t m = 0; m < methods_.size(); ++m) {
    const Trust& trust = methods_[m];
    nlohmann::ordered_json entry{
        {"method", scores_.methods()[m].name}, {"judges_apart", trust.range}, {"off_data", trust.off_data}};
    if (views_.never_taken) entry["never_taken"] = trust.never_taken;
    if (views_.drift) entry["shift"] = estimate_json(trust.shift);
    if (views_.drift && m != neutral_) {
      entry["caused"] = estimate_json(trust.caused);
      entry["caused_share"] = estimate_json(trust.caused_share);
    }
    if (m != baseline_) {
      entry["gain"] = {{own(), estimate_json(trust.gain.own)}};
      for (std::size_t j = 0, next = 0; j < views_.judges.size(); ++j) {
        if (j != views_.own) entry["gain"][views_.judges[j]] = estimate_json(trust.gain.others[next++]);
      }
      entry["verdict"] = name_of(trust.verdict);
      entry["flagged"] = trust.verdict == GainVerdict::own_only;
    }
    list.push_back(std::move(entry));
  }
  nlohmann::ordered_json out{
      {"figure", views_.figure.name}, {"own_model", own()}, {"baseline", scores_.methods()[baseline_].name}};
  if (views_.drift) out["neutral"] = neutral();
  out["judges"] = nlohmann::ordered_json::object();
  for (std::size_t j = 0; j < views_.judges.size(); ++j) out["judges"][views_.judges[j]] = views_.fits[j];
  out["methods"] = std::move(list);
  return out;
}

}  // namespace veer::tools
