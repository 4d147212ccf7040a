#include "env/store/run_opening.h"

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
#include "env/store/hdf5.h"

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
    const bool ours = name == "manifest.toml" || name == log_name || name == "run.toml.part" ||
                      name == "manifest.toml.part" || (name == "segments" && fs::is_empty(entry.path()));
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

/// Keeps what is whole: afterwards files and manifest name the same segments. Returns whether the manifest
/// changed.
bool drop_unfinished(const fs::path& directory, RunManifest& manifest, RunLog& log) {
  for (const fs::path& path : {header_path(directory), manifest_path(directory)}) {
    fs::path part = path;
    part += ".part";
    fs::remove(part);
  }
  std::set<std::string> listed;
  std::vector<SegmentEntry> kept;
  for (SegmentEntry& entry : manifest.segments) {
    const std::string name = segment_name(entry.policy, entry.first);
    const fs::path path = segments_path(directory) / name;
    if (!fs::exists(path)) {
      log.write("dropped", {{"file", name}, {"reason", "missing"}});
    } else if (sha256_of_file(path) != entry.sha256) {
      drop(log, path, "checksum");
    } else {
      listed.insert(name);
      kept.push_back(std::move(entry));
    }
  }
  std::vector<fs::path> unlisted;
  for (const fs::directory_entry& entry : fs::directory_iterator(segments_path(directory))) {
    const std::string name = entry.path().filename().string();
    if (is_segment_file(name) && !listed.contains(name)) unlisted.push_back(entry.path());
  }
  std::sort(unlisted.begin(), unlisted.end());
  for (const fs::path& path : unlisted) drop(log, path, "unfinished");
  const bool changed = kept.size() != manifest.segments.size();
  manifest.segments = std::move(kept);
  return changed;
}

OpenedRun open_checked(const fs::path& directory, const RunHeader& header) {
  const std::string text = header_text(header);
  const bool resumed = fs::exists(header_path(directory));
  OpenedRun run;
  if (!resumed) {
    if (fs::is_directory(directory)) check_unused(directory);
    fs::create_directories(segments_path(directory));
  }
  run.lock = std::make_unique<DirectoryLock>(directory);
  if (resumed) {
    const auto bytes = read_file(header_path(directory));
    check_same_run(header_path(directory), {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, text);
    run.manifest = read_run_files(directory).manifest;
    fs::create_directories(segments_path(directory));
  } else {
    Sha256 hash;
    hash.update(text);
    run.manifest.run_sha256 = hash.finish();
  }
  run.log = std::make_unique<RunLog>(directory / log_name);
  if (resumed) {
    if (drop_unfinished(directory, run.manifest, *run.log)) {
      run.manifest.digest.clear();
      write_file_atomically(manifest_path(directory), manifest_text(run.manifest));
    }
  } else {
    // run.toml comes last: where it is, the manifest is.
    write_file_atomically(manifest_path(directory), manifest_text(run.manifest));
    write_file_atomically(header_path(directory), text);
  }
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  run.log->write(resumed ? "resume" : "begin", {{"host", host},
                                                {"process", ::getpid()},
                                                {"processors", std::thread::hardware_concurrency()},
                                                {"hdf5", hdf5::library_version()},
                                                {"segments_on_disk", run.manifest.segments.size()}});
  return run;
}

}  // namespace

OpenedRun open_run(const fs::path& directory, const RunHeader& header) {
  check_header(header);
  try {
    return open_checked(directory, header);
  } catch (const fs::filesystem_error& error) {
    throw IoError(
        Where{error.path1(), 0, ""},
        Problem{error.code().message(), "a directory that can be read and written", "choose another place"});
  }
}

}  // namespace veer
