// Writes down what the engine played. Evaluation hands over whole segments; one thread turns them into files.
//
// Thread-safety: append() and finish() from one thread; HDF5 is called only by the recorder's own writer
// thread. Ownership: the recorder owns its copies of the trajectories until they are on disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "env/loop/trajectories.h"

namespace veer {

/// What identifies a run: everything that changes results and nothing else.
struct RunHeader {
  std::string configuration;  ///< resolved options as TOML, byte-stable
  std::string scenario;       ///< versioned id
  std::string dataset_fingerprint;
  std::uint64_t seed = 0;
  std::vector<std::string> policies;  ///< index = policy number in the files
  std::vector<std::string> judges;
  std::int64_t episodes = 0;          ///< per policy: ids 0..episodes-1
  std::int64_t segment_episodes = 0;  ///< episodes per segment file
};

/// Ids [first, last) of one policy.
struct Segment {
  std::int32_t policy = 0;
  EpisodeId first = 0;
  EpisodeId last = 0;
};

/// Whether a recorder may make a run longer or shorter than the one it finds.
enum class RunLength : std::uint8_t {
  fixed,
  may_change,  ///< run.toml is written anew where only `episodes` differs; what lies beyond is dropped
};

class Recorder {
 public:
  /// Creates the run directory, or continues one whose header is the same (drops unfinished segments). Throws
  /// ConfigError when the directory holds another run, IoError when it cannot be written.
  Recorder(const std::filesystem::path& directory, const RunHeader& header,
           RunLength length = RunLength::fixed);
  /// Waits for the writer. Errors not yet reported by append() or finish() are lost here, so call finish().
  ~Recorder();

  /// Segments not yet on disk, in (policy, first) order.
  std::vector<Segment> missing() const;
  /// Queues a segment for writing; blocks while 64 MiB or more would wait. Throws what the writer met before.
  void append(const Segment& segment, Trajectories trajectories);
  /// Waits until everything queued is on disk; when no segment is missing, computes the digest and closes the
  /// manifest.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer
