// What a kept stress trial was judged by: trial.toml beside its runs (STRESS_FORMAT.md). With it verdicts can
// be computed from the runs once more. Value types and pure functions; safe from any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "scenarios/stress/suite.h"

namespace veer::stress {

/// Its name in the folder of a trial.
inline constexpr std::string_view trial_record_name = "trial.toml";

struct TrialRecord {
  StressSuite suite;
  std::string baseline;  ///< the policy that gates compare with; empty where none does
};

/// The file's text. REQUIRES: a suite that was read, with its text.
std::string trial_record_text(const StressSuite& suite, const std::string& baseline);

/// Throws FormatError naming file, line and key for text that is no trial, and what read_suite() throws for
/// its suite.
TrialRecord read_trial_record(std::string_view text, const std::filesystem::path& file);
/// The same from a file of at most two megabytes; IoError when it cannot be read.
TrialRecord read_trial_record_file(const std::filesystem::path& file);

}  // namespace veer::stress
