// segments.tsv: which segments of a run are whole on disk. One line is appended per finished segment, so that
// recording costs the same per segment however many there are. Format: RUN_FORMAT.md.
// Thread-safety: value types and free functions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/recorder.h"

namespace veer {

/// One segment file that is whole on disk.
struct SegmentEntry {
  std::int32_t policy = 0;
  EpisodeId first = 0;
  EpisodeId last = 0;  ///< one past
  std::int64_t steps = 0;
  std::string sha256;  ///< of the file
};

/// "0\t6554\t13108\t63120\t<64 hex digits>\n"
std::string segment_line(const SegmentEntry& entry);

/// The whole list: its first line names the columns. Sorted entries give the list of a complete run.
std::string segment_list_text(std::span<const SegmentEntry> entries);

/// The entries, ascending by (policy, first) whatever their order in the list. What follows the last newline
/// is a line still being written, or cut by the end of the process that wrote it, and is ignored. Throws
/// FormatError naming the line of what is no segment of the run or stands twice.
std::vector<SegmentEntry> parse_segment_list(std::string_view text, const RunHeader& header,
                                             const std::string& name);

/// The same for a recorder that mends the list: lines that parse_segment_list would refuse are left out.
std::vector<SegmentEntry> salvage_segment_list(std::string_view text, const RunHeader& header);

}  // namespace veer
