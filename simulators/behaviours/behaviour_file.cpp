// Models of behaviours on disk: weights by part, the items' features, offsets, odds, and a probe.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <type_traits>
#include <utility>

#include "env/error.h"
#include "env/store/probe.h"
#include "simulators/behaviours/behaviour_user.h"

namespace veer {
namespace {

struct BehaviourField {
  const char* name;
  std::int32_t BehaviourSizes::*field;
};
constexpr std::array<BehaviourField, 9> behaviour_fields = {{{"items", &BehaviourSizes::items},
                                                             {"people", &BehaviourSizes::people},
                                                             {"history", &BehaviourSizes::history},
                                                             {"latent", &BehaviourSizes::latent},
                                                             {"encoding", &BehaviourSizes::encoding},
                                                             {"layers", &BehaviourSizes::layers},
                                                             {"heads", &BehaviourSizes::heads},
                                                             {"inner", &BehaviourSizes::inner},
                                                             {"hidden", &BehaviourSizes::hidden}}};

template <class Values>
std::string joined(const Values& values) {
  std::string out;
  for (const auto& value : values) {
    out += out.empty() ? "" : ",";
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Behaviour>) {
      out += behaviour_names[at(static_cast<std::int32_t>(value))];
    } else {
      out += std::to_string(value);
    }
  }
  return out;
}

Where hyper_parameter(const std::string& name) {
  return {.file = {}, .line = 0, .field = "hyper-parameter " + name};
}

std::string read_word(const ModelManifest& manifest, const std::string& name) {
  const auto found = manifest.hyper_parameters.find(name);
  if (found != manifest.hyper_parameters.end()) return found->second;
  throw FormatError(hyper_parameter(name),
                    {"nothing", "a value", "was the model written by another version?"});
}

std::int32_t number_of(std::string_view text, const std::string& name) {
  std::int32_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error == std::errc{} && end == last) return value;
  throw FormatError(hyper_parameter(name), {"'" + std::string(text) + "'", "a whole number", {}});
}

template <class Take>
void for_each_word(std::string_view list, const Take& take) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    take(list.substr(0, comma));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

std::vector<std::int32_t> read_numbers(const ModelManifest& manifest, const std::string& name) {
  std::vector<std::int32_t> out;
  const std::string list = read_word(manifest, name);
  for_each_word(list, [&](std::string_view word) { out.push_back(number_of(word, name)); });
  return out;
}

std::vector<Behaviour> read_behaviours(const ModelManifest& manifest) {
  std::vector<Behaviour> out;
  const std::string list = read_word(manifest, "behaviours");
  for_each_word(list, [&](std::string_view word) {
    for (std::size_t b = 0; b < behaviour_names.size(); ++b) {
      if (behaviour_names[b] != word) continue;
      out.push_back(static_cast<Behaviour>(b));
      return;
    }
    throw FormatError(hyper_parameter("behaviours"),
                      {"'" + std::string(word) + "'", "names of behaviours", {}});
  });
  return out;
}

/// Scores for a made-up person with a short history and for one with more than a full history.
std::vector<float> probe_behaviour_scores(const BehaviourModel& model) {
  const std::int32_t items = model.sizes.items;
  const BehaviourScorer scorer(model);
  std::vector<float> profile(at(model.sizes.profile()));
  for (std::size_t i = 0; i < profile.size(); ++i) profile[i] = 0.25F * static_cast<float>(i % 5);
  std::vector<ItemId> shown;
  for (std::int32_t i = 0; i < std::min(items, 8); ++i) shown.push_back(1 + (i * 37) % items);
  const std::size_t values = shown.size() * at(model.sizes.count());
  std::vector<float> out(2 * values);
  for (const std::int32_t length : {3, model.sizes.history + 1}) {
    std::vector<ItemId> history(at(length));
    std::vector<std::uint8_t> done(at(length));
    for (std::int32_t i = 0; i < length; ++i) {
      history[at(i)] = 1 + (i * 29) % items;
      done[at(i)] = static_cast<std::uint8_t>(1 + i * 12);
    }
    scorer.scores(0, profile, history, done, shown, std::span(out).subspan(length == 3 ? 0 : values, values));
  }
  return out;
}

std::span<const float> read_array(const ModelFile& file, const std::string& name,
                                  const std::vector<std::int64_t>& shape) {
  const std::span<const float> values = file.parameters.get<float>(name);
  if (file.parameters.at(name).shape == shape) return values;
  std::string expected;
  for (const std::int64_t side : shape) expected += (expected.empty() ? "" : " by ") + std::to_string(side);
  throw FormatError({.file = {}, .line = 0, .field = name},
                    {std::to_string(values.size()) + " values", expected, {}});
}

}  // namespace

ModelFile behaviour_model_file(const BehaviourModel& model, ModelManifest manifest) {
  ModelFile file;
  file.manifest = std::move(manifest);
  file.manifest.kind = "behaviours";
  file.manifest.role = "user_model";
  auto& hyper = file.manifest.hyper_parameters;
  for (const BehaviourField& f : behaviour_fields) hyper[f.name] = std::to_string(model.sizes.*f.field);
  hyper["queries"] = std::to_string(model.sizes.queries);
  hyper["item_ids"] = model.sizes.item_ids ? "1" : "0";
  hyper["profile_blocks"] = joined(model.sizes.profile_blocks);
  hyper["feature_blocks"] = joined(model.sizes.feature_blocks);
  hyper["behaviours"] = joined(model.sizes.behaviours);
  hyper["doubled"] = model.doubled ? "1" : "0";
  file.manifest.parameters = static_cast<std::int64_t>(model.weights.size());
  for (const BehaviourPart& part : behaviour_parts(model.sizes)) {
    const std::span<const float> values = std::span(model.weights).subspan(part.offset, part.size());
    file.parameters.set<float>(part.name, values, {part.rows, part.columns});
  }
  file.parameters.set<float>("item_features", model.features.values,
                             {model.features.items() + 1, model.features.width});
  file.parameters.set<float>("offsets", model.offsets, {model.sizes.count()});
  file.parameters.set<float>("odds", model.odds, {model.sizes.count()});
  file.probe.set<float>("output/scores", probe_behaviour_scores(model));
  return file;
}

BehaviourModel behaviour_model_from(const ModelFile& file) {
  if (file.manifest.kind != "behaviours") {
    throw FormatError({.file = {}, .line = 0, .field = "kind"},
                      {"'" + file.manifest.kind + "'", "'behaviours'", "name a model of several behaviours"});
  }
  BehaviourModel model;
  BehaviourSizes& sizes = model.sizes;
  for (const BehaviourField& f : behaviour_fields) {
    sizes.*f.field = number_of(read_word(file.manifest, f.name), f.name);
  }
  sizes.queries = number_of(read_word(file.manifest, "queries"), "queries");
  sizes.item_ids = read_word(file.manifest, "item_ids") == "1";
  sizes.profile_blocks = read_numbers(file.manifest, "profile_blocks");
  sizes.feature_blocks = read_numbers(file.manifest, "feature_blocks");
  sizes.behaviours = read_behaviours(file.manifest);
  model.doubled = read_word(file.manifest, "doubled") == "1";
  try {
    check_behaviour_sizes(sizes);
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  model.weights.resize(behaviour_parameters(sizes));
  for (const BehaviourPart& part : behaviour_parts(sizes)) {
    std::ranges::copy(read_array(file, part.name, {part.rows, part.columns}),
                      model.weights.begin() + static_cast<std::ptrdiff_t>(part.offset));
  }
  const auto read = [&](const char* name, std::vector<std::int64_t> shape) {
    const std::span<const float> values = read_array(file, name, shape);
    return std::vector<float>(values.begin(), values.end());
  };
  model.features = {sizes.features(), read("item_features", {sizes.items + 1, sizes.features()})};
  model.offsets = read("offsets", {sizes.count()});
  model.odds = read("odds", {sizes.count()});
  check_probe("scores", file.probe.get<float>("output/scores"), probe_behaviour_scores(model));
  return model;
}

void save_behaviour_model(const std::filesystem::path& path, const BehaviourModel& model,
                          ModelManifest manifest) {
  write_model(path, behaviour_model_file(model, std::move(manifest)));
}

BehaviourModel load_behaviour_model(const std::filesystem::path& path) {
  const ModelFile file = read_model(path);
  return with_file_name(path, [&] { return behaviour_model_from(file); });
}

}  // namespace veer
