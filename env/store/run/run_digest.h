// The digest of a run: one SHA-256 over every row, independent of segments, threads and interruptions.
// Rows and columns: RUN_FORMAT.md. Thread-safety: free function; one object per thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "env/data/sha256.h"
#include "env/loop/trajectories.h"
#include "env/store/run/segment_file.h"

namespace veer {

/// Feed all steps in (policy, episode, step) order, then all episodes in (policy, episode) order.
class RunDigest {
 public:
  void add_steps(std::int32_t policy, const Trajectories& paths);
  void add_episodes(std::int32_t policy, const Trajectories& paths);
  std::string finish() { return hash_.finish(); }

 private:
  template <class T>
  void put(std::span<const T> values);
  template <class T>
  void put(T value) {
    put(std::span<const T>(&value, 1));
  }
  void flush_row();

  Sha256 hash_;
  std::vector<std::byte> rows_;
};

/// Reads the segments twice, checking each file against the list the first time. Throws IoError,
/// FormatError, VerificationError.
std::string compute_digest(const std::filesystem::path& directory, const RunHeader& header,
                           std::span<const SegmentEntry> segments);

}  // namespace veer
