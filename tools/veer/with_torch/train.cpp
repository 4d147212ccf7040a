// veer train AGENT --data data.h5 -o agent.model.h5
#include <CLI/CLI.hpp>
#include <memory>

#include "env/error.h"
#include "tools/veer/program.h"
#include "tools/veer/train_agents.h"

namespace veer::tools {
namespace {

struct TrainCommand {
  const CLI::App* app = nullptr;  ///< what was asked for
  std::string agent;
  TrainingFiles files;
  PathModelTask path_model;
  ProRlTask prorl;
  IrnTask irn;
};

void run_train(TrainCommand& command, const Session& session) {
  if (session.common.device != "cpu" && session.common.device != "auto") {
    session.console.note("training runs on the CPU; --device says where trained models are used");
  }
  for (const char* agent : {"path_model", "prorl", "irn"}) {
    if (command.agent == agent) refuse_foreign_options(*command.app, agent);
  }
  if (command.agent == "path_model") return run_path_model(command.path_model, command.files, session);
  if (command.agent == "prorl") return run_prorl(command.prorl, command.files, session);
  if (command.agent == "irn") return run_irn(command.irn, command.files, session);
  throw ConfigError({{}, 0, "AGENT"}, {"'" + command.agent + "'", "path_model, prorl or irn", ""});
}

}  // namespace

void add_train(Program& program) {
  auto command = std::make_shared<TrainCommand>();
  CLI::App& app = program.add(
      "train", "Trains a policy that guides people, from logs or by a user model's reward.",
      "veer fit semantic_ids --data ml-1m.h5 --vectors plan.model.h5 -o ids.model.h5\n"
      "         veer train path_model --data ml-1m.h5 --ids ids.model.h5 --exclude-attribute Drama \\\n"
      "           -o path.model.h5\n"
      "         veer train prorl --data ml-1m.h5 --start path.model.h5 --users plan.model.h5 \\\n"
      "           --exclude-attribute Drama -o prorl.model.h5\n"
      "         veer guide --data ml-1m.h5 --users plan.model.h5 --policy prorl.model.h5\n"
      "         veer train irn --data ml-1m.h5 -o irn.model.h5\n"
      "         veer guide --data ml-1m.h5 --users plan.model.h5 --policy irn:model=irn.model.h5\n\n"
      "path_model learns to write the paths that train_plan people walked by themselves: runs of items that\n"
      "share attributes; with --lessons, those that a policy played in a recorded run. prorl goes on from "
      "there: it samples paths for the same people's histories, and a\n"
      "user model says what every step did to the interest in the target. irn learns to continue the same\n"
      "people's logs with the end of each stretch in view. Validation people decide which weights are kept.\n"
      "Interrupted training goes on where the same command left its checkpoint.",
      [command](const Session& session) { run_train(*command, session); });
  command->app = &app;
  app.add_option("AGENT", command->agent, "path_model, prorl or irn")->required();
  add_training_files(app, command->files);
  add_path_model_options(app, command->path_model);
  add_prorl_options(app, command->prorl);
  add_irn_options(app, command->irn);
}

}  // namespace veer::tools
