// What a run is (run.toml), and whether it is complete (manifest.toml). Format: RUN_FORMAT.md.
// Thread-safety: value types and free functions.
#pragma once

#include <compare>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "env/recorder.h"
#include "env/store/run/segment_list.h"

namespace veer {

/// What messages about a damaged manifest, list or segment advise.
inline constexpr const char* mending_hint =
    "the run is damaged: the command that recorded it, given again with the same options, keeps what is "
    "whole "
    "and plays the rest anew";

/// Written when a run begins and again when it is complete, so that it costs nothing per segment.
struct RunManifest {
  std::string run_sha256;   ///< of run.toml
  std::string list_sha256;  ///< of segments.tsv; empty while the run is incomplete
  std::string digest;       ///< empty while the run is incomplete
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
/// Throws FormatError.
RunManifest parse_manifest(std::string_view text, const std::string& name);

struct RunFiles {
  RunHeader header;
  RunManifest manifest;
  std::vector<SegmentEntry> segments;  ///< ascending by (policy, first)
};
/// run.toml, manifest.toml and segments.tsv of a directory, checked against each other. Throws IoError,
/// FormatError, VerificationError.
RunFiles read_run_files(const std::filesystem::path& directory);

std::int64_t number_of_segments(const RunHeader& header);

std::filesystem::path header_path(const std::filesystem::path& directory);
std::filesystem::path manifest_path(const std::filesystem::path& directory);
std::filesystem::path list_path(const std::filesystem::path& directory);
std::filesystem::path segments_path(const std::filesystem::path& directory);
/// "p000-e00000000.h5"
std::string segment_name(std::int32_t policy, EpisodeId first);

}  // namespace veer
