// veer validate shift, where there is nothing to fit with.
#include <CLI/CLI.hpp>
#include <memory>

#include "env/error.h"
#include "tools/veer/fitting/shift_evidence.h"

namespace veer::tools {

Action add_shift_evidence(CLI::App& app, const std::string&) {
  const auto base = std::make_shared<std::string>();
  app.add_option("--base", *base, "shift: model file of the network that encodes the history")
      ->type_name("FILE");
  return [base](const Session&) {
    throw ConfigError(
        "veer validate shift needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
  };
}

}  // namespace veer::tools
