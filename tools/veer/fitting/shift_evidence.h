// veer validate shift: what each mechanism of a shifting taste is worth. Needs a build with LibTorch: defined
// in with_torch/validate.cpp, and in without_torch/validate.cpp as a sentence that says so.
#pragma once

#include <string>

#include "tools/veer/program.h"

namespace veer::tools {

/// Adds the options of this mode and returns what runs it. `data` is the option --data, which both modes of
/// the command have; it must outlive the action.
Action add_shift_evidence(CLI::App& app, const std::string& data);

}  // namespace veer::tools
