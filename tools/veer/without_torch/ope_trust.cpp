// veer ope-trust, where networks cannot act or learn.
#include <CLI/CLI.hpp>

#include "env/error.h"
#include "tools/veer/program.h"

namespace veer::tools {

void add_ope_trust(Program& program) {
  CLI::App& app = program.add(
      "ope-trust", "Measures how far to trust estimates (needs a build with LibTorch).", "veer ope-trust",
      [](const Session&) {
        throw ConfigError(
            "veer ope-trust needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
      });
  app.allow_extras();
}

}  // namespace veer::tools
