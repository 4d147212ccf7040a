#include "tools/veer/terminal/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

#include "env/data/statistics.h"
#include "tools/veer/figures/trust/long_run_of_fit.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

/// A seed is a name, not an amount: it is printed as it is typed. `key` may be empty.
std::string value_text(const std::string& key, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer() && key.ends_with("seed")) return value.dump();
  if (value.is_number_unsigned()) return grouped(value.get<std::uint64_t>());
  if (value.is_number_integer()) return grouped(value.get<std::int64_t>());
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  if (value.is_array()) {
    std::string text;
    for (const Json& element : value) text += (text.empty() ? "" : ", ") + value_text("", element);
    return text;
  }
  return value.dump();
}

}  // namespace

Json describe_dataset(const Dataset& dataset) {
  constexpr std::array<std::string_view, 4> part_names{"train_plan", "train_judge", "validation", "test"};
  Json parts;
  for (std::size_t part = 0; part < part_names.size(); ++part) {
    parts[std::string(part_names[part])] = dataset.users_of(static_cast<Part>(part)).size();
  }
  const Interactions& log = dataset.interactions;
  Json out;
  out["type"] = "dataset";
  out["name"] = dataset.name;
  out["users"] = log.users();
  out["items"] = dataset.catalogue.size();
  out["interactions"] = log.size();
  out["attributes"] = dataset.catalogue.attribute_names.size();
  out["times"] = !log.times.empty();
  out["ratings"] = !log.ratings.empty();
  if (!log.behaviour_names.empty()) {
    const std::vector<std::int64_t> counts = statistics_of(dataset).interactions_of_behaviour;
    for (std::size_t kind = 0; kind < counts.size(); ++kind)
      out["interactions_by_behaviour"][log.behaviour_names[kind]] = counts[kind];
  }
  out["users_by_part"] = parts;
  out["split_seed"] = dataset.split_seed;
  out["source"] = dataset.provenance.source;
  out["origin"] = dataset.provenance.origin;
  out["filters"] = dataset.provenance.filters;
  if (!dataset.provenance.generator.empty()) out["generator"] = dataset.provenance.generator;
  out["fingerprint"] = dataset.fingerprint;
  return out;
}

Json describe_model(const ModelManifest& manifest) {
  Json out;
  out["type"] = "model";
  out["kind"] = manifest.kind;
  out["role"] = manifest.role;
  out["parameters"] = manifest.parameters;
  out["fitted_on"] = manifest.fitted_on;
  out["dataset_name"] = manifest.dataset_name;
  out["dataset_fingerprint"] = manifest.dataset_fingerprint;
  out["seed"] = manifest.seed;
  const std::string letter = long_run_letter(manifest);
  if (!letter.empty()) out["long_run_grade"] = letter;
  out["hyper_parameters"] = Json::object();
  for (const auto& [name, value] : manifest.hyper_parameters) out["hyper_parameters"][name] = value;
  out["metrics"] = Json::object();
  for (const auto& [name, value] : manifest.metrics) out["metrics"][name] = value;
  return out;
}

Json describe_transitions(const TransitionLog& log) {
  const TransitionManifest& m = log.manifest;
  const Transitions& t = log.transitions;
  const auto episodes = episodes_of(log, "log");
  double sum = 0.0;
  for (const double value : discounted_returns(log, episodes, 1.0)) sum += value;
  std::int64_t truncated = 0;
  for (const EndReason end : t.end) truncated += is_truncated(end) ? 1 : 0;
  Json out;
  out["type"] = "transitions";
  out["scenario"] = m.scenario;
  out["regime"] = m.regime;
  out["policy"] = m.policy;
  out["transitions"] = t.count;
  out["episodes"] = episodes.size();
  out["truncated"] = truncated;
  out["mean_return"] = sum / static_cast<double>(episodes.size());
  out["features"] = t.features;
  out["weights"] = t.reals;
  out["densities"] = m.has_densities;
  out["grows"] = m.grows;
  out["largest_reward"] = m.largest_reward;
  out["horizon"] = m.horizon;
  out["seed"] = m.seed;
  out["fingerprint"] = m.fingerprint;
  return out;
}

Json describe_run(const RunSummary& summary) {
  Json out;
  out["type"] = "run";
  out["scenario"] = summary.header.scenario;
  out["seed"] = summary.header.seed;
  out["policies"] = summary.header.policies;
  out["judges"] = summary.header.judges;
  out["dataset_fingerprint"] = summary.header.dataset_fingerprint;
  out["complete"] = summary.complete;
  out["episodes"] = summary.episodes;
  out["steps"] = summary.steps;
  out["digest"] = summary.digest;
  return out;
}

void print_description(const Console& console, const Json& description) {
  if (console.json()) {
    console.out() << description.dump(2) << '\n';
    return;
  }
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& [key, value] : description.items()) {
    if (!value.is_object()) {
      lines.emplace_back(key, value_text(key, value));
      continue;
    }
    for (const auto& [inner_key, inner] : value.items()) {
      lines.emplace_back(key + "." + inner_key, value_text(inner_key, inner));
    }
  }
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, text_width(line.first));
  for (const auto& [key, value] : lines) {
    console.out() << key << std::string(width - text_width(key) + 2, ' ') << value << '\n';
  }
}

}  // namespace veer::tools
