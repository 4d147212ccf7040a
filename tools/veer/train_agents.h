// One entry per agent that `veer train` trains. Needs a build with LibTorch: defined in with_torch/train_*.cpp.
#pragma once

#include <memory>

#include "tools/veer/program.h"

namespace veer::tools {

/// Adds the agent's subcommand to `veer train`.
void add_train_path_model(Program& program, CLI::App& train);
void add_train_prorl(Program& program, CLI::App& train);

}  // namespace veer::tools
