// veer validate, where there is nothing to validate with.
#include <CLI/CLI.hpp>

#include "env/error.h"
#include "tools/veer/program.h"

namespace veer::tools {

void add_validate(Program& program) {
  CLI::App& app = program.add(
      "validate", "Measures what mechanisms of shifting taste are worth (needs a build with LibTorch).",
      "veer validate --help", [](const Session&) {
        throw ConfigError(
            "veer validate needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
      });
  app.allow_extras();
}

}  // namespace veer::tools
