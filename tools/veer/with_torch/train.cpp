// veer train AGENT --data data.h5 -o agent.model.h5
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "env/error.h"
#include "tools/veer/checks.h"
#include "tools/veer/irn_training.h"
#include "tools/veer/learned.h"
#include "tools/veer/program.h"
#include "tools/veer/text.h"

namespace veer::tools {
namespace {

struct TrainCommand {
  std::string agent;
  std::string data;
  std::string output;
  std::string budget;
  std::string checkpoint;
  bool fresh = false;
  irn::IrnTrainingOptions irn;
};

void run_train(TrainCommand& command, const Session& session) {
  if (command.agent != "irn") throw ConfigError({{}, 0, "AGENT"}, {"'" + command.agent + "'", "irn", ""});
  if (usable_device(session.common.device) != "cpu") {
    session.console.note("training runs on the CPU; --device says where trained agents are used");
  }
  irn::IrnTrainingOptions& options = command.irn;
  options.budget_seconds = command.budget.empty() ? 0.0 : seconds_from("--budget", command.budget);
  options.checkpoint = command.checkpoint.empty() ? command.output + ".checkpoint" : command.checkpoint;
  if (options.checkpoint.lexically_normal() == std::filesystem::path(command.output).lexically_normal()) {
    throw ConfigError({{}, 0, "--checkpoint"}, {"the name of --output", "a file of its own", ""});
  }
  check_output("--output", command.output, "model");
  check_output("--checkpoint", options.checkpoint, "checkpoint");
  if (command.fresh) std::filesystem::remove(options.checkpoint);
  if (std::filesystem::exists(options.checkpoint)) {
    session.console.note("going on from " + options.checkpoint.string() + " (--fresh begins anew)");
  }
  run_irn_training(options, command.data, command.output, session);
}

}  // namespace

void add_train(Program& program) {
  auto command = std::make_shared<TrainCommand>();
  CLI::App& app = program.add(
      "train", "Trains an agent on the logs of the people that policies learn from.",
      "veer train irn --data ml-1m.h5 -o irn.model.h5\n\n"
      "Then --policy irn:model=irn.model.h5. Interrupted training goes on where the same command left its\n"
      "checkpoint.",
      [command](const Session& session) { run_train(*command, session); });
  app.add_option("AGENT", command->agent, "irn")->required();
  app.add_option("--data", command->data, "dataset file")->required()->type_name("FILE");
  app.add_option("-o,--output", command->output, "model file to write")->required()->type_name("FILE");
  app.add_option("--budget", command->budget,
                 "wall time such as 90s, 30m or 1.5h, interruptions left out, then the best weights so far; "
                 "default: no limit")
      ->type_name("TIME");
  app.add_option("--checkpoint", command->checkpoint, "file to go on from; default: OUTPUT.checkpoint")
      ->type_name("FILE");
  app.add_flag("--fresh", command->fresh, "begin anew even where a checkpoint exists");
  add_irn_options(app, command->irn);
}

}  // namespace veer::tools
