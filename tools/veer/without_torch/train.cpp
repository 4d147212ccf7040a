// veer train, where networks cannot be trained.
#include <CLI/CLI.hpp>

#include "env/error.h"
#include "tools/veer/program.h"

namespace veer::tools {

void add_train(Program& program) {
  CLI::App& app = program.add(
      "train", "Trains a policy (needs a build with LibTorch).", "veer train prorl", [](const Session&) {
        throw ConfigError(
            "veer train needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
      });
  app.allow_extras();
}

}  // namespace veer::tools
