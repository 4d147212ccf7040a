// Killed processes, full disks and places that cannot be written.
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/model_file.h"
#include "env/store/run/run_directory.h"
#include "env/store/run/run_manifest.h"
#include "tests/env/store/synthetic_run.h"
#include "tests/small_disk.h"
#include "tests/test.h"

extern char** environ;

using namespace veer;
using namespace veer::test;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t episodes = 800;
constexpr std::int64_t segment_episodes = 20;

pid_t start_helper(const fs::path& directory, std::int64_t episodes_of_run = episodes) {
  const std::string place = directory.string();
  const std::string count = std::to_string(episodes_of_run);
  const std::string size = std::to_string(segment_episodes);
  std::string program = VEER_RECORDER_HELPER;
  char* arguments[] = {program.data(), const_cast<char*>(place.c_str()), const_cast<char*>(count.c_str()),
                       const_cast<char*>(size.c_str()), nullptr};
  pid_t process = -1;
  REQUIRE(::posix_spawn(&process, program.c_str(), nullptr, nullptr, arguments, environ) == 0);
  return process;
}

std::size_t segments_on_disk(const fs::path& directory) {
  if (!fs::exists(header_path(directory))) return 0;
  return read_run_files(directory).segments.size();
}

bool is_running(pid_t process) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

int status_of(pid_t process) {
  int status = 0;
  REQUIRE(::waitpid(process, &status, 0) == process);
  return status;
}

std::vector<fs::path> parts_below(const fs::path& directory) {
  std::vector<fs::path> parts;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.path().extension() == ".part") parts.push_back(entry.path());
  }
  return parts;
}

}  // namespace

TEST_CASE("a recorder killed again and again ends with the same files") {
  const TemporaryDirectory place;
  const RunHeader header = synthetic_header(episodes, segment_episodes);
  record_all(place.path() / "whole", header);
  const std::string digest = verify_run(place.path() / "whole");

  const fs::path directory = place.path() / "killed";
  int killed = 0;
  std::size_t kept = 0;
  for (std::uint64_t attempt = 0; attempt < 12; ++attempt) {
    const pid_t process = start_helper(directory);
    // The first ones die while the directory is being made, the others after another segment or three: at
    // which moment of writing is left to chance.
    const std::size_t goal = attempt < 4 ? 0 : kept + 1 + mix(attempt, 5, 0) % 3;
    while (segments_on_disk(directory) < goal && is_running(process)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    std::this_thread::sleep_for(
        std::chrono::microseconds(mix(attempt, 7, 0) % (attempt < 4 ? 10'000 : 20'000)));
    ::kill(process, SIGKILL);
    if (WIFSIGNALED(status_of(process))) ++killed;
    CHECK(segments_on_disk(directory) >= kept);  // readable at every moment, and nothing whole is lost
    kept = segments_on_disk(directory);
  }
  MESSAGE("killed ", killed, " times; ", kept, " of 80 segments had survived");
  CHECK(killed >= 6);  // on a very fast disk the last ones find the run complete
  CHECK(kept >= 8);
  const int status = status_of(start_helper(directory));
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(verify_run(directory) == digest);
  CHECK(parts_below(directory).empty());
  CHECK(read_file(manifest_path(directory)) == read_file(manifest_path(place.path() / "whole")));
  CHECK(read_file(list_path(directory)) == read_file(list_path(place.path() / "whole")));
}

TEST_CASE("of processes that race for a new directory one records, the others are refused in words") {
  const TemporaryDirectory place;
  record_all(place.path() / "whole", synthetic_header(100, segment_episodes));
  const std::string digest = verify_run(place.path() / "whole");
  int refused = 0;
  for (int round = 0; round < 4; ++round) {
    const fs::path directory = place.path() / "deep" / std::to_string(round);
    std::vector<pid_t> processes;
    for (int i = 0; i < 4; ++i) processes.push_back(start_helper(directory, 100));
    int recorded = 0;
    for (const pid_t process : processes) {
      const int status = status_of(process);
      REQUIRE(WIFEXITED(status));
      // Whoever comes after the recorder has finished finds a complete run.
      CHECK((WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == static_cast<int>(ExitCode::usage)));
      ++(WEXITSTATUS(status) == 0 ? recorded : refused);
    }
    CHECK(recorded >= 1);
    CHECK(verify_run(directory) == digest);
  }
  CHECK(refused > 0);
}

TEST_CASE("recording costs as much per segment however many there are") {
  // Bytes written to the list grow by a line per segment; nothing else but the segments is written.
  const TemporaryDirectory place;
  const RunHeader header = synthetic_header(40, 1);
  Recorder recorder(place.path() / "run", header);
  const auto manifest = fs::last_write_time(manifest_path(place.path() / "run"));
  const auto list = [&] {
    struct stat status {};
    REQUIRE(::stat(list_path(place.path() / "run").c_str(), &status) == 0);
    return status;
  };
  const auto begun = list();
  auto missing = recorder.missing();
  missing.pop_back();  // an incomplete run: the list is only appended to
  for (const Segment& segment : missing) recorder.append(segment, synthetic_paths(segment, header));
  recorder.finish();
  CHECK(fs::last_write_time(manifest_path(place.path() / "run")) == manifest);
  CHECK(list().st_ino == begun.st_ino);
  CHECK(read_run_files(place.path() / "run").segments.size() == missing.size());
  CHECK(static_cast<std::uintmax_t>(list().st_size - begun.st_size) < missing.size() * 90);
}

TEST_CASE(
    "a full disk is an error that leaves nothing half-written, and the run goes on when there is room") {
  const TemporaryDirectory place;
  const SmallDisk disk(place.path() / "disk");
  if (!disk.available()) {
    MESSAGE("skipped: this process may not mount a small file system");
    return;
  }
  const RunHeader header = synthetic_header(400, 50);
  const fs::path directory = disk.path() / "run";
  disk.fill("ballast", 100'000);
  std::string message;
  try {
    record_all(directory, header);
  } catch (const IoError& error) {
    message = error.what();
  }
  CAPTURE(message);
  CHECK(message.find("No space left") != std::string::npos);
  CHECK(message.find("free some space") != std::string::npos);
  CHECK(parts_below(directory).empty());
  const RunSummary half = read_run_summary(directory);
  CHECK_FALSE(half.complete);
  CHECK(half.episodes < 800);
  CHECK(read_run(directory, 0).episodes() + read_run(directory, 1).episodes() == half.episodes);

  ModelFile model;
  model.manifest.kind = "toy";
  std::vector<float> noise(100'000);
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<float>(mix(i, 1, 2));
  model.parameters.set<float>("weight", noise);
  CHECK_THROWS_AS(write_model(disk.path() / "x.model.h5", model), IoError);
  CHECK_FALSE(fs::exists(disk.path() / "x.model.h5"));
  CHECK_FALSE(fs::exists(disk.path() / "x.model.h5.part"));

  fs::remove(disk.path() / "ballast");
  record_all(directory, header);
  record_all(place.path() / "whole", header);
  CHECK(verify_run(directory) == verify_run(place.path() / "whole"));
}

TEST_CASE("a full disk at the very start is an error too") {
  const TemporaryDirectory place;
  const SmallDisk disk(place.path() / "disk");
  if (!disk.available()) {
    MESSAGE("skipped: this process may not mount a small file system");
    return;
  }
  disk.fill("ballast", 0);
  const RunHeader header = synthetic_header(40, 10);
  CHECK_THROWS_AS(Recorder(disk.path() / "run", header), IoError);
  fs::remove(disk.path() / "ballast");
  record_all(disk.path() / "run", header);
  CHECK(verify_run(disk.path() / "run").size() == 64);
}

TEST_CASE("a place that cannot be written is an error") {
  const TemporaryDirectory place;
  const RunHeader header = synthetic_header(40, 10);
  write_file_atomically(place.path() / "file", std::string_view("text"));
  CHECK_THROWS_AS(Recorder(place.path() / "file", header), IoError);
  CHECK_THROWS_AS(Recorder(place.path() / "file" / "run", header), IoError);

  fs::create_directory(place.path() / "source");
  fs::create_directory(place.path() / "read-only");
  const std::string source = (place.path() / "source").string();
  const std::string target = (place.path() / "read-only").string();
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    MESSAGE("skipped: this process may not mount a read-only directory");
    return;
  }
  const bool read_only =
      ::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) == 0;
  if (read_only) {
    CHECK_THROWS_AS(Recorder(fs::path(target) / "run", header), IoError);
    CHECK_THROWS_AS(Recorder(target, header), IoError);
    CHECK_THROWS_AS(write_file_atomically(fs::path(target) / "x", std::string_view("y")), IoError);
  }
  ::umount2(target.c_str(), MNT_DETACH);
  CHECK(fs::is_empty(place.path() / "source"));
}
