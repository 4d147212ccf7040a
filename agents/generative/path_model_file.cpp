#include "agents/generative/path_model_file.h"

#include <algorithm>
#include <vector>

#include "agents/generative/path_imitation.h"
#include "env/error.h"
#include "env/random.h"
#include "env/store/probe.h"

namespace veer {
namespace {

constexpr std::int32_t probe_rows = 4;
constexpr std::int32_t probe_path = 3;

/// Histories, targets and paths drawn at random.
struct PathProbe {
  std::int32_t width = 0;
  std::vector<ItemId> history, target, path;

  PathExample example(std::int32_t row) const {
    return {std::span(history).subspan(at(row) * at(width), at(width)),
            std::span(path).subspan(at(row) * at(probe_path), at(probe_path)), target[at(row)]};
  }
};

PathProbe drawn_probe(const PathModel& model) {
  PathProbe probe;
  probe.width = std::min(model.most_history, 3);
  const auto items = static_cast<std::uint32_t>(model.items());
  for (std::uint64_t row = 0; row < at(probe_rows); ++row) {
    std::uint32_t lane = 0;
    const auto next = [&] {
      return static_cast<ItemId>(uniform_below(items, {0, row, 0}, Stream::generate, lane++)) + 1;
    };
    for (std::int32_t t = 0; t < probe.width; ++t) probe.history.push_back(next());
    for (std::int32_t t = 0; t < probe_path; ++t) probe.path.push_back(next());
    probe.target.push_back(next());
  }
  return probe;
}

/// Mean -ln p of each path's tokens.
std::vector<float> probe_losses(const PathModel& model, const PathProbe& probe) {
  std::vector<float> out;
  for (std::int32_t row = 0; row < probe_rows; ++row) {
    const PathExample example = probe.example(row);
    out.push_back(static_cast<float>(imitation_loss(model, {&example, 1}, {})));
  }
  return out;
}

std::vector<ItemId> probe_items(const ModelFile& file, const std::string& name, std::size_t size,
                                std::int32_t most) {
  const auto values = file.probe.get<std::int32_t>("input/" + name);
  const bool known = std::ranges::all_of(values, [&](ItemId item) { return item >= 1 && item <= most; });
  if (values.size() != size || !known) {
    throw FormatError(Where{{}, 0, "probe/input/" + name},
                      {std::to_string(values.size()) + " items", std::to_string(size) + " known ones", ""});
  }
  return {values.begin(), values.end()};
}

}  // namespace

ModelFile path_model_file(const PathModel& model, ModelManifest manifest) {
  ModelFile file;
  file.manifest = std::move(manifest);
  file.manifest.kind = "path_model";
  file.manifest.role = "agent";
  for (const auto& [name, value] : model.network.config().to_strings()) {
    file.manifest.hyper_parameters[name] = value;
  }
  file.manifest.hyper_parameters["most_history"] = nn::decimal(model.most_history);
  file.manifest.parameters = nn::parameter_count(model.network.config());
  file.parameters.put_group("network", model.network.to_arrays());
  file.parameters.put_group("ids", model.ids->to_arrays());
  const PathProbe probe = drawn_probe(model);
  file.probe.set<std::int32_t>("input/history", probe.history, {probe_rows, probe.width});
  file.probe.set<std::int32_t>("input/path", probe.path, {probe_rows, probe_path});
  file.probe.set<std::int32_t>("input/target", probe.target);
  file.probe.set<float>("output/loss", probe_losses(model, probe));
  return file;
}

PathModel path_model_from(const ModelFile& file, const std::string& device) {
  if (file.manifest.kind != "path_model") {
    throw FormatError(
        Where{{}, 0, "kind"},
        {"\"" + file.manifest.kind + "\"", "path_model",
         "this file holds another kind of model; name one made by veer train path_model or prorl"});
  }
  auto ids =
      std::make_shared<const nn::SemanticIds>(nn::SemanticIds::from_arrays(file.parameters.group("ids")));
  const auto config = nn::Seq2SeqConfig::from_strings(file.manifest.hyper_parameters);
  if (config.vocabulary != ids->layout().vocabulary()) {
    throw FormatError(Where{{}, 0, "vocabulary"},
                      {std::to_string(config.vocabulary) + " tokens",
                       std::to_string(ids->layout().vocabulary()) + " as the items' tokens need", ""});
  }
  std::int32_t most_history = 0;
  nn::read_decimal(file.manifest.hyper_parameters, "most_history", most_history);
  try {
    check_prompt(*ids, most_history);
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
  PathModel model{std::move(ids),
                  nn::Seq2SeqModel::from_arrays(config, file.parameters.group("network"), device),
                  most_history};
  PathProbe probe;
  probe.width = std::min(most_history, 3);
  probe.history = probe_items(file, "history", at(probe_rows) * at(probe.width), model.items());
  probe.path = probe_items(file, "path", at(probe_rows) * at(probe_path), model.items());
  probe.target = probe_items(file, "target", at(probe_rows), model.items());
  check_probe("loss", file.probe.get<float>("output/loss"), probe_losses(model, probe));
  return model;
}

PathModel load_path_model(const std::filesystem::path& path, const std::string& device,
                          const std::string& dataset_fingerprint) {
  const ModelFile file = read_model(path);
  try {
    require_dataset(file.manifest, dataset_fingerprint);
    return path_model_from(file, device);
  } catch (const ConfigError& error) {
    throw ConfigError(path.string() + ": " + error.what());
  } catch (const VerificationError& error) {
    throw VerificationError(path.string() + ": " + error.what());
  } catch (const FormatError& error) {
    throw FormatError(path.string() + ": " + error.what());
  } catch (const DataError& error) {
    throw FormatError(path.string() + ": " + error.what());
  }
}

}  // namespace veer
