#include <filesystem>

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
          .parameters = {{"model", "file", "none: must be given", "model file of a sasrec or gru4rec"}},
          .make = [device](const PolicyContext& context, const PolicyParameters& parameters) {
            const std::string file = parameters.text("model", "");
            if (file.empty()) parameters.reject("model", "nothing", "a model file");
            return std::shared_ptr<const Policy>(
                make_next_item(load_sequence_model(file, device, context.data->fingerprint),
                               {.name = "next_item:" + std::filesystem::path(file).filename().string()}));
          }};
}

}  // namespace

PolicyRegistry all_policies(const std::string& device) {
  PolicyRegistry registry;
  registry.add(torchscript_entry(device));
  registry.add(next_item_entry(device));
  return registry;
}

}  // namespace veer::tools
