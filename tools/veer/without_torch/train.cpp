// veer train, where agents cannot be trained.
#include <CLI/CLI.hpp>

#include "env/error.h"
#include "tools/veer/program.h"

namespace veer::tools {

void add_train(Program& program) {
  CLI::App& app = program.add("train", "Trains an agent (needs a build with LibTorch).",
                              "veer train irn --data ml-1m.h5 -o irn.model.h5", [](const Session&) {
                                throw ConfigError(
                                    "veer train needs LibTorch, which this build does not have; build with "
                                    "-DVEER_TORCH=ON");
                              });
  app.allow_extras();
}

}  // namespace veer::tools
