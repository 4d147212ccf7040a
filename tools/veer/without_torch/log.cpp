// veer log, where networks cannot act or learn.
#include <CLI/CLI.hpp>

#include "env/error.h"
#include "tools/veer/program.h"

namespace veer::tools {

void add_log(Program& program) {
  CLI::App& app = program.add(
      "log", "Makes logs of decisions (needs a build with LibTorch).", "veer log", [](const Session&) {
        throw ConfigError(
            "veer log needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
      });
  app.allow_extras();
}

}  // namespace veer::tools
