// veer train irn: the options that only this agent has, and the training. Needs a build with LibTorch:
// defined in with_torch/irn_training.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "agents/irn/irn_training.h"
#include "tools/veer/program.h"

namespace veer::tools {

/// Also sets `options` to the defaults.
void add_irn_options(CLI::App& app, irn::IrnTrainingOptions& options);

/// Trains on `data`, writes the model file and says how it went. `options.checkpoint` must be set.
void run_irn_training(irn::IrnTrainingOptions options, const std::string& data, const std::string& output,
                      const Session& session);

}  // namespace veer::tools
