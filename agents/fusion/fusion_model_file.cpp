#include "agents/fusion/fusion_model_file.h"

#include <string>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "env/store/probe.h"

namespace veer::fusion {
namespace {

constexpr const char* fusion_kind = "fusion_agent";
constexpr std::int32_t probe_states = 4;

/// Best guesses for four states around the mean.
std::vector<float> probe_actions(const FusionModel& model) {
  const std::int32_t width = model.options().features, weights = model.options().weights;
  std::vector<float> states(at(probe_states) * at(width)), actions(at(probe_states) * at(weights));
  std::vector<StepKey> keys;
  std::vector<float> log_prob(at(probe_states));
  for (std::int32_t r = 0; r < probe_states; ++r) {
    keys.push_back({0, at(r), 0});
    const std::span<float> state(states.data() + at(r) * at(width), at(width));
    fill_uniform(keys.back(), Stream::generate, state);
    for (std::size_t f = 0; f < state.size(); ++f) {
      state[f] = model.scale().mean[f] + (2.0F * state[f] - 1.0F) * model.scale().deviation[f];
    }
  }
  model.act({states.data(), probe_states, width}, keys, Mode::greedy, {actions.data(), probe_states, weights},
            log_prob);
  return actions;
}

}  // namespace

ModelFile fusion_file(const FusionModel& model, ModelManifest manifest) {
  ModelFile file;
  manifest.kind = fusion_kind;
  manifest.role = "agent";
  for (const auto& [name, value] : model.options().to_hyper_parameters()) {
    manifest.hyper_parameters[name] = value;
  }
  file.parameters.put_group("actor", model.actor());
  if (model.options().judges_candidates()) {
    file.parameters.put_group("critic", model.critic());
    file.parameters.put_group("generator", model.generator());
  }
  manifest.parameters = 0;
  for (const auto& entry : file.parameters.all()) manifest.parameters += entry.second.size();
  file.parameters.set<float>("mean", model.scale().mean);
  file.parameters.set<float>("deviation", model.scale().deviation);
  file.manifest = std::move(manifest);
  file.probe.set<float>("output/actions", probe_actions(model));
  return file;
}

FusionModel fusion_from(const ModelFile& file) {
  if (file.manifest.kind != fusion_kind) {
    throw FormatError(Where{{}, 0, "kind"}, Problem{"\"" + file.manifest.kind + "\"", fusion_kind,
                                                    "name a file made by veer train fusion"});
  }
  const auto values = [&](const char* name) {
    const auto found = file.parameters.get<float>(name);
    return std::vector<float>(found.begin(), found.end());
  };
  try {
    FusionModel model(FusionOptions::from_hyper_parameters(file.manifest.hyper_parameters),
                      {values("mean"), values("deviation")}, file.parameters.group("actor"),
                      file.parameters.group("critic"), file.parameters.group("generator"));
    check_probe("actions", file.probe.get<float>("output/actions"), probe_actions(model));
    return model;
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
}

FusionModel load_fusion_model(const std::filesystem::path& path) {
  return with_file_name(path, [&] { return fusion_from(read_model(path)); });
}

}  // namespace veer::fusion
