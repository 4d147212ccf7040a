// veer fit shift_user: the rates of people whose taste shifts, fitted on top of a fitted network. Needs a
// build with LibTorch: defined in with_torch/fitting/shift_fit.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "env/data/dataset.h"
#include "simulators/shift/shift_fit.h"
#include "tools/veer/program.h"

namespace veer::tools {

/// Options that only this kind has, as words on the command line.
struct ShiftOptions {
  std::string base;                ///< model file of the frozen network
  std::string mechanisms = "all";  ///< or a list
  std::string time = "steps";      ///< or days
  shift::ShiftFitOptions fit;
};

void add_shift_options(CLI::App& app, ShiftOptions& options);

/// The options in numbers. `people` is what stands after --people, "all" when nothing does: the people of
/// the base network are taken, others are refused. Reads the base network.
struct ShiftTask {
  nn::SequenceModel base;
  std::string base_checksum;
  shift::ShiftFitOptions fit;
};
ShiftTask shift_task(const ShiftOptions& options, const std::string& people, const Dataset& data,
                     const Session& session);

/// What the file of a fitted model holds.
ModelFile shift_file_of(const ShiftTask& task, const shift::ShiftFitResult& result, const Dataset& data);

/// Fits, writes the model and says what was found. `fit` has checkpoint, seed and budget.
void run_shift_fit(const ShiftTask& task, const Dataset& data, const std::string& output,
                   const Session& session);

/// fit.progress that writes a line now and then.
std::function<void(const shift::ShiftProgress&)> shift_progress(const Console& console);

}  // namespace veer::tools
