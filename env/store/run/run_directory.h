// Reads run directories back. Format: RUN_FORMAT.md. Thread-safety: free functions; a RunReader is not
// changed after construction.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "env/loop/trajectories.h"
#include "env/recorder.h"

namespace veer {

inline constexpr int run_format = 2;

struct RunSummary {
  RunHeader header;
  bool complete = false;
  std::int64_t episodes = 0;  ///< on disk, all policies
  std::int64_t steps = 0;
  std::string digest;  ///< SHA-256, 64 hex digits; empty while incomplete
};

/// A run opened once: reading all its policies reads the list of segments once.
class RunReader {
 public:
  /// Reads run.toml, manifest.toml and segments.tsv. Throws IoError, FormatError, or VerificationError when
  /// they do not belong together.
  explicit RunReader(const std::filesystem::path& directory);
  ~RunReader();
  RunReader(const RunReader&) = delete;
  RunReader& operator=(const RunReader&) = delete;

  const RunSummary& summary() const noexcept;
  /// Everything a policy played, segments joined in order; of an incomplete run what is there. Throws
  /// ConfigError for an unknown policy, FormatError, VerificationError on a bad checksum or a missing
  /// segment.
  Trajectories read(std::int32_t policy) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

/// RunReader(directory).summary() and RunReader(directory).read(policy).
RunSummary read_run_summary(const std::filesystem::path& directory);
Trajectories read_run(const std::filesystem::path& directory, std::int32_t policy);

/// Recomputes every checksum and the digest; returns the digest. Throws VerificationError, also for an
/// incomplete run.
std::string verify_run(const std::filesystem::path& directory);

}  // namespace veer
