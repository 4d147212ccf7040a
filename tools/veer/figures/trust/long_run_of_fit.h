// The grade of fidelity in the long run (simulators/long_run/grade.h) wherever models are fitted and named.
// Thread-safety: free functions, on the main thread.
#pragma once

#include <cstdint>
#include <string>

#include "env/data/dataset.h"
#include "env/store/model_file.h"
#include "env/user_model.h"
#include "tools/veer/terminal/console.h"

namespace veer::tools {

/// Rolls the people of Part::test forward as `veer validate` does by default, and leaves the ratios among
/// `manifest.metrics`. False, and nothing happens, when the model learned from everybody (nobody is held out
/// in the long run), or when too few people have logs long enough; the latter is noted. Save the model
/// before: Interrupted may be thrown.
bool add_long_run(const UserModel& users, const Dataset& data, std::uint64_t seed, const Console& console,
                  ModelManifest& manifest);

/// "B: simulated people are 1.9 times as far ..." from what a manifest holds; empty when the model was not
/// compared.
std::string long_run_text(const ModelManifest& manifest);
/// A line with that grade, where results are text and there is one.
void print_long_run(const Console& console, const ModelManifest& manifest);
/// "B"; empty when the model was not compared.
std::string long_run_letter(const ModelManifest& manifest);

}  // namespace veer::tools
