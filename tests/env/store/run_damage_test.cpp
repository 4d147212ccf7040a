// What happens to runs whose files were cut, changed, exchanged or removed.
#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/run/run_directory.h"
#include "env/store/run/run_manifest.h"
#include "env/store/run/segment_file.h"
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

  // A list and a manifest that claim the exchanged file do not help: the segment says which one it is.
  const std::string other = text_of(run.segment(1, 10));
  write_file_atomically(path, other);
  const RunFiles files = read_run_files(run.directory);
  replace(list_path(run.directory), files.segments[6].sha256, files.segments[5].sha256);
  CHECK(holds(message_of<VerificationError>([&] { verify_run(run.directory); }), "segments.tsv"));
  Sha256 hash;
  hash.update(text_of(list_path(run.directory)));
  replace(manifest_path(run.directory), files.manifest.list_sha256, hash.finish());
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
  write_file_atomically(segments_path(run.directory) / "p000-e00000050.h5", good);         // not in the list
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
  broken("format = 2", "format = 3");
  CHECK(holds(broken("run = \"", "run = \"x"), "given again with the same options"));
  broken("digest = ", "digits = ");
  broken("segments = ", "segment = ");
  CHECK(holds(broken("digest", "x = ]\ndigest"), ":4"));
  const RunManifest entries = parse_manifest(manifest, "manifest.toml");
  replace(manifest_path(run.directory), entries.digest, std::string(64, '0'));
  CHECK(holds(message_of<VerificationError>([&] { verify_run(run.directory); }), "digest"));
}

TEST_CASE("a changed, cut or missing list of segments is found") {
  const Run run;
  const std::string list = text_of(list_path(run.directory));
  const std::string manifest = text_of(manifest_path(run.directory));
  const auto summary = [&] { read_run_summary(run.directory); };
  const auto broken = [&](const std::string& from, const std::string& to, const std::string& line) {
    replace(list_path(run.directory), from, to);
    const std::string message = message_of<FormatError>(summary);
    write_file_atomically(list_path(run.directory), list);
    CAPTURE(from);
    CHECK(holds(message, "segments.tsv:" + line));
    CHECK(holds(message, "given again with the same options"));
  };
  broken("policy\t", "people\t", "1");
  broken("\n0\t10\t", "\n0\t11\t", "3");
  broken("\n0\t10\t20", "\n0\t10\t30", "3");
  broken("\n1\t0\t", "\n2\t0\t", "6");
  broken("\n1\t0\t10\t", "\n0\t30\t40\t", "6");  // named twice
  broken("\n0\t0\t10\t", "\n0\t0\t10\t-", "2");
  broken("\n0\t0\t10\t", "\n0\t0\t10\t5\t", "2");
  broken("\n0\t0\t10\t", "\n0\t0\t010\t", "2");

  // A changed checksum, a line less, a line cut off: the manifest of a complete run knows better.
  const RunFiles files = read_run_files(run.directory);
  const auto unlike = [&](const std::string& text) {
    write_file_atomically(list_path(run.directory), text);
    CHECK(holds(message_of<VerificationError>(summary), "segments.tsv"));
    write_file_atomically(list_path(run.directory), list);
  };
  unlike(list.substr(0, list.size() - 1));
  unlike(list.substr(0, list.rfind("1\t30\t")));
  std::string other = list;
  unlike(other.replace(other.find(files.segments[2].sha256), 64, files.segments[3].sha256));
  fs::remove(list_path(run.directory));
  CHECK(holds(message_of<FormatError>(summary), "without segments.tsv"));
  write_file_atomically(list_path(run.directory), list);
  CHECK_NOTHROW(summary());
}

TEST_CASE("a line cut off by a kill is no damage of an incomplete run") {
  const TemporaryDirectory place;
  const RunHeader header = synthetic_header(40, 10);
  {
    Recorder recorder(place.path() / "run", header);
    for (const EpisodeId first : {20, 0, 10}) {
      recorder.append({1, first, first + 10}, synthetic_paths({1, first, first + 10}, header));
    }
    recorder.finish();
  }
  const fs::path list = list_path(place.path() / "run");
  const std::string whole = text_of(list);
  write_file_atomically(list, std::string_view(whole).substr(0, whole.size() - 30));
  CHECK(read_run_summary(place.path() / "run").episodes == 20);
  CHECK(read_run(place.path() / "run", 1).episode_id.front() == 0);
  record_all(place.path() / "run", header);
  record_all(place.path() / "straight", header);
  CHECK(verify_run(place.path() / "run") == verify_run(place.path() / "straight"));
  CHECK(text_of(list) == text_of(list_path(place.path() / "straight")));
}

TEST_CASE("recording again mends a damaged manifest or list") {
  const Run run;
  const std::string manifest = text_of(manifest_path(run.directory));
  const std::string list = text_of(list_path(run.directory));
  const auto mended = [&](std::size_t replayed) {
    {
      const Recorder recorder(run.directory, run.header);
      CHECK(recorder.missing().size() == replayed);
    }
    record_all(run.directory, run.header);
    CHECK(text_of(manifest_path(run.directory)) == manifest);
    CHECK(text_of(list_path(run.directory)) == list);
    CHECK(verify_run(run.directory).size() == 64);
  };
  write_file_atomically(manifest_path(run.directory), std::string_view("digest = ]"));
  mended(0);
  replace(manifest_path(run.directory), "run = \"", "run = \"00");
  mended(0);
  fs::remove(manifest_path(run.directory));
  mended(0);
  replace(list_path(run.directory), "\n1\t", "\n9\t");  // that segment is nobody's now
  mended(1);
  write_file_atomically(list_path(run.directory), list.substr(0, list.size() - 20));
  mended(1);
  fs::remove(list_path(run.directory));
  mended(8);
}

TEST_CASE("a run of another format is refused in words") {
  const Run run;
  for (const auto& [format, word] :
       {std::pair{"format = 1\n", "an older version"}, std::pair{"format = 3\n", "a newer version"}}) {
    std::string text = text_of(header_path(run.directory));
    text.replace(0, text.find('\n') + 1, format);
    write_file_atomically(header_path(run.directory), text);
    for (const std::string& message :
         {message_of<FormatError>([&] { read_run_summary(run.directory); }),
          message_of<FormatError>([&] { Recorder recorder(run.directory, run.header); })}) {
      CAPTURE(message);
      CHECK(holds(message, "run.toml: format"));
      CHECK(holds(message, word));
      CHECK(holds(message, "another directory"));
    }
  }
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
