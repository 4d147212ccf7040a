// What happens to runs whose files were cut, changed, exchanged or removed.
#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/run_directory.h"
#include "env/store/run_manifest.h"
#include "env/store/segment_file.h"
#include "tests/env/store/synthetic_run.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::test;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void replace(const fs::path& path, const std::string& from, const std::string& to) {
  std::string text = text_of(path);
  REQUIRE(text.find(from) != std::string::npos);
  text.replace(text.find(from), from.size(), to);
  write_file_atomically(path, text);
}

template <class E>
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A fresh complete run of 2 policies x 4 segments.
struct Run {
  Run() { record_all(directory, header); }
  fs::path segment(std::int32_t policy, EpisodeId first) const {
    return segments_path(directory) / segment_name(policy, first);
  }
  TemporaryDirectory place;
  fs::path directory = place.path() / "run";
  RunHeader header = synthetic_header(40, 10);
};

}  // namespace

TEST_CASE("a changed, cut, exchanged or missing segment is found") {
  const Run run;
  const std::string digest = verify_run(run.directory);
  const fs::path path = run.segment(1, 20);
  const std::string good = text_of(path);

  std::string bad = good;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  write_file_atomically(path, bad);
  CHECK(holds(message_of<VerificationError>([&] { verify_run(run.directory); }), "p001-e00000020.h5"));
  CHECK_THROWS_AS(read_run(run.directory, 1), VerificationError);
  CHECK_NOTHROW(read_run(run.directory, 0));

  write_file_atomically(path, std::string_view(good).substr(0, 1'000));
  CHECK_THROWS_AS(verify_run(run.directory), VerificationError);
  write_file_atomically(path, text_of(run.segment(1, 10)));
  CHECK_THROWS_AS(verify_run(run.directory), VerificationError);
  fs::remove(path);
  CHECK(holds(message_of<VerificationError>([&] { verify_run(run.directory); }), "no such file"));
  write_file_atomically(path, good);
  CHECK(verify_run(run.directory) == digest);

  // A manifest that claims the exchanged file does not help: the segment says which one it is.
  const std::string other = text_of(run.segment(1, 10));
  write_file_atomically(path, other);
  const std::string manifest = text_of(manifest_path(run.directory));
  const RunManifest entries = parse_manifest(manifest, run.header, "manifest.toml");
  replace(manifest_path(run.directory), entries.segments[6].sha256, entries.segments[5].sha256);
  CHECK(holds(message_of<FormatError>([&] { verify_run(run.directory); }), "episodes 10 to 20"));
}

TEST_CASE("resuming drops what is wrong, says so and records it anew") {
  const Run run;
  const std::string digest = verify_run(run.directory);
  const std::string good = text_of(run.segment(0, 10));
  std::string bad = good;
  bad[700] = static_cast<char>(bad[700] ^ 1);
  write_file_atomically(run.segment(0, 10), bad);
  fs::remove(run.segment(1, 0));
  write_file_atomically(segments_path(run.directory) / "p000-e00000050.h5", good);  // not in the manifest
  write_file_atomically(segments_path(run.directory) / "p000-e00000010.h5.part", "half");  // not finished
  {
    Recorder recorder(run.directory, run.header);
    const auto missing = recorder.missing();
    REQUIRE(missing.size() == 2);
    CHECK(missing[0].policy == 0);
    CHECK(missing[0].first == 10);
    CHECK(missing[1].policy == 1);
    CHECK(missing[1].first == 0);
    CHECK_FALSE(fs::exists(segments_path(run.directory) / "p000-e00000050.h5"));
    CHECK_FALSE(fs::exists(segments_path(run.directory) / "p000-e00000010.h5.part"));
    CHECK_FALSE(read_run_summary(run.directory).complete);
  }
  record_all(run.directory, run.header);
  CHECK(verify_run(run.directory) == digest);
  CHECK(text_of(run.segment(0, 10)) == good);
  const std::string log = text_of(run.directory / "run.log.jsonl");
  CHECK(holds(log, R"("file":"p000-e00000010.h5","reason":"checksum")") !=
        holds(log, R"("reason":"checksum","file":"p000-e00000010.h5")"));
  CHECK(holds(log, "\"missing\""));
  CHECK(holds(log, "\"unfinished\""));
  CHECK(holds(log, "\"resume\""));
}

TEST_CASE("changed or missing run.toml and manifest.toml are found") {
  const Run run;
  const std::string header = text_of(header_path(run.directory));
  const std::string manifest = text_of(manifest_path(run.directory));
  const auto summary = [&] { read_run_summary(run.directory); };

  replace(header_path(run.directory), "horizon = 10", "horizon = 11");
  CHECK(holds(message_of<VerificationError>(summary), "run.toml"));
  write_file_atomically(header_path(run.directory), std::string_view(header).substr(0, 100));
  CHECK(holds(message_of<FormatError>(summary), "run.toml"));
  write_file_atomically(header_path(run.directory), std::string_view("colour = 'red'\n"));
  CHECK(holds(message_of<FormatError>(summary), "format"));
  fs::remove(header_path(run.directory));
  CHECK(holds(message_of<FormatError>(summary), "no run.toml"));
  CHECK_THROWS_AS(Recorder(run.directory, run.header), ConfigError);
  write_file_atomically(header_path(run.directory), header);

  const auto broken = [&](const std::string& from, const std::string& to) {
    replace(manifest_path(run.directory), from, to);
    const std::string message = message_of<FormatError>(summary);
    write_file_atomically(manifest_path(run.directory), manifest);
    CAPTURE(from);
    CHECK(holds(message, "manifest.toml"));
    return message;
  };
  broken("format = 1", "format = 2");
  broken("first = 10", "first = 11");
  broken("last = 20", "last = 30");
  broken("policy = 1", "policy = 2");
  broken("policy = 0", "policy = 1");
  broken("steps = ", "steps = -");
  broken("sha256 = \"", "sha256 = \"x");
  broken("digest = ", "digits = ");
  broken("[[segment]]", "[[segments]]");
  CHECK(holds(broken("\n[[segment]]", "\nx = ]"), ":5"));
  fs::remove(manifest_path(run.directory));
  CHECK(holds(message_of<FormatError>(summary), "manifest.toml"));
  CHECK_THROWS_AS(Recorder(run.directory, run.header), FormatError);
  write_file_atomically(manifest_path(run.directory), manifest);

  const RunManifest entries = parse_manifest(manifest, run.header, "manifest.toml");
  replace(manifest_path(run.directory), entries.digest, std::string(64, '0'));
  CHECK(holds(message_of<VerificationError>([&] { verify_run(run.directory); }), "digest"));
}

TEST_CASE("what is no run directory is told apart") {
  const TemporaryDirectory place;
  CHECK_THROWS_AS(read_run_summary(place.path() / "nowhere"), IoError);
  write_file_atomically(place.path() / "file", std::string_view("text"));
  CHECK_THROWS_AS(read_run_summary(place.path() / "file"), IoError);
  CHECK_THROWS_AS(read_run_summary(place.path()), FormatError);
  CHECK_THROWS_AS(read_run(place.path(), 0), FormatError);
  CHECK_THROWS_AS(verify_run(place.path()), FormatError);
}

TEST_CASE("one changed byte anywhere in a segment is an error") {
  const RunHeader header = synthetic_header(40, 10);
  const Segment segment{1, 10, 20};
  const auto bytes = segment_bytes(synthetic_paths(segment, header), segment);
  CHECK(parse_segment(bytes, segment, header.judges, "good").episodes() == 10);
  for (std::size_t offset = 0; offset < bytes.size(); offset += 13) {
    auto damaged = bytes;
    damaged[offset] ^= std::byte{0x24};
    CHECK_THROWS_AS(parse_segment(damaged, segment, header.judges, "damaged"), Error);
  }
  CHECK_THROWS_AS(parse_segment(bytes, {1, 20, 30}, header.judges, "other"), FormatError);
  CHECK_THROWS_AS(parse_segment(bytes, segment, {"stranger"}, "other"), FormatError);
}
