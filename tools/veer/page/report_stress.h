// The folder of `veer stress -o` in a report: what every step brought, calm against stressed, per test.
// Thread-safety: pure functions.
#pragma once

#include <filesystem>
#include <string>

#include "env/data/dataset.h"
#include "rewards/crossed.h"

namespace veer::tools {

/// Whether the folder holds the runs of a stress trial: "calm" and at least one test beside it.
bool is_stress_folder(const std::filesystem::path& folder);

/// Verdicts per gate, where the folder says what it was judged by, then timelines and figures of resilience
/// of every test in the folder, by name. Throws DataError for runs that are incomplete, of another data set
/// or other episodes, FormatError for a configuration without its stress.
std::string stress_section(const std::filesystem::path& folder, const Dataset& data,
                           const CrossedOptions& options);

}  // namespace veer::tools
