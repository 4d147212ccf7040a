// veer demo, where no user model can be fitted.
#include <CLI/CLI.hpp>
#include <memory>

#include "env/error.h"
#include "tools/veer/program.h"

namespace veer::tools {

void add_demo(Program& program) {
  CLI::App& app = program.add(
      "demo", "All of it on an embedded synthetic world (needs a build with LibTorch).", "veer demo",
      [](const Session&) {
        throw ConfigError(
            "veer demo needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
      });
  app.allow_extras();
}

}  // namespace veer::tools
