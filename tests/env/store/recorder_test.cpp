#include "env/recorder.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/run/run_directory.h"
#include "env/store/run/run_manifest.h"
#include "tests/env/store/synthetic_run.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::test;

namespace {

/// Every file of the contract by its relative path.
std::map<std::string, std::string> contents(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file() || entry.path().filename() == "run.log.jsonl") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    files[std::filesystem::relative(entry.path(), directory).string()] = text.str();
  }
  return files;
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

void check_same(const Trajectories& a, const Trajectories& b) {
  CHECK(a.episode == b.episode);
  CHECK(a.step == b.step);
  CHECK(a.user == b.user);
  CHECK(a.target == b.target);
  CHECK(a.items == b.items);
  CHECK(a.feedback == b.feedback);
  CHECK(a.probability == b.probability);
  CHECK(a.log_prob == b.log_prob);
  CHECK(a.action_reals == b.action_reals);
  CHECK(a.episode_id == b.episode_id);
  CHECK(a.first_step == b.first_step);
  CHECK(a.length == b.length);
  CHECK(a.episode_user == b.episode_user);
  CHECK(a.episode_target == b.episode_target);
  CHECK(a.history == b.history);
  CHECK(a.history_size == b.history_size);
  CHECK(a.end == b.end);
  CHECK(a.episode_return == b.episode_return);
  REQUIRE(a.judges.size() == b.judges.size());
  for (std::size_t j = 0; j < a.judges.size(); ++j) {
    CHECK(a.judges[j].judge == b.judges[j].judge);
    CHECK(a.judges[j].acceptance == b.judges[j].acceptance);
    CHECK(a.judges[j].interest == b.judges[j].interest);
    CHECK(a.judges[j].rank == b.judges[j].rank);
    CHECK(a.judges[j].start_interest == b.judges[j].start_interest);
    CHECK(a.judges[j].start_rank == b.judges[j].start_rank);
    CHECK(a.judges[j].acceptance_deviation == b.judges[j].acceptance_deviation);
    CHECK(a.judges[j].interest_deviation == b.judges[j].interest_deviation);
  }
}

}  // namespace

TEST_CASE("a run is read back as it was played") {
  const TemporaryDirectory place;
  const auto directory = place.path() / "deep" / "run";
  const RunHeader header = synthetic_header(1'000, 300);
  record_all(directory, header);
  for (const std::int32_t policy : {0, 1}) {
    check_same(read_run(directory, policy), synthetic_paths({policy, 0, 1'000}, header));
  }
  const RunSummary summary = read_run_summary(directory);
  CHECK(summary.complete);
  CHECK(summary.episodes == 2'000);
  CHECK(summary.steps == read_run(directory, 0).steps() + read_run(directory, 1).steps());
  CHECK(summary.header.configuration == header.configuration);
  CHECK(summary.header.scenario == header.scenario);
  CHECK(summary.header.dataset_fingerprint == header.dataset_fingerprint);
  CHECK(summary.header.seed == header.seed);
  CHECK(summary.header.policies == header.policies);
  CHECK(summary.header.judges == header.judges);
  CHECK(summary.header.segment_episodes == 300);
  CHECK(summary.digest.size() == 64);
  CHECK(verify_run(directory) == summary.digest);
  CHECK_THROWS_AS(read_run(directory, 2), ConfigError);
  CHECK_THROWS_AS(read_run(directory, -1), ConfigError);
}

TEST_CASE("files depend neither on the order of segments nor on interruptions") {
  const TemporaryDirectory place;
  const RunHeader header = synthetic_header(700, 100);
  record_all(place.path() / "straight", header);
  {
    Recorder recorder(place.path() / "backwards", header);
    auto missing = recorder.missing();
    CHECK(missing.size() == 14);
    std::reverse(missing.begin(), missing.end());
    missing.resize(5);
    for (const Segment& segment : missing) recorder.append(segment, synthetic_paths(segment, header));
    recorder.finish();
    CHECK(recorder.missing().size() == 9);
  }
  const RunSummary half = read_run_summary(place.path() / "backwards");
  CHECK_FALSE(half.complete);
  CHECK(half.digest.empty());
  CHECK(half.episodes == 500);
  CHECK(holds(message_of<VerificationError>([&] { verify_run(place.path() / "backwards"); }), "5 of 14"));
  {
    Recorder recorder(place.path() / "backwards", header);  // ended without finish()
    const auto missing = recorder.missing();
    for (const Segment& segment : missing) recorder.append(segment, synthetic_paths(segment, header));
  }
  CHECK_FALSE(read_run_summary(place.path() / "backwards").complete);
  record_all(place.path() / "backwards", header);
  CHECK(contents(place.path() / "straight") == contents(place.path() / "backwards"));
  const auto before = contents(place.path() / "straight");
  record_all(place.path() / "straight", header);  // nothing to do
  CHECK(before == contents(place.path() / "straight"));
}

TEST_CASE("the digest depends on every row and not on the segments") {
  const TemporaryDirectory place;
  std::vector<std::string> digests;
  for (const std::int64_t size : {500, 7, 1, 10'000}) {
    const auto directory = place.path() / std::to_string(size);
    record_all(directory, synthetic_header(25, size));
    digests.push_back(verify_run(directory));
  }
  CHECK(std::count(digests.begin(), digests.end(), digests.front()) == 4);

  const RunHeader header = synthetic_header(25, 500);
  const auto digest_with = [&](const std::string& name, const std::function<void(Trajectories&)>& change) {
    Recorder recorder(place.path() / name, header);
    for (const Segment& segment : recorder.missing()) {
      Trajectories paths = synthetic_paths(segment, header);
      if (segment.policy == 1) change(paths);
      recorder.append(segment, std::move(paths));
    }
    recorder.finish();
    return read_run_summary(place.path() / name).digest;
  };
  CHECK(digest_with("same", [](Trajectories&) {}) == digests.front());
  CHECK(digest_with("item", [](Trajectories& p) { p.items.back() ^= 1; }) != digests.front());
  CHECK(digest_with("feedback", [](Trajectories& p) { p.feedback.back() ^= 1; }) != digests.front());
  CHECK(digest_with("real", [](Trajectories& p) { p.action_reals.front() += 1; }) != digests.front());
  CHECK(digest_with("history", [](Trajectories& p) { p.history.back() += 1; }) != digests.front());
  CHECK(digest_with("end", [](Trajectories& p) { p.end.back() = EndReason::policy_stopped; }) !=
        digests.front());
  CHECK(digest_with("return", [](Trajectories& p) { p.episode_return.front() += 1; }) != digests.front());
  CHECK(digest_with("rank", [](Trajectories& p) { p.judges[1].rank.back() += 1; }) != digests.front());
  CHECK(digest_with("start", [](Trajectories& p) { p.judges[0].start_rank.back() += 1; }) != digests.front());
}

TEST_CASE("the digest is what the format says") {
  // One policy, one episode of one step, a judge and one that is an ensemble: the rows written out by hand.
  const TemporaryDirectory place;
  RunHeader header = synthetic_header(1, 1);
  header.policies = {"one"};
  header.judges = {"one", "many"};
  Trajectories paths;
  paths.slots = 1;
  paths.history_width = 2;
  paths.episode = {0};
  paths.step = {0};
  paths.user = {5};
  paths.target = {7};
  paths.items = {9};
  paths.feedback = {1};
  paths.probability = {0.5F};
  paths.log_prob = {-1.0F};
  paths.episode_id = {0};
  paths.first_step = {0};
  paths.length = {1};
  paths.episode_user = {5};
  paths.episode_target = {7};
  paths.history = {3, 0};
  paths.history_size = {1};
  paths.end = {EndReason::horizon};
  paths.episode_return = {2.0F};
  paths.judges = {{"one", {0.5F}, {-1.0F}, {6}, {-2.0F}, {8}},
                  {"many", {0.25F}, {-4.0F}, {2}, {-8.0F}, {9}, {0.125F}, {16.0F}}};
  Recorder recorder(place.path() / "run", header);
  recorder.append({0, 0, 1}, paths);
  recorder.finish();
  std::string rows;
  const auto little_endian = [&](std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) rows += static_cast<char>(value >> (8 * i) & 0xff);
  };
  little_endian(0, 4);           // policy
  little_endian(0, 8);           // episode
  little_endian(0, 4);           // step
  little_endian(5, 4);           // user
  little_endian(7, 4);           // target
  little_endian(9, 4);           // item
  little_endian(1, 1);           // feedback
  little_endian(0x3f000000, 4);  // probability 0.5
  little_endian(0xbf800000, 4);  // log_prob -1
  little_endian(0x3f000000, 4);  // acceptance 0.5
  little_endian(0xbf800000, 4);  // interest -1
  little_endian(6, 4);           // rank
  little_endian(0x3e800000, 4);  // acceptance 0.25
  little_endian(0xc0800000, 4);  // interest -4
  little_endian(2, 4);           // rank
  little_endian(0x3e000000, 4);  // acceptance_deviation 0.125
  little_endian(0x41800000, 4);  // interest_deviation 16
  little_endian(0, 4);           // policy
  little_endian(0, 8);           // episode
  little_endian(1, 4);           // length
  little_endian(5, 4);           // user
  little_endian(7, 4);           // target
  little_endian(3, 4);           // history
  little_endian(0, 4);
  little_endian(1, 4);           // history_size
  little_endian(4, 1);           // end
  little_endian(0x40000000, 4);  // return 2
  little_endian(0xc0000000, 4);  // start_interest -2
  little_endian(8, 4);           // start_rank
  little_endian(0xc1000000, 4);  // start_interest -8
  little_endian(9, 4);           // start_rank
  Sha256 hash;
  hash.update(rows);
  CHECK(verify_run(place.path() / "run") == hash.finish());
}

namespace {

/// Both judges with deviations, as if they were ensembles.
Trajectories with_deviations(Trajectories paths) {
  for (JudgeScores& judge : paths.judges) {
    for (const float value : judge.acceptance) {
      judge.acceptance_deviation.push_back(value / 2);
      judge.interest_deviation.push_back(value / 4);
    }
  }
  return paths;
}

}  // namespace

TEST_CASE("deviations of an ensemble are kept, and are part of the digest") {
  const TemporaryDirectory place;
  const RunHeader header = synthetic_header(40, 7);
  record_all(place.path() / "without", header);
  const auto record = [&](const char* name, const std::function<void(Trajectories&)>& change) {
    Recorder recorder(place.path() / name, header);
    for (const Segment& segment : recorder.missing()) {
      Trajectories paths = with_deviations(synthetic_paths(segment, header));
      change(paths);
      recorder.append(segment, paths);
    }
    recorder.finish();
    return verify_run(place.path() / name);
  };
  const std::string digest = record("with", [](Trajectories&) {});
  CHECK(digest != verify_run(place.path() / "without"));
  Trajectories expected;
  for (EpisodeId first = 0; first < 40; first += 7) {
    const Segment segment{1, first, std::min<EpisodeId>(first + 7, 40)};
    expected.append(with_deviations(synthetic_paths(segment, header)));
  }
  check_same(read_run(place.path() / "with", 1), expected);
  CHECK(record("other", [](Trajectories& p) {
          for (float& value : p.judges[1].interest_deviation) value += 0.5F;
        }) != digest);
  // Half a policy under an ensemble is no run.
  CHECK_THROWS_WITH_AS(record("half",
                              [](Trajectories& p) {
                                if (p.episode_id.front() < 20) return;
                                for (JudgeScores& judge : p.judges) {
                                  judge.acceptance_deviation.clear();
                                  judge.interest_deviation.clear();
                                }
                              }),
                       doctest::Contains("deviations"), FormatError);
}

TEST_CASE("another run in the directory is refused, naming the first line that differs") {
  const TemporaryDirectory place;
  const RunHeader header = synthetic_header(10, 5);
  record_all(place.path() / "run", header);
  RunHeader other = header;
  other.seed = 1;
  const std::string seed = message_of<ConfigError>([&] { Recorder r(place.path() / "run", other); });
  CHECK(holds(seed, "run.toml:4"));
  CHECK(holds(seed, "seed = \"1\""));
  CHECK(holds(seed, "seed = \"18364758544493064720\""));
  other = header;
  other.configuration += "budget = 3\n";
  CHECK(holds(message_of<ConfigError>([&] { Recorder r(place.path() / "run", other); }), "budget = 3"));
  // What was there is untouched.
  CHECK(read_run_summary(place.path() / "run").complete);

  write_file_atomically(place.path() / "letter.txt", std::string_view("dear"));
  CHECK(holds(message_of<ConfigError>([&] { Recorder r(place.path(), header); }), "no run.toml"));
  CHECK_FALSE(std::filesystem::exists(place.path() / "segments"));
}

TEST_CASE("one directory, one recorder at a time") {
  const TemporaryDirectory place;
  const RunHeader header = synthetic_header(10, 5);
  const Recorder first(place.path() / "run", header);
  CHECK(holds(message_of<ConfigError>([&] { Recorder r(place.path() / "run", header); }), "another process"));
}

TEST_CASE("headers that cannot name a run are refused") {
  const TemporaryDirectory place;
  const auto refused = [&](const std::function<void(RunHeader&)>& change) {
    RunHeader header = synthetic_header(10, 5);
    change(header);
    CHECK_THROWS_AS(Recorder(place.path() / "run", header), ConfigError);
    CHECK_FALSE(std::filesystem::exists(place.path() / "run"));
  };
  refused([](RunHeader& h) { h.policies.clear(); });
  refused([](RunHeader& h) { h.judges = {"a", "a"}; });
  refused([](RunHeader& h) { h.judges = {""}; });
  refused([](RunHeader& h) { h.episodes = -1; });
  refused([](RunHeader& h) { h.segment_episodes = 0; });
  refused([](RunHeader& h) { h.episodes = 1'000'001, h.segment_episodes = 1; });
  refused([](RunHeader& h) { h.scenario = "\xff\xfe"; });
}

TEST_CASE("any text in a header survives") {
  RunHeader header = synthetic_header(10, 5);
  header.configuration = "a = \"\"\"x\"\"\"\n\tb = '\\n\r\n'\n\n\x01 \x7f é \"";
  header.policies = {"a\"b", "line\nbreak", "", "\\u0041"};
  const RunHeader back = parse_header(header_text(header), "run.toml");
  CHECK(back.configuration == header.configuration);
  CHECK(back.policies == header.policies);
  header.configuration = "";
  CHECK(parse_header(header_text(header), "run.toml").configuration.empty());
}

TEST_CASE("trajectories that are no segment of the run are refused") {
  const TemporaryDirectory place;
  const RunHeader header = synthetic_header(10, 5);
  Recorder recorder(place.path() / "run", header);
  const Segment segment{0, 0, 5};
  const auto refused = [&](const Segment& where, const std::function<void(Trajectories&)>& change) {
    Trajectories paths = synthetic_paths(where, header);
    change(paths);
    CHECK_THROWS_AS(recorder.append(where, std::move(paths)), DataError);
  };
  refused({0, 1, 5}, [](Trajectories&) {});
  refused({0, 0, 4}, [](Trajectories&) {});
  refused({2, 0, 5}, [](Trajectories&) {});
  refused(segment, [](Trajectories& p) { p.items.pop_back(); });
  refused(segment, [](Trajectories& p) { p.judges.pop_back(); });
  refused(segment, [](Trajectories& p) { std::swap(p.judges[0], p.judges[1]); });
  refused(segment, [](Trajectories& p) { p.judges[0].rank.pop_back(); });
  refused(segment, [](Trajectories& p) { p.judges[0].acceptance_deviation = p.judges[0].acceptance; });
  refused(segment, [](Trajectories& p) { p.judges[0].interest_deviation = {0.5F}; });
  refused(segment, [](Trajectories& p) { p.episode_id[2] = 7; });
  refused(segment, [](Trajectories& p) { p.length[1] += 1; });
  refused(segment, [](Trajectories& p) { p.step[0] = 3; });
  refused(segment, [](Trajectories& p) { p.history_size[0] = 4; });
  refused(segment, [](Trajectories& p) { p.end[0] = static_cast<EndReason>(9); });
  recorder.append(segment, synthetic_paths(segment, header));
  refused(segment, [](Trajectories&) {});  // handed over already
  recorder.finish();
  CHECK_THROWS_AS(recorder.append({0, 5, 10}, synthetic_paths({0, 5, 10}, header)), DataError);
  CHECK(read_run_summary(place.path() / "run").episodes == 5);
}

TEST_CASE("an empty run has a digest") {
  const TemporaryDirectory place;
  record_all(place.path() / "run", synthetic_header(0, 5));
  // SHA-256 of nothing.
  CHECK(verify_run(place.path() / "run") ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(read_run(place.path() / "run", 0).episodes() == 0);
}
