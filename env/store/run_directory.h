// Reads run directories back. Format: RUN_FORMAT.md.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "env/recorder.h"
#include "env/trajectories.h"

namespace veer {

inline constexpr int run_format = 1;

struct RunSummary {
  RunHeader header;
  bool complete = false;
  std::int64_t episodes = 0;  ///< on disk, all policies
  std::int64_t steps = 0;
  std::string digest;  ///< SHA-256, 64 hex digits; empty while incomplete
};

/// Reads run.toml and the manifest only. Throws IoError, FormatError, or VerificationError when run.toml was
/// changed.
RunSummary read_run_summary(const std::filesystem::path& directory);

/// Everything a policy played, segments joined in order; of an incomplete run what is there. Throws
/// ConfigError for an unknown policy, FormatError, VerificationError on a bad checksum or a missing segment.
Trajectories read_run(const std::filesystem::path& directory, std::int32_t policy);

/// Recomputes every checksum and the digest; returns the digest. Throws VerificationError, also for an
/// incomplete run.
std::string verify_run(const std::filesystem::path& directory);

}  // namespace veer
