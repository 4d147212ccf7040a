// Response models on disk: weights by part, the items' features, and a probe.
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "env/error.h"
#include "env/store/probe.h"
#include "simulators/response/response_user.h"

namespace veer {
namespace {

struct SizeField {
  const char* name;
  std::int32_t ResponseSizes::*field;
};
constexpr std::array<SizeField, 4> size_fields = {{{"profile", &ResponseSizes::profile},
                                                   {"features", &ResponseSizes::features},
                                                   {"history", &ResponseSizes::history},
                                                   {"hidden", &ResponseSizes::hidden}}};

std::int32_t read_size(const ModelManifest& manifest, const char* name) {
  const auto found = manifest.hyper_parameters.find(name);
  const Where where{.file = {}, .line = 0, .field = std::string("hyper-parameter ") + name};
  if (found == manifest.hyper_parameters.end()) {
    throw FormatError(where, {"nothing", "a number", "was the model written by another version?"});
  }
  std::int32_t value = 0;
  const char* last = found->second.data() + found->second.size();
  const auto [end, error] = std::from_chars(found->second.data(), last, value);
  if (error != std::errc{} || end != last) {
    throw FormatError(where, {"'" + found->second + "'", "a whole number", {}});
  }
  return value;
}

/// Scores of a few items for a made-up person with a short history and for one with a full history.
std::vector<float> probe_scores(const ResponseModel& model) {
  const std::int32_t items = model.features.items();
  const ResponseScorer scorer(std::make_shared<const ResponseModel>(model));
  std::vector<float> profile(at(model.sizes.profile));
  for (std::size_t i = 0; i < profile.size(); ++i) profile[i] = 0.25F * static_cast<float>(i % 5);
  std::vector<ItemId> shown;
  for (std::int32_t i = 0; i < std::min(items, 8); ++i) shown.push_back(1 + (i * 37) % items);
  std::vector<float> out(2 * shown.size());
  for (const std::int32_t length : {3, model.sizes.history}) {
    std::vector<ItemId> history(at(length));
    for (std::int32_t i = 0; i < length; ++i) history[at(i)] = 1 + (i * 29) % items;
    scorer.scores(profile, history, shown, std::span(out).subspan(length == 3 ? 0 : shown.size()));
  }
  return out;
}

}  // namespace

ModelFile response_model_file(const ResponseModel& model, ModelManifest manifest) {
  ModelFile file;
  file.manifest = std::move(manifest);
  file.manifest.kind = "response";
  file.manifest.role = "user_model";
  for (const SizeField& f : size_fields) {
    file.manifest.hyper_parameters[f.name] = std::to_string(model.sizes.*f.field);
  }
  file.manifest.hyper_parameters["merges_profile"] = model.sizes.merges_profile ? "1" : "0";
  file.manifest.parameters = static_cast<std::int64_t>(model.weights.size());
  for (const ResponsePart& part : response_parts(model.sizes)) {
    const std::span<const float> values = std::span(model.weights).subspan(part.offset, part.size());
    file.parameters.set<float>(std::string(part.name), values, {part.rows, part.columns});
  }
  file.parameters.set<float>("item_features", model.features.values,
                             {model.features.items() + 1, model.features.width});
  file.probe.set<float>("output/scores", probe_scores(model));
  return file;
}

ResponseModel response_model_from(const ModelFile& file) {
  if (file.manifest.kind != "response") {
    throw FormatError({.file = {}, .line = 0, .field = "kind"},
                      {"'" + file.manifest.kind + "'", "'response'", "name a model of answers to slates"});
  }
  ResponseSizes sizes;
  for (const SizeField& f : size_fields) sizes.*f.field = read_size(file.manifest, f.name);
  sizes.merges_profile = read_size(file.manifest, "merges_profile") != 0;
  try {
    check_response_sizes(sizes);
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  ResponseModel model{sizes, std::vector<float>(response_parameters(sizes)), {}};
  const auto read = [&](const std::string& name, std::vector<std::int64_t> shape) {
    const std::span<const float> values = file.parameters.get<float>(name);
    if (file.parameters.at(name).shape != shape) {
      throw FormatError({.file = {}, .line = 0, .field = name},
                        {std::to_string(values.size()) + " values",
                         std::to_string(shape[0]) + " by " + std::to_string(shape[1]),
                         {}});
    }
    return values;
  };
  for (const ResponsePart& part : response_parts(sizes)) {
    std::ranges::copy(read(std::string(part.name), {part.rows, part.columns}),
                      model.weights.begin() + static_cast<std::ptrdiff_t>(part.offset));
  }
  const std::span<const float> features = file.parameters.get<float>("item_features");
  const auto rows = static_cast<std::int64_t>(features.size()) / sizes.features;
  read("item_features", {rows, sizes.features});
  if (rows < 2) {
    throw FormatError({.file = {}, .line = 0, .field = "item_features"},
                      {std::to_string(rows) + " rows", "the padding item and at least one other", {}});
  }
  model.features = {sizes.features, {features.begin(), features.end()}};
  check_probe("scores", file.probe.get<float>("output/scores"), probe_scores(model));
  return model;
}

void save_response_model(const std::filesystem::path& path, const ResponseModel& model,
                         ModelManifest manifest) {
  write_model(path, response_model_file(model, std::move(manifest)));
}

ResponseModel load_response_model(const std::filesystem::path& path) {
  const ModelFile file = read_model(path);
  return with_file_name(path, [&] { return response_model_from(file); });
}

}  // namespace veer
