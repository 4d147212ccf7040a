// run.log.jsonl: when a run was recorded, how fast, where, and what was resumed or dropped. One JSON object
// per line. Outside the contract of a run: nothing reads it back, and a failure to write it is no failure of
// the run. Thread-safety: one thread at a time.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace veer {

class RunLog {
 public:
  /// Opens for appending. A line that a killed process left half-written is ended first.
  explicit RunLog(const std::filesystem::path& path);
  /// Adds "event", "time" (UTC) and "elapsed_seconds" since the log was opened to `details` and writes one
  /// line.
  void write(std::string_view event, nlohmann::json details);
  double elapsed_seconds() const;

 private:
  std::ofstream file_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace veer
