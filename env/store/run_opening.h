// How a recorder finds or makes its directory: what may be continued, what is dropped. Format: RUN_FORMAT.md.
// Thread-safety: one thread; a lock on the directory keeps other processes out.
#pragma once

#include <filesystem>
#include <memory>

#include "env/recorder.h"
#include "env/store/run_log.h"
#include "env/store/run_manifest.h"

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
  RunManifest manifest;  ///< segments that are whole on disk, as manifest.toml says too
};

/// Creates the directory or opens one with the same header: removes .part files and segments that are missing
/// from the manifest, drops those whose checksum is wrong, and says so in the log. Throws as Recorder's
/// constructor does.
OpenedRun open_run(const std::filesystem::path& directory, const RunHeader& header);

}  // namespace veer
