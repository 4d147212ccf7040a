#include "rewards/fitted/reward_model_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "env/error.h"

namespace veer {
namespace {

constexpr std::int32_t probe_items = 8;

/// What a few items are worth after a fixed history.
std::vector<float> reward_probe(const RewardModel& model) {
  std::vector<ItemId> history;
  for (std::int32_t i = 0; i < probe_items; ++i) history.push_back(1 + (i * 17) % model.items());
  std::vector<float> out;
  for (std::int32_t i = 0; i < probe_items; ++i) {
    out.push_back(model.value(1 + (i * 29 + 17) % model.items(), history));
  }
  return out;
}

std::vector<float> floats(const ModelFile& file, const std::string& name) {
  const std::span<const float> stored = file.parameters.get<float>(name);
  return {stored.begin(), stored.end()};
}

}  // namespace

ModelFile reward_model_file(const RewardModel& model, ModelManifest manifest) {
  ModelFile file;
  file.manifest = std::move(manifest);
  file.manifest.kind = "reward";
  file.manifest.role = "reward";
  const RewardForm& form = model.form();
  const std::int64_t rows = model.items() + 1, width = model.vectors().width;
  file.manifest.parameters = std::ssize(model.members()) * (model.items() + width * width);
  file.parameters.set<float>("form", std::array{form.discount, form.temperature, form.decay, form.pessimism,
                                                model.centre(), model.spread()});
  file.parameters.set_scalar<std::int32_t>("window", form.window);
  file.parameters.set_scalar<std::int32_t>("members", static_cast<std::int32_t>(model.members().size()));
  file.parameters.set_scalar<std::int32_t>("width", model.vectors().width);
  if (width > 0) file.parameters.set<float>("vectors", model.vectors().values, {rows, width});
  for (std::size_t m = 0; m < model.members().size(); ++m) {
    const std::string member = std::to_string(m);
    file.parameters.set<float>("item_worth/" + member, model.members()[m].item_worth);
    if (width > 0) file.parameters.set<float>("match/" + member, model.members()[m].match, {width, width});
  }
  file.probe.set<float>("output/value", reward_probe(model));
  return file;
}

RewardModel reward_model_from(const ModelFile& file) {
  if (file.manifest.kind != "reward") {
    throw FormatError({{}, 0, "kind"},
                      {"'" + file.manifest.kind + "'", "'reward'", "veer fit reward writes one"});
  }
  const std::vector<float> numbers = floats(file, "form");
  if (numbers.size() != 6) {
    throw FormatError({{}, 0, "form"}, {std::to_string(numbers.size()) + " values", "6", ""});
  }
  const auto members = file.parameters.scalar<std::int32_t>("members");
  if (members < 1 || members > 1000) {
    throw FormatError({{}, 0, "members"}, {std::to_string(members), "1 to 1000", ""});
  }
  ItemFeatures vectors;
  vectors.width = file.parameters.scalar<std::int32_t>("width");
  if (vectors.width < 0 || vectors.width > 4096) {
    throw FormatError({{}, 0, "width"}, {std::to_string(vectors.width), "0 to 4096", ""});
  }
  if (vectors.width > 0) vectors.values = floats(file, "vectors");
  std::vector<RewardMember> parts;
  for (std::int32_t m = 0; m < members; ++m) {
    const std::string member = std::to_string(m);
    parts.push_back({floats(file, "item_worth/" + member),
                     vectors.width > 0 ? floats(file, "match/" + member) : std::vector<float>{}});
  }
  RewardModel model({.discount = numbers[0],
                     .temperature = numbers[1],
                     .decay = numbers[2],
                     .window = file.parameters.scalar<std::int32_t>("window"),
                     .pessimism = numbers[3]},
                    std::move(vectors), std::move(parts));
  model.set_scale(numbers[4], numbers[5]);
  const std::span<const float> stored = file.probe.get<float>("output/value");
  const std::vector<float> computed = reward_probe(model);
  const auto close = [](float a, float b) { return std::abs(a - b) <= 1e-4F; };
  if (!std::equal(stored.begin(), stored.end(), computed.begin(), computed.end(), close)) {
    throw VerificationError({{}, 0, "probe output/value"},
                            {"other rewards than stored", "the stored ones",
                             "the file is damaged or was written by another version"});
  }
  return model;
}

RewardModel load_reward_model(const std::filesystem::path& path, const std::string& dataset_fingerprint) {
  return with_file_name(path, [&] {
    const ModelFile file = read_model(path);
    RewardModel model = reward_model_from(file);
    require_dataset(file.manifest, dataset_fingerprint);
    return model;
  });
}

}  // namespace veer
