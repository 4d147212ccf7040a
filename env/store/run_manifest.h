// What a run is (run.toml) and which of its segments are on disk (manifest.toml). Format: RUN_FORMAT.md.
// Thread-safety: value types and free functions.
#pragma once

#include <compare>
#include <filesystem>
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

struct RunManifest {
  std::string run_sha256;              ///< of run.toml
  std::string digest;                  ///< empty while the run is incomplete
  std::vector<SegmentEntry> segments;  ///< ascending by (policy, first)
};

/// Throws ConfigError when the header cannot name a run: no policies, judges named twice, more than a million
/// segments, text that is not UTF-8.
void check_header(const RunHeader& header);

/// The segments a run with this header consists of, ascending by (policy, first).
std::vector<Segment> planned_segments(const RunHeader& header);

std::string header_text(const RunHeader& header);  ///< content of run.toml
/// Throws FormatError naming `name` and the line.
RunHeader parse_header(std::string_view text, const std::string& name);

std::string manifest_text(const RunManifest& manifest);  ///< content of manifest.toml
/// Throws FormatError also when a segment is none of the planned ones or the order is wrong.
RunManifest parse_manifest(std::string_view text, const RunHeader& header, const std::string& name);

/// Header, manifest and run.toml's text of a directory. Throws IoError, FormatError, VerificationError.
struct RunFiles {
  RunHeader header;
  std::string header_text;
  RunManifest manifest;
};
RunFiles read_run_files(const std::filesystem::path& directory);

std::filesystem::path header_path(const std::filesystem::path& directory);
std::filesystem::path manifest_path(const std::filesystem::path& directory);
std::filesystem::path segments_path(const std::filesystem::path& directory);
/// "p000-e00000000.h5"
std::string segment_name(std::int32_t policy, EpisodeId first);

}  // namespace veer
