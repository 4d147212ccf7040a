#include "env/store/run/run_manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/run/run_directory.h"
#include "env/store/toml_text.h"

namespace veer {

namespace {

constexpr std::int64_t most_segments = 1'000'000;
constexpr std::int64_t most_episodes = std::int64_t{1} << 53;
constexpr std::uintmax_t largest_text = std::uintmax_t{1} << 30;
constexpr const char* header_hint =
    "the file is damaged: put back a copy of it, or record the run anew in another directory";

std::int64_t segments_per_policy(const RunHeader& header) {
  return header.episodes / header.segment_episodes + (header.episodes % header.segment_episodes != 0);
}

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
  if (segments_per_policy(header) > most_segments / static_cast<std::int64_t>(header.policies.size())) {
    return {"segment_episodes",
            {std::to_string(header.segment_episodes), "a size that makes at most a million segments", ""}};
  }
  return {};
}

void check_format(TomlReader& toml, const std::string& name) {
  const std::int64_t format = toml.integer("format", 1, 1'000'000);
  if (format == run_format) return;
  throw FormatError(
      Where{name, 0, "format"},
      Problem{std::to_string(format), fmt::format("{}, the format this version reads and writes", run_format),
              fmt::format("{} version of Veer recorded this run: read it with that one, or record it anew in "
                          "another directory",
                          format < run_format ? "an older" : "a newer")});
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
  TomlReader toml(text, name, header_hint);
  check_format(toml, name);
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
  if (!manifest.digest.empty()) {
    text += fmt::format("segments = \"{}\"\ndigest = \"{}\"\n", manifest.list_sha256, manifest.digest);
  }
  return text;
}

RunManifest parse_manifest(std::string_view text, const std::string& name) {
  TomlReader toml(text, name, mending_hint);
  check_format(toml, name);
  RunManifest manifest;
  manifest.run_sha256 = toml.checksum("run");
  if (toml.contains("segments") || toml.contains("digest")) {
    manifest.list_sha256 = toml.checksum("segments");
    manifest.digest = toml.checksum("digest");
  }
  toml.expect_no_more();
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
  const std::string text = read_text(header_path(directory), largest_text);
  RunFiles files;
  files.header = parse_header(text, header_path(directory).string());
  for (const std::filesystem::path& path : {manifest_path(directory), list_path(directory)}) {
    if (!std::filesystem::exists(path, refused) && !refused) {
      throw FormatError(Where{directory, 0, ""},
                        Problem{"run.toml without " + path.filename().string(), "both", mending_hint});
    }
  }
  // The list is read after the manifest: a recorder sorts it before it writes a digest.
  files.manifest =
      parse_manifest(read_text(manifest_path(directory), largest_text), manifest_path(directory).string());
  if (const std::string found = sha256_of(text); found != files.manifest.run_sha256) {
    throw VerificationError(
        Where{header_path(directory), 0, ""},
        Problem{"content with SHA-256 " + found, files.manifest.run_sha256 + ", as manifest.toml says",
                "run.toml was changed after the run began: put back what it was"});
  }
  const std::string list = read_text(list_path(directory), largest_text);
  files.segments = parse_segment_list(list, files.header, list_path(directory).string());
  if (files.manifest.digest.empty()) return files;
  if (const std::string found = sha256_of(list); found != files.manifest.list_sha256) {
    throw VerificationError(Where{list_path(directory), 0, ""},
                            Problem{"content with SHA-256 " + found,
                                    files.manifest.list_sha256 + ", as manifest.toml says", mending_hint});
  }
  if (static_cast<std::int64_t>(files.segments.size()) != number_of_segments(files.header)) {
    throw FormatError(Where{manifest_path(directory), 0, "digest"},
                      Problem{fmt::format("a digest over {} segments", files.segments.size()),
                              fmt::format("all {} segments, or no digest", number_of_segments(files.header)),
                              mending_hint});
  }
  return files;
}

std::int64_t number_of_segments(const RunHeader& header) {
  return segments_per_policy(header) * static_cast<std::int64_t>(header.policies.size());
}

std::filesystem::path header_path(const std::filesystem::path& directory) { return directory / "run.toml"; }
std::filesystem::path manifest_path(const std::filesystem::path& directory) {
  return directory / "manifest.toml";
}
std::filesystem::path list_path(const std::filesystem::path& directory) { return directory / "segments.tsv"; }
std::filesystem::path segments_path(const std::filesystem::path& directory) { return directory / "segments"; }

std::string segment_name(std::int32_t policy, EpisodeId first) {
  return fmt::format("p{:03}-e{:08}.h5", policy, first);
}

}  // namespace veer
