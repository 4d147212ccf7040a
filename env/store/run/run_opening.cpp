#include "env/store/run/run_opening.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <thread>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/hdf5/hdf5.h"

namespace veer {

namespace fs = std::filesystem;

DirectoryLock::DirectoryLock(const fs::path& directory)
    : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ < 0) {
    throw IoError(Where{directory, 0, ""},
                  Problem{std::string("a directory that cannot be opened: ") + std::strerror(errno),
                          "a directory that can be written", "choose another place"});
  }
  // Some network file systems have no locks; there the user has to see to it.
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(descriptor_);
    throw ConfigError(Where{directory, 0, ""},
                      Problem{"a directory another process is recording to", "one of its own",
                              "wait for the other process, or choose another directory"});
  }
}

DirectoryLock::~DirectoryLock() { ::close(descriptor_); }

namespace {

constexpr std::string_view log_name = "run.log.jsonl";

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

/// Throws ConfigError naming the first line in which the two descriptions of a run differ.
void check_same_run(const fs::path& path, std::string_view found, std::string_view wanted) {
  if (found == wanted) return;
  for (std::int64_t number = 1;; ++number) {
    const std::string_view found_line = take_line(found);
    const std::string_view wanted_line = take_line(wanted);
    if (found_line == wanted_line && !(found.empty() && wanted.empty())) continue;
    throw ConfigError(
        Where{path, number, ""},
        Problem{fmt::format("`{}`", found_line), fmt::format("`{}`", wanted_line),
                "this directory holds another run: choose another directory or the options of that run"});
  }
}

/// A directory without run.toml may hold what a process killed while creating a run leaves, and nothing else.
void check_unused(const fs::path& directory) {
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    const bool ours = name == "manifest.toml" || name == "segments.tsv" || name == log_name ||
                      name == "run.toml.part" || name == "manifest.toml.part" ||
                      name == "segments.tsv.part" || (name == "segments" && fs::is_empty(entry.path()));
    if (!ours) {
      throw ConfigError(
          Where{directory, 0, ""},
          Problem{fmt::format("a directory that holds \"{}\" and no run.toml", name),
                  "an empty directory, a new one, or a run to continue", "choose another directory"});
    }
  }
}

bool is_segment_file(const std::string& name) {
  return name.starts_with('p') && name.find("-e") != std::string::npos &&
         (name.ends_with(".h5") || name.ends_with(".h5.part"));
}

void drop(RunLog& log, const fs::path& path, const std::string& reason) {
  fs::remove(path);
  log.write("dropped", {{"file", path.filename().string()}, {"reason", reason}});
}

/// The digest and checksum of the list, if the manifest is sound and belongs to this run.
RunManifest salvage_manifest(const fs::path& path, const std::string& run_sha256, RunLog& log) {
  RunManifest fresh;
  fresh.run_sha256 = run_sha256;
  try {
    if (RunManifest found; fs::exists(path)) {
      found = parse_manifest(read_text(path), path.string());
      if (found.run_sha256 == run_sha256) return found;
    }
  } catch (const FormatError&) {  // what it says can be found out again
  }
  log.write("dropped", {{"file", path.filename().string()}, {"reason", "damaged"}});
  return fresh;
}

/// Keeps what is whole: afterwards files, list and manifest agree.
void drop_unfinished(const fs::path& directory, const RunHeader& header, OpenedRun& run) {
  for (fs::path part : {header_path(directory), manifest_path(directory), list_path(directory)}) {
    part += ".part";
    fs::remove(part);
  }
  const std::string list = fs::exists(list_path(directory)) ? read_text(list_path(directory)) : "";
  std::set<std::string> listed;
  for (SegmentEntry& entry : salvage_segment_list(list, header)) {
    const std::string name = segment_name(entry.policy, entry.first);
    const fs::path path = segments_path(directory) / name;
    if (!fs::exists(path)) {
      run.log->write("dropped", {{"file", name}, {"reason", "missing"}});
    } else if (sha256_of_file(path) != entry.sha256) {
      drop(*run.log, path, "checksum");
    } else {
      listed.insert(name);
      run.segments.push_back(std::move(entry));
    }
  }
  std::vector<fs::path> unlisted;
  for (const fs::directory_entry& entry : fs::directory_iterator(segments_path(directory))) {
    const std::string name = entry.path().filename().string();
    if (is_segment_file(name) && !listed.contains(name)) unlisted.push_back(entry.path());
  }
  std::sort(unlisted.begin(), unlisted.end());
  for (const fs::path& path : unlisted) drop(*run.log, path, "unfinished");

  const std::string kept = segment_list_text(run.segments);
  const std::string before = manifest_text(run.manifest);
  const bool complete = static_cast<std::int64_t>(run.segments.size()) == number_of_segments(header);
  if (!complete || sha256_of(kept) != run.manifest.list_sha256) {
    run.manifest.digest.clear();
    run.manifest.list_sha256.clear();
  }
  // The digest goes first: a manifest with one never stands beside a list of something else for long.
  if (const fs::path path = manifest_path(directory);
      manifest_text(run.manifest) != before || !fs::exists(path) || read_text(path) != before) {
    write_file_atomically(path, manifest_text(run.manifest));
  }
  if (kept != list) write_file_atomically(list_path(directory), kept);
}

/// What run.toml says; of a run that differs from `header` in its length alone it then says what `header`
/// does.
std::string found_header(const fs::path& directory, const RunHeader& header, RunLength length) {
  const fs::path path = header_path(directory);
  std::string found = read_text(path);
  const std::string text = header_text(header);
  // Another format is no other run.
  if (found.substr(0, found.find('\n')) != text.substr(0, text.find('\n')))
    parse_header(found, path.string());
  if (length == RunLength::fixed || found == text) return found;
  RunHeader other = parse_header(found, path.string());
  other.episodes = header.episodes;
  if (header_text(other) != text) return found;
  // Until the manifest is written anew it belongs to no run, which the next recorder mends.
  write_file_atomically(path, text);
  return text;
}

OpenedRun open_locked(const fs::path& directory, const RunHeader& header, RunLength length) {
  const std::string text = header_text(header);
  const std::string run_sha256 = sha256_of(text);
  const bool resumed = fs::exists(header_path(directory));
  if (resumed) {
    check_same_run(header_path(directory), found_header(directory, header, length), text);
  } else {
    check_unused(directory);
  }
  fs::create_directories(segments_path(directory));
  OpenedRun run;
  run.log = std::make_unique<RunLog>(directory / log_name);
  if (resumed) {
    run.manifest = salvage_manifest(manifest_path(directory), run_sha256, *run.log);
    drop_unfinished(directory, header, run);
  } else {
    // run.toml comes last: where it is, the others are.
    run.manifest.run_sha256 = run_sha256;
    write_file_atomically(list_path(directory), segment_list_text({}));
    write_file_atomically(manifest_path(directory), manifest_text(run.manifest));
    write_file_atomically(header_path(directory), text);
  }
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  run.log->write(resumed ? "resume" : "begin", {{"host", host},
                                                {"process", ::getpid()},
                                                {"processors", std::thread::hardware_concurrency()},
                                                {"hdf5", hdf5::library_version()},
                                                {"segments_on_disk", run.segments.size()}});
  return run;
}

OpenedRun open_checked(const fs::path& directory, const RunHeader& header, RunLength length) {
  fs::create_directories(directory);
  // Before the first look: what another process is about to write must not be judged by what stands there
  // now.
  auto lock = std::make_unique<DirectoryLock>(directory);
  OpenedRun run = open_locked(directory, header, length);
  run.lock = std::move(lock);
  return run;
}

}  // namespace

OpenedRun open_run(const fs::path& directory, const RunHeader& header, RunLength length) {
  check_header(header);
  try {
    return open_checked(directory, header, length);
  } catch (const fs::filesystem_error& error) {
    throw IoError(
        Where{error.path1(), 0, ""},
        Problem{error.code().message(), "a directory that can be read and written", "choose another place"});
  }
}

}  // namespace veer
