// How a recorder finds or makes its directory: what may be continued, what is dropped. Format: RUN_FORMAT.md.
// Thread-safety: one thread; a lock on the directory keeps other processes out.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "env/recorder.h"
#include "env/store/run/run_log.h"
#include "env/store/run/run_manifest.h"

namespace veer {

/// Holds the run directory for one process until destroyed; the system frees it when the process dies.
class DirectoryLock {
 public:
  /// Throws ConfigError when another process records there, IoError when the directory cannot be opened.
  explicit DirectoryLock(const std::filesystem::path& directory);
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock();

 private:
  int descriptor_ = -1;
};

struct OpenedRun {
  std::unique_ptr<DirectoryLock> lock;
  std::unique_ptr<RunLog> log;
  RunManifest manifest;                ///< as it stands in manifest.toml
  std::vector<SegmentEntry> segments;  ///< whole on disk, ascending, as it stands in segments.tsv
};

/// Locks the directory, then looks: creates a run there or opens one with the same header. Removes .part
/// files and segments that the list does not name, drops those whose checksum is wrong, writes a damaged
/// manifest or list anew, and says so in the log. Throws as Recorder's constructor does.
OpenedRun open_run(const std::filesystem::path& directory, const RunHeader& header, RunLength length);

}  // namespace veer
