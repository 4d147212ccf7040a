// veer rank, where networks cannot be read.
#include <CLI/CLI.hpp>

#include "env/error.h"
#include "tools/veer/program.h"

namespace veer::tools {

void add_rank(Program& program) {
  CLI::App& app = program.add(
      "rank", "Judges offline agents (needs a build with LibTorch).", "veer rank", [](const Session&) {
        throw ConfigError(
            "veer rank needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
      });
  app.allow_extras();
}

}  // namespace veer::tools
