#include <filesystem>

#include "agents/guidance/guide_entries.h"
#include "agents/irn/irn_file.h"
#include "agents/irn/irn_person.h"
#include "agents/sequential/network_person.h"
#include "agents/sequential/next_item.h"
#include "agents/sequential/torchscript.h"
#include "env/error.h"
#include "simulators/sequence/sequence_user.h"
#include "tools/veer/world.h"

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

}  // namespace

PolicyRegistry all_policies(const std::string& device) {
  PolicyRegistry registry;
  registry.add(torchscript_entry(device));
  registry.add(next_item_entry(device));
  for (PolicyEntry& entry : guide_entries(guide_loader(device))) registry.add(std::move(entry));
  registry.add(irn_entry(irn_loader(device)));
  return registry;
}

}  // namespace veer::tools
