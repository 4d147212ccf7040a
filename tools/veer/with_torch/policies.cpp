#include <filesystem>

#include "agents/fusion/fusion_model_file.h"
#include "agents/generative/path_model_file.h"
#include "agents/generative/path_policy.h"
#include "agents/guidance/guide_entries.h"
#include "agents/irn/irn_file.h"
#include "agents/irn/irn_person.h"
#include "agents/offline/offline_model_file.h"
#include "agents/offline/offline_policy.h"
#include "agents/sequential/network_person.h"
#include "agents/sequential/next_item.h"
#include "agents/sequential/torchscript.h"
#include "agents/slate/slate_agent_file.h"
#include "agents/target_rule.h"
#include "env/error.h"
#include "simulators/sequence/sequence_user.h"
#include "tools/veer/training/training_files.h"
#include "tools/veer/worlds/fusion_material.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {
namespace {

PolicyEntry torchscript_entry(const std::string& device) {
  return {.word = "torchscript",
          .suffix = ".pt",
          .summary =
              "A TorchScript file, named by its path; see agents/sequential/torchscript.h for what it is "
              "called with.",
          .needs = {},
          .parameters = {},
          .make = [device](const PolicyContext& context, const PolicyParameters& parameters) {
            if (!parameters.word().ends_with(".pt")) {
              throw ConfigError(
                  "policy torchscript: found the word, expected the path of a file that ends in .pt");
            }
            const std::filesystem::path path = parameters.word();
            return std::shared_ptr<const Policy>(
                load_torchscript_policy(path, {.name = path.filename().string(),
                                               .device = device,
                                               .items = context.world.items,
                                               .history_capacity = context.world.history_capacity}));
          }};
}

PolicyEntry next_item_entry(const std::string& device) {
  return {.word = "next_item",
          .suffix = {},
          .summary = "What a fitted network expects next: a recommender that guides nobody anywhere.",
          .needs = {.data = true},
          .parameters = {model_parameter("a sasrec or gru4rec")},
          .make = [device](const PolicyContext& context, const PolicyParameters& parameters) {
            const std::string file = model_file(parameters);
            return std::shared_ptr<const Policy>(
                make_next_item(load_sequence_model(file, device, context.data->fingerprint),
                               {.name = "next_item:" + std::filesystem::path(file).filename().string()}));
          }};
}

PolicyEntry offline_agent_entry() {
  return {.word = "agent",
          .suffix = {},
          .summary = "An offline next-item agent: what its head ranks first after the items taken so far.",
          .needs = {.data = true},
          .parameters = {model_parameter("an offline agent (veer train sqn and the like)"),
                         {"repeats", "true|false", "false", "items of the history may be shown again"},
                         {"wanted", "0..", "as trained", "prl: the return asked for, a multiple of the mean"},
                         {"deviation", "0..", "as trained", "prl: standard deviation of that multiple"},
                         {"overlap", "true|false", "false",
                          "also an agent that learned from the people whom judges are fitted on"},
                         {"sequence_wise", "true|false", "true",
                          "prl: what was obtained is taken off the return asked for"}},
          .make = [](const PolicyContext& context, const PolicyParameters& parameters) {
            const std::string file = model_file(parameters);
            const offline::LoadedAgent loaded = offline::load_offline_model(file, *context.data);
            if (loaded.manifest.fitted_on.find("train_judge") != std::string::npos &&
                !parameters.flag("overlap", false)) {
              parameters.reject("model", "an agent that learned from train_judge, whom judges are fitted on",
                                "one trained with --people train_plan, or overlap=true");
            }
            offline::OfflineModel model = loaded.model;
            const offline::PromptOptions& prompt = model.options().prompt;
            const auto wanted = static_cast<float>(parameters.real("wanted", double{prompt.wanted}));
            const auto deviation = static_cast<float>(parameters.real("deviation", double{prompt.deviation}));
            if (wanted != prompt.wanted || deviation != prompt.deviation) {
              model = model.wanting(wanted, deviation);
            }
            return std::shared_ptr<const Policy>(offline::make_offline_policy(
                model, {.name = "agent:" + std::filesystem::path(file).filename().string(),
                        .repeats = parameters.flag("repeats", false),
                        .refusals_remembered = 10,
                        .sequence_wise = parameters.flag("sequence_wise", true)}));
          }};
}

PolicyEntry slate_agent_entry() {
  return {.word = "slates",
          .suffix = {},
          .summary = "An agent that shows slates (slate-v1): HSRL or one of its baselines.",
          .needs = {},
          .parameters = {model_parameter("a slate agent (veer train hsrl and the like)")},
          .make = [](const PolicyContext& context, const PolicyParameters& parameters) {
            const std::string file = model_file(parameters);
            const ModelManifest manifest = read_model(file).manifest;
            const auto items = manifest.hyper_parameters.find("items");
            if (items != manifest.hyper_parameters.end() &&
                items->second != std::to_string(context.world.items)) {
              parameters.reject("model", "an agent for " + items->second + " items",
                                "one for the world's " + std::to_string(context.world.items));
            }
            return slate::load_slate_agent(file, "slates:" + std::filesystem::path(file).filename().string());
          }};
}

PolicyEntry fusion_agent_entry() {
  return {.word = "fusion_agent",
          .suffix = {},
          .summary = "Fusion weights set by a trained agent (fusion-v1, retention-v1).",
          .needs = {},
          .parameters = {model_parameter("a fusion agent (veer train fusion)"), noise_parameter()},
          .make = [](const PolicyContext& context, const PolicyParameters& parameters) {
            const std::string file = model_file(parameters);
            const fusion::FusionModel model = fusion::load_fusion_model(file);
            const auto fits = [&](const char* what, std::int32_t has, std::int32_t wanted) {
              if (has == wanted) return;
              parameters.reject("model", "an agent of " + std::to_string(has) + " " + what,
                                std::to_string(wanted) + ", as the world has");
            };
            fits("features", model.options().features, context.world.features);
            fits("weights", model.options().weights, context.world.reals);
            return with_noise(fusion::make_fusion_policy(
                                  model, "fusion_agent:" + std::filesystem::path(file).filename().string()),
                              parameters);
          }};
}

/// Person vectors and item vectors of a fitted network.
LoadGuideModel guide_loader(const std::string& device) {
  return [device](const PolicyContext& context, const std::string& file) {
    const nn::SequenceModel model = load_sequence_model(file, device, context.data->fingerprint);
    const NamedArrays arrays = model.to_arrays();
    const auto table = arrays.get<float>("item_embedding");
    return GuideModel{std::make_shared<NetworkPerson>(model), {table.begin(), table.end()}};
  };
}

LoadGuideModel irn_loader(const std::string& device) {
  return [device](const PolicyContext& context, const std::string& file) {
    const irn::IrnModel model = irn::load_irn(file, device, context.data->fingerprint);
    const NamedArrays arrays = model.to_arrays();
    const auto table = arrays.get<float>("output");
    return GuideModel{std::make_shared<irn::IrnPerson>(model, context.world.horizon),
                      {table.begin(), table.end()}};
  };
}

PolicyEntry path_model_entry(const std::string& device) {
  return {
      .word = "path_model",
      .suffix = ".model.h5",
      .summary = "Paths written by a network that veer train made (path_model, prorl), named by its file.",
      .needs = {.data = true, .planner = true, .target = true},
      .parameters = {{"search", listed(path_search_names), "as_played",
                      "how a path is chosen; best_of asks the planner"},
                     {"width", "1..1000", "10", "beams, or sampled paths of best_of"},
                     {"acceptance", "number", "0",
                      "best_of: weight of the mean acceptance beside the interest gained"},
                     {"items", "1..1000", "the horizon", "items of a path, at most"},
                     {"least", "0..1000", "1", "items before the path may end"},
                     {"closed", "true|false", "false", "plan the rest anew after a refusal"},
                     allow_target_parameter(),
                     {"history", "true|false", "false", "items of the history may be shown"},
                     {"repeats", "true|false", "false", "an item may be shown twice"},
                     {"constrained", "true|false", "true",
                      "only tokens of items; false: as the released code of ProRL"}},
      .make = [device](const PolicyContext& context, const PolicyParameters& parameters) {
        if (!parameters.word().ends_with(".model.h5")) {
          throw ConfigError(
              "policy path_model: found the word, expected the path of a file that ends in .model.h5");
        }
        PathPolicyOptions options;
        options.name = std::filesystem::path(parameters.word()).filename().string();
        options.search = static_cast<PathSearch>(parameters.choice("search", 0, path_search_names));
        options.width = parameters.integer("width", 10, 1, 1000);
        options.acceptance_weight = parameters.real("acceptance", 0.0);
        options.rules.most_items = parameters.integer("items", context.world.horizon, 1, 1000);
        options.rules.least_items = parameters.integer("least", 1, 0, 1000);
        options.closed_loop = parameters.flag("closed", false);
        options.rules.allow_target = allow_target(context, parameters);
        options.rules.allow_history = parameters.flag("history", false);
        options.rules.allow_repeats = parameters.flag("repeats", false);
        options.rules.constrained = parameters.flag("constrained", true);
        const PathModel model = load_path_model(parameters.word(), device, context.data->fingerprint);
        require_catalogue(parameters.word(), *model.ids, *context.data);
        return std::shared_ptr<const Policy>(make_path_policy(model, options, context.planner));
      }};
}

}  // namespace

PolicyRegistry all_policies(const std::string& device) {
  PolicyRegistry registry;
  registry.add(torchscript_entry(device));
  registry.add(next_item_entry(device));
  registry.add(offline_agent_entry());
  registry.add(slate_agent_entry());
  registry.add(weights_entry());
  registry.add(fusion_agent_entry());
  for (PolicyEntry& entry : guide_entries(guide_loader(device))) registry.add(std::move(entry));
  registry.add(irn_entry(irn_loader(device)));
  registry.add(path_model_entry(device));
  return registry;
}

}  // namespace veer::tools
