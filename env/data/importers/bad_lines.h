// What becomes of lines that break the rules: the import ends with the first, or counts them by reason and
// goes on. Not thread-safe.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "env/data/importers/importer.h"
#include "env/data/importers/line_reader.h"

namespace veer::importers {

class BadLines {
 public:
  explicit BadLines(bool skip = false) : skip_(skip) {}

  /// For use in a handler: counts the line, or throws it on.
  void handle(const BadLine& line) {
    if (!skip_) throw;
    for (SkippedLines& known : reasons_) {
      if (known.reason != line.reason()) continue;
      ++known.lines;
      return;
    }
    reasons_.push_back({line.reason(), 1, line.what()});
  }

  /// In order of first appearance.
  const std::vector<SkippedLines>& reasons() const noexcept { return reasons_; }
  std::int64_t lines() const noexcept {
    return std::accumulate(reasons_.begin(), reasons_.end(), std::int64_t{0},
                           [](std::int64_t sum, const SkippedLines& reason) { return sum + reason.lines; });
  }

 private:
  bool skip_;
  std::vector<SkippedLines> reasons_;
};

/// Calls `read`, which takes one record and says whether there was one, until there is none left. It must
/// look at every field of the record before it stores any.
template <class Read>
void read_records(BadLines& bad, const Read& read) {
  while (true) {
    try {
      if (!read()) return;
    } catch (const BadLine& line) {
      bad.handle(line);
    }
  }
}

}  // namespace veer::importers
