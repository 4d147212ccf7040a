#include "env/store/run_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/run_directory.h"
#include "env/store/toml_text.h"

namespace veer {

namespace {

constexpr std::int64_t most_segments = 1'000'000;
constexpr std::int64_t most_episodes = std::int64_t{1} << 53;
constexpr std::uintmax_t largest_toml = std::uintmax_t{1} << 30;

/// The field that is wrong and what is wrong with it; an empty field: nothing.
std::pair<std::string, Problem> flaw_of(const RunHeader& header) {
  if (header.policies.empty()) return {"policies", {"none", "at least one policy", ""}};
  if (std::set(header.judges.begin(), header.judges.end()).size() != header.judges.size()) {
    return {"judges", {"two judges of the same name", "different names", ""}};
  }
  if (std::find(header.judges.begin(), header.judges.end(), "") != header.judges.end()) {
    return {"judges", {"a judge without a name", "a name", ""}};
  }
  if (header.episodes < 0 || header.episodes > most_episodes) {
    return {"episodes", {std::to_string(header.episodes), "a number in 0..2^53", ""}};
  }
  if (header.segment_episodes < 1) {
    return {"segment_episodes", {std::to_string(header.segment_episodes), "at least 1", ""}};
  }
  const std::int64_t per_policy =
      header.episodes / header.segment_episodes + (header.episodes % header.segment_episodes != 0);
  if (per_policy > most_segments / static_cast<std::int64_t>(header.policies.size())) {
    return {"segment_episodes",
            {std::to_string(header.segment_episodes), "a size that makes at most a million segments", ""}};
  }
  return {};
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void check_header(const RunHeader& header) {
  const auto [field, problem] = flaw_of(header);
  if (!field.empty()) throw ConfigError(Where{{}, 0, field}, problem);
  try {
    parse_header(header_text(header), "run.toml");
  } catch (const FormatError& error) {
    throw ConfigError(std::string("this run cannot be described in run.toml: ") + error.what());
  }
}

std::vector<Segment> planned_segments(const RunHeader& header) {
  std::vector<Segment> segments;
  const auto episodes = static_cast<EpisodeId>(header.episodes);
  const auto size = static_cast<EpisodeId>(header.segment_episodes);
  for (std::size_t policy = 0; policy < header.policies.size(); ++policy) {
    for (EpisodeId first = 0; first < episodes; first += size) {
      segments.push_back(
          {static_cast<std::int32_t>(policy), first, first + std::min(size, episodes - first)});
    }
  }
  return segments;
}

std::string header_text(const RunHeader& header) {
  return fmt::format(
      "format = {}\nscenario = {}\ndataset = {}\nseed = \"{}\"\npolicies = {}\njudges = {}\nepisodes = {}\n"
      "segment_episodes = {}\nconfiguration = {}\n",
      run_format, toml_string(header.scenario), toml_string(header.dataset_fingerprint), header.seed,
      toml_strings(header.policies), toml_strings(header.judges), header.episodes, header.segment_episodes,
      toml_lines(header.configuration));
}

RunHeader parse_header(std::string_view text, const std::string& name) {
  TomlReader toml(text, name);
  if (const auto format = toml.integer("format", 1, 1'000'000); format != run_format) {
    toml.fail("format", std::to_string(format),
              std::to_string(run_format) + ", the format this version reads");
  }
  RunHeader header;
  header.scenario = toml.text("scenario");
  header.dataset_fingerprint = toml.text("dataset");
  header.seed = toml.unsigned_text("seed");
  header.policies = toml.texts("policies");
  header.judges = toml.texts("judges");
  header.episodes = toml.integer("episodes", 0, most_episodes);
  header.segment_episodes = toml.integer("segment_episodes", 1, most_episodes);
  header.configuration = toml.text("configuration");
  toml.expect_no_more();
  const auto [field, problem] = flaw_of(header);
  if (!field.empty()) toml.fail(field, problem.found, problem.expected);
  return header;
}

std::string manifest_text(const RunManifest& manifest) {
  std::string text = fmt::format("format = {}\nrun = \"{}\"\n", run_format, manifest.run_sha256);
  if (!manifest.digest.empty()) text += fmt::format("digest = \"{}\"\n", manifest.digest);
  for (const SegmentEntry& segment : manifest.segments) {
    text += fmt::format("\n[[segment]]\npolicy = {}\nfirst = {}\nlast = {}\nsteps = {}\nsha256 = \"{}\"\n",
                        segment.policy, segment.first, segment.last, segment.steps, segment.sha256);
  }
  return text;
}

RunManifest parse_manifest(std::string_view text, const RunHeader& header, const std::string& name) {
  TomlReader toml(text, name);
  if (const auto format = toml.integer("format", 1, 1'000'000); format != run_format) {
    toml.fail("format", std::to_string(format),
              std::to_string(run_format) + ", the format this version reads");
  }
  RunManifest manifest;
  manifest.run_sha256 = toml.checksum("run");
  if (toml.contains("digest")) manifest.digest = toml.checksum("digest");
  const auto size = static_cast<EpisodeId>(header.segment_episodes);
  const auto episodes = static_cast<EpisodeId>(header.episodes);
  const auto policies = static_cast<std::int64_t>(header.policies.size());
  for (TomlReader& entry : toml.tables("segment")) {
    SegmentEntry segment;
    segment.policy = static_cast<std::int32_t>(entry.integer("policy", 0, policies - 1));
    segment.first = static_cast<EpisodeId>(entry.integer("first", 0, most_episodes));
    segment.last = static_cast<EpisodeId>(entry.integer("last", 0, most_episodes));
    segment.steps = entry.integer("steps", 0, most_episodes);
    segment.sha256 = entry.checksum("sha256");
    entry.expect_no_more();
    if (segment.first % size != 0 || segment.first >= episodes ||
        segment.last != segment.first + std::min(size, episodes - segment.first)) {
      entry.fail("first", fmt::format("episodes {} to {}", segment.first, segment.last),
                 "a segment of this run");
    }
    if (!manifest.segments.empty()) {
      const SegmentEntry& before = manifest.segments.back();
      if (std::pair(before.policy, before.first) >= std::pair(segment.policy, segment.first)) {
        entry.fail("first", "a segment out of order or named twice", "ascending policy and first episode");
      }
    }
    manifest.segments.push_back(std::move(segment));
  }
  toml.expect_no_more();
  const std::int64_t per_policy =
      header.episodes / header.segment_episodes + (header.episodes % header.segment_episodes != 0);
  if (!manifest.digest.empty() &&
      static_cast<std::int64_t>(manifest.segments.size()) != per_policy * policies) {
    toml.fail("digest", fmt::format("a digest over {} segments", manifest.segments.size()),
              fmt::format("all {} segments, or no digest", per_policy * policies));
  }
  return manifest;
}

RunFiles read_run_files(const std::filesystem::path& directory) {
  std::error_code refused;  // a directory that may not be entered is reported by read_file
  const std::filesystem::file_type type = std::filesystem::status(directory, refused).type();
  if (type != std::filesystem::file_type::directory && type != std::filesystem::file_type::none) {
    throw IoError(Where{directory, 0, ""}, Problem{"no directory", "a run directory", "check the path"});
  }
  if (!std::filesystem::exists(header_path(directory), refused) && !refused) {
    throw FormatError(Where{directory, 0, ""},
                      Problem{"no run.toml", "a run directory with run.toml, manifest.toml and segments",
                              "check the path"});
  }
  if (!std::filesystem::exists(manifest_path(directory), refused) && !refused) {
    throw FormatError(Where{directory, 0, ""}, Problem{"run.toml without manifest.toml", "both",
                                                       "the run is damaged: record it anew elsewhere"});
  }
  RunFiles files;
  files.header_text = text_of(read_file(header_path(directory), largest_toml));
  files.header = parse_header(files.header_text, header_path(directory).string());
  files.manifest = parse_manifest(text_of(read_file(manifest_path(directory), largest_toml)), files.header,
                                  manifest_path(directory).string());
  Sha256 hash;
  hash.update(files.header_text);
  if (const std::string found = hash.finish(); found != files.manifest.run_sha256) {
    throw VerificationError(
        Where{header_path(directory), 0, ""},
        Problem{"content with SHA-256 " + found, files.manifest.run_sha256 + ", as the manifest says",
                "run.toml was changed after the run began"});
  }
  return files;
}

std::filesystem::path header_path(const std::filesystem::path& directory) { return directory / "run.toml"; }
std::filesystem::path manifest_path(const std::filesystem::path& directory) {
  return directory / "manifest.toml";
}
std::filesystem::path segments_path(const std::filesystem::path& directory) { return directory / "segments"; }

std::string segment_name(std::int32_t policy, EpisodeId first) {
  return fmt::format("p{:03}-e{:08}.h5", policy, first);
}

}  // namespace veer
