#include "tools/veer/figures/watching/run_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "tools/veer/figures/watching/run_figures.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 6> areas{"code", "data", "models", "configuration", "policies", "judges"};

/// Where a line of the configuration belongs.
std::string area_of(const std::string& key) {
  if (key == "arithmetic") return "code";
  for (const char* each : {"targets_sha256", "population_sha256", "purchases_sha256"}) {
    if (key == each) return "data";
  }
  for (const char* each : {"users", "planner", "users_fit", "planner_fit", "other_users_sha256"}) {
    if (key == each) return "models";
  }
  return key.starts_with("judge ") || key.starts_with("policy ") ? "models" : "configuration";
}

using Fields = std::map<std::pair<std::string, std::string>, std::string>;  ///< by area and key

Fields fields_of(const RunHeader& header) {
  Fields out;
  const std::string& text = header.configuration;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    const bool quoted = line.starts_with("\"");
    const std::size_t equals = line.find(quoted ? "\" = " : " = ");
    if (equals == std::string::npos) continue;
    const std::string key = quoted ? line.substr(1, equals - 1) : line.substr(0, equals);
    out[{area_of(key), key}] = line.substr(equals + (quoted ? 4 : 3));
  }
  out[{"data", "dataset"}] = header.dataset_fingerprint;
  out[{"configuration", "scenario"}] = header.scenario;
  out[{"configuration", "seed"}] = std::to_string(header.seed);
  out[{"configuration", "episodes"}] = std::to_string(header.episodes);
  for (const std::string& policy : header.policies) out[{"policies", policy}] = "plays";
  for (const std::string& judge : header.judges) out[{"judges", judge}] = "judges";
  return out;
}

/// Places of the episodes that both hold, ascending by id; the ids are ascending on both sides.
struct Common {
  std::vector<std::size_t> before, after;
  bool same = true;  ///< people and targets
};

Common common_episodes(const Trajectories& a, const Trajectories& b) {
  Common out;
  for (std::size_t i = 0, j = 0; i < a.episode_id.size() && j < b.episode_id.size();) {
    if (a.episode_id[i] != b.episode_id[j]) {
      ++(a.episode_id[i] < b.episode_id[j] ? i : j);
      continue;
    }
    out.same =
        out.same && a.episode_user[i] == b.episode_user[j] && a.episode_target[i] == b.episode_target[j];
    out.before.push_back(i++);
    out.after.push_back(j++);
  }
  return out;
}

template <class T>
std::vector<T> picked(const std::vector<T>& values, const std::vector<std::size_t>& places) {
  std::vector<T> out;
  for (const std::size_t place : places) out.push_back(values[place]);
  return out;
}

PolicyChange compare_policy(const std::string& policy, const Trajectories& a, const Trajectories& b,
                            const CrossedOptions& options) {
  PolicyChange out;
  out.policy = policy;
  const Common common = common_episodes(a, b);
  out.paired = common.same && !common.before.empty();
  out.before = out.paired ? std::ssize(common.before) : a.episodes();
  out.after = out.paired ? std::ssize(common.after) : b.episodes();
  if (out.before == 0 || out.after == 0) return out;
  const auto part = [&](const auto& values, const std::vector<std::size_t>& places) {
    return out.paired ? picked(values, places) : values;
  };
  // Paired: one bootstrap, so that both sides of a replicate meet the same people.
  const CrossedBootstrap of_a(part(a.episode_user, common.before), options);
  CrossedOptions other = options;
  if (!out.paired) other.seed = options.seed + 1;
  const CrossedBootstrap of_b(part(b.episode_user, common.after), other);
  const std::vector<RunFigure> before = run_figures(a), after = run_figures(b);
  for (const RunFigure& figure : before) {
    const auto twin = std::find_if(after.begin(), after.end(), [&](const RunFigure& each) {
      return each.judge == figure.judge && each.name == figure.name;
    });
    if (twin == after.end()) continue;
    const std::vector<float> values_a = part(figure.values, common.before);
    const std::vector<float> values_b = part(twin->values, common.after);
    const auto nothing = [](float value) { return std::isnan(value); };
    if (std::all_of(values_a.begin(), values_a.end(), nothing) ||
        std::all_of(values_b.begin(), values_b.end(), nothing)) {
      continue;
    }
    // One training seed on either side, and the same number of it: a run is one policy, not a sample of them.
    const std::vector<double> replicates_a = of_a.replicates({values_a}, 0);
    const std::vector<double> replicates_b = of_b.replicates({values_b}, 0);
    out.figures.push_back({policy, figure.judge, figure.name, of_a.estimate(replicates_a),
                           of_b.estimate(replicates_b), of_b.difference(replicates_b, replicates_a)});
  }
  return out;
}

std::string cell(const Estimate& estimate, bool sign) {
  const std::string mean =
      sign ? fmt::format("{:+.3f}", estimate.mean) : fmt::format("{:.3f}", estimate.mean);
  return std::isnan(estimate.low) ? mean
                                  : fmt::format("{} ({:.3f} to {:.3f})", mean, estimate.low, estimate.high);
}

Json json_of_estimate(const Estimate& estimate) {
  return {{"mean", estimate.mean}, {"low", estimate.low}, {"high", estimate.high}, {"p", estimate.p}};
}

/// Fit for a column: checksums by their beginning.
std::string short_value(const std::string& value) {
  if (value.empty()) return "-";
  const std::size_t quote = value.front() == '"' ? 1 : 0;
  const bool hash =
      value.size() == 64 + 2 * quote && value.find_first_not_of("0123456789abcdef", quote) >= 64 + quote;
  return hash ? value.substr(quote, 12) + "..." : shorten(value, 60);
}

}  // namespace

std::vector<Change> header_changes(const RunHeader& before, const RunHeader& after) {
  const Fields a = fields_of(before), b = fields_of(after);
  Fields keys = a;
  keys.insert(b.begin(), b.end());
  std::vector<Change> out;
  for (const char* area : areas) {
    for (const auto& each : keys) {
      const std::pair<std::string, std::string>& place = each.first;
      if (place.first != area) continue;
      const auto value = [&](const Fields& fields) {
        const auto found = fields.find(place);
        return found == fields.end() ? std::string() : found->second;
      };
      if (value(a) != value(b)) out.push_back({area, place.second, value(a), value(b)});
    }
  }
  return out;
}

RunDifference difference_of_runs(const std::filesystem::path& before, const std::filesystem::path& after,
                                 const CrossedOptions& options) {
  const RunReader a(before), b(after);
  RunDifference out;
  out.same_steps = a.summary().complete && b.summary().complete && a.summary().digest == b.summary().digest;
  out.changes = header_changes(a.summary().header, b.summary().header);
  const auto completeness = [](const RunSummary& run) { return run.complete ? "complete" : "incomplete"; };
  if (a.summary().complete != b.summary().complete) {
    out.changes.push_back({"policies", "the run is", completeness(a.summary()), completeness(b.summary())});
  }
  const std::vector<std::string>& policies = a.summary().header.policies;
  const std::vector<std::string>& others = b.summary().header.policies;
  for (std::size_t p = 0; p < policies.size(); ++p) {
    const auto twin = std::find(others.begin(), others.end(), policies[p]);
    if (twin == others.end()) continue;
    out.policies.push_back(compare_policy(policies[p], a.read(static_cast<std::int32_t>(p)),
                                          b.read(static_cast<std::int32_t>(twin - others.begin())), options));
  }
  return out;
}

std::string difference_text(const RunDifference& difference, std::string_view before,
                            std::string_view after) {
  std::string out;
  if (difference.same_steps) out += "Both runs hold the same steps (one digest).\n\n";
  if (difference.changes.empty()) {
    out += "Data, models, configuration, code, policies and judges are the same.\n";
  } else {
    Table changes({"what", "which", std::string(before), std::string(after)});
    for (const Change& each : difference.changes) {
      changes.add({each.area, each.key, short_value(each.before), short_value(each.after)});
    }
    out += changes.text();
  }
  Table figures({"policy", "judge", "figure", std::string(before), std::string(after), "difference", "p"});
  bool any = false, unpaired = false;
  for (const PolicyChange& policy : difference.policies) {
    unpaired = unpaired || !policy.paired;
    for (const FigureChange& each : policy.figures) {
      any = true;
      figures.add({policy.policy + (policy.paired ? "" : " (unpaired)"),
                   each.judge.empty() ? "-" : each.judge, each.figure, cell(each.before, false),
                   cell(each.after, false), cell(each.difference, true),
                   std::isnan(each.difference.p) ? "-" : fmt::format("{:.4f}", each.difference.p)});
    }
  }
  if (!any) return out + "\nNo policy has episodes in both runs.\n";
  out += "\n" + figures.text();
  out += fmt::format(
      "\nDifference: {} minus {}, with 95 % intervals by bootstrap over people; p: two-sided, of no "
      "difference,\n"
      "each line on its own. Episodes with the same number, person and target are compared one by one{}\n",
      after, before,
      unpaired ? "; policies\nmarked (unpaired) met others, and are two independent samples." : ".");
  return out;
}

Json difference_json(const RunDifference& difference) {
  Json out{{"same_steps", difference.same_steps}};
  out["changes"] = Json::array();
  for (const Change& each : difference.changes) {
    const auto value = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
    out["changes"].push_back({{"area", each.area},
                              {"key", each.key},
                              {"before", value(each.before)},
                              {"after", value(each.after)}});
  }
  out["policies"] = Json::array();
  for (const PolicyChange& policy : difference.policies) {
    Json entry{{"policy", policy.policy},
               {"paired", policy.paired},
               {"episodes_before", policy.before},
               {"episodes_after", policy.after}};
    entry["figures"] = Json::array();
    for (const FigureChange& each : policy.figures) {
      entry["figures"].push_back({{"judge", each.judge.empty() ? Json() : Json(each.judge)},
                                  {"figure", each.figure},
                                  {"before", json_of_estimate(each.before)},
                                  {"after", json_of_estimate(each.after)},
                                  {"difference", json_of_estimate(each.difference)}});
    }
    out["policies"].push_back(std::move(entry));
  }
  return out;
}

}  // namespace veer::tools
