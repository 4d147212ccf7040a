// veer fit, where there is nothing to fit with.
#include <CLI/CLI.hpp>
#include <memory>

#include "env/error.h"
#include "tools/veer/program.h"

namespace veer::tools {

void add_fit(Program& program) {
  CLI::App& app = program.add(
      "fit", "Fits a user model to a dataset (needs a build with LibTorch).", "veer fit --help",
      [](const Session&) {
        throw ConfigError(
            "veer fit needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
      });
  app.allow_extras();
}

}  // namespace veer::tools
