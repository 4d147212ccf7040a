#include "agents/offline/offline_model_file.h"

#include <algorithm>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "env/store/probe.h"

namespace veer::offline {
namespace {

constexpr std::int32_t probe_states = 4, probe_items = 8;

/// Scores of the first items after states of 0, 1, 2, ... items drawn at random.
std::vector<float> probe_scores(const OfflineModel& model) {
  nn::StateBatch states(model.options().encoder.state_length);
  states.resize(probe_states);
  std::vector<float> ratio;
  std::vector<std::int32_t> step;
  for (std::int32_t r = 0; r < probe_states; ++r) {
    std::vector<ItemId> history;
    for (std::int32_t t = 0; t < r; ++t) {
      const StepKey key{0, at(r), static_cast<std::uint32_t>(t)};
      history.push_back(static_cast<ItemId>(
                            uniform_below(static_cast<std::uint32_t>(model.items()), key, Stream::generate)) +
                        1);
    }
    states.set(r, history);
    ratio.push_back(static_cast<float>(r));
    step.push_back(r);
  }
  std::vector<float> read(at(probe_states) * at(model.width())), all(at(model.items())), out;
  model.read(states, ratio, step, View<float>(read.data(), probe_states, model.width()));
  for (std::int32_t r = 0; r < probe_states; ++r) {
    model.scores(std::span(read).subspan(at(r) * at(model.width()), at(model.width())), all);
    out.insert(out.end(), all.begin(), all.begin() + std::min(probe_items, model.items()));
  }
  return out;
}

}  // namespace

ModelFile offline_model_file(const OfflineModel& model, ModelManifest manifest) {
  ModelFile file;
  file.manifest = std::move(manifest);
  file.manifest.kind = "offline_agent";
  file.manifest.role = "agent";
  for (const auto& [name, value] : model.options().to_hyper_parameters()) {
    file.manifest.hyper_parameters[name] = value;
  }
  file.manifest.hyper_parameters["items"] = nn::decimal(model.items());
  file.manifest.parameters = model.parameters();
  file.parameters = model.to_arrays();
  if (model.options().has_prompt()) {
    const auto means = model.mean_returns();
    file.parameters.set<float>("mean_returns", {means.data(), means.size()});
  }
  file.probe.set<float>("output/scores", probe_scores(model));
  return file;
}

OfflineModel offline_model_from(const ModelFile& file) {
  if (file.manifest.kind != "offline_agent") {
    throw FormatError(Where{{}, 0, "kind"},
                      {"\"" + file.manifest.kind + "\"", "offline_agent",
                       "this file holds another kind of model; name one made by veer train sqn or the like"});
  }
  try {
    const AgentOptions options = read_agent(file.manifest.hyper_parameters);
    std::int32_t items = 0;
    nn::read_decimal(file.manifest.hyper_parameters, "items", items);
    std::vector<float> means;
    if (options.has_prompt()) {
      const auto stored = file.parameters.get<float>("mean_returns");
      means.assign(stored.begin(), stored.end());
    }
    OfflineModel model = OfflineModel::from_arrays(options, items, file.parameters, std::move(means));
    check_probe("scores", file.probe.get<float>("output/scores"), probe_scores(model));
    return model;
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
}

LoadedAgent load_offline_model(const std::filesystem::path& path, const Dataset& data) {
  return with_file_name(path, [&] {
    const ModelFile file = read_model(path);
    require_dataset(file.manifest, data.fingerprint);
    LoadedAgent out{offline_model_from(file), file.manifest};
    if (out.model.items() != data.catalogue.size()) {
      throw FormatError(Where{{}, 0, "items"},
                        {std::to_string(out.model.items()) + " items",
                         std::to_string(data.catalogue.size()) + ", those of " + data.name, ""});
    }
    return out;
  });
}

nn::HyperParameters session_settings(const SessionOptions& options) {
  nn::HyperParameters out{{"cut_sessions", std::to_string(options.longest)},
                          {"drop_longer", options.drop_longer ? "true" : "false"},
                          {"purchase", options.purchase}};
  for (const auto& [name, reward] : options.rewards.named) out["reward." + name] = nn::decimal(reward);
  return out;
}

}  // namespace veer::offline
