// veer fit, where networks cannot be fitted.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "env/error.h"
#include "tools/veer/fitting/purchases_fit.h"
#include "tools/veer/fitting/reward_fit.h"
#include "tools/veer/fitting/semantic_ids_fit.h"
#include "tools/veer/program.h"

namespace veer::tools {
namespace {

struct FitCommand {
  std::string kind;
  std::string data;
  std::string output;
  std::string people = "train_judge";
  SemanticIdOptions semantic_ids;
  PurchaseOptions purchases;
  RewardOptions reward;
  const CLI::App* app = nullptr;  // knows what it did not understand: options of kinds that need LibTorch
};

void run_fit(const FitCommand& command, const Session& session) {
  if (command.kind != "semantic_ids" && command.kind != "purchases" && command.kind != "reward") {
    throw ConfigError("veer fit " + command.kind +
                      " needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
  }
  if (const auto extras = command.app->remaining(); !extras.empty()) {
    throw ConfigError({{}, 0, extras.front()}, {"an option that veer fit " + command.kind + " does not have",
                                                "those of veer fit --help", ""});
  }
  for (const auto& [option, value] : {std::pair("--data", command.data), {"--output", command.output}}) {
    if (value.empty()) throw ConfigError({{}, 0, option}, {"nothing", "a file", ""});
  }
  if (command.kind == "purchases") {
    return run_purchases_fit(command.purchases, command.data, command.people, command.output, session);
  }
  if (command.kind == "reward") {
    return run_reward_fit(
        command.reward, {command.semantic_ids.vectors, command.purchases.window, command.purchases.purchase},
        command.data, command.people, command.output, session);
  }
  run_semantic_ids_fit(command.semantic_ids, command.data, command.output, session);
}

}  // namespace

void add_fit(Program& program) {
  auto command = std::make_shared<FitCommand>();
  CLI::App& app =
      program.add("fit",
                  "Makes tokens of items, or fits what people buy or find worth taking (user models need a "
                  "build with LibTorch).",
                  "veer fit semantic_ids --data ml-1m.h5 --published ml-1m.sem_ids -o ids.model.h5",
                  [command](const Session& session) { run_fit(*command, session); });
  app.add_option("MODEL", command->kind, "semantic_ids, purchases or reward")->required();
  app.add_option("--data", command->data, "dataset file")->type_name("FILE");
  app.add_option("-o,--output", command->output, "model file to write")->type_name("FILE");
  app.add_option("--people", command->people, "purchases, reward: train_judge or train_plan")
      ->capture_default_str();
  add_semantic_id_options(app, command->semantic_ids);
  add_purchase_options(app, command->purchases);
  add_reward_options(app, command->reward);
  app.allow_extras();  // so that the other kinds are told what they need, whatever their options
  command->app = &app;
}

}  // namespace veer::tools
