// veer evaluate in detail: what is in flight together changes no byte, lists of targets, limits, damaged
// runs.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "env/error.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"
#include "tools/veer/worlds/playing.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

/// Every file of a run but its log, by relative path.
std::map<std::string, std::string> files_of(const std::filesystem::path& run) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(run)) {
    if (!entry.is_regular_file() || entry.path().filename() == "run.log.jsonl") continue;
    files[std::filesystem::relative(entry.path(), run).string()] = read_text(entry.path());
  }
  return files;
}

std::string person(const SmallWorld& world, std::size_t k) {
  const std::vector<UserId> people = world.log.dataset.users_of(Part::test);
  return world.log.dataset.interactions.user_ids.at(static_cast<std::size_t>(people.at(k)));
}

std::string item(const SmallWorld& world, std::size_t index) {
  return world.log.dataset.catalogue.ids.at(index);
}

}  // namespace

TEST_CASE("as many segments are in flight as keep all threads busy, and no more than fit") {
  using tools::PlayOptions;
  using tools::segments_in_flight;
  CHECK(segments_in_flight({.segment_episodes = 1024}, 10, 1) == 1);
  CHECK(segments_in_flight({.segment_episodes = 1024}, 10, 2) == 1);
  CHECK(segments_in_flight({.segment_episodes = 1024}, 10, 16) == 8);
  CHECK(segments_in_flight({.segment_episodes = 128}, 10, 2) == 8);
  CHECK(segments_in_flight({.segment_episodes = 8}, 10, 2) == 8);  // never more than four per thread
  CHECK(segments_in_flight({.segment_episodes = 1024}, 2'000, 16) == 2);
  CHECK(segments_in_flight({.segment_episodes = 1024}, 10'000, 64) == 1);
  CHECK(segments_in_flight({.segment_episodes = std::int64_t{1} << 53}, 10'000, 64) == 1);
  CHECK(segments_in_flight({.segment_episodes = 10, .rows = 100}, 10, 1) == 10);
  CHECK(segments_in_flight({.segment_episodes = 1024, .rows = 1}, 10, 16) == 1);
}

TEST_CASE("segments in flight, threads and caches change no byte of a run") {
  const SmallWorld world;
  const auto play = [&](const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> options{"--policy",
                                     "random",
                                     "--policy",
                                     "beam:width=2,m=8",
                                     "--acceptance",
                                     "sampled",
                                     "--judge",
                                     "again=" + world.users,
                                     "--episodes",
                                     "150",
                                     "--segment-episodes",
                                     "20",
                                     "-o",
                                     world.folder / name};
    options.insert(options.end(), more.begin(), more.end());
    const Finished result = run_veer(world.evaluate(options));
    REQUIRE_MESSAGE(result.code == 0, result.err);
    return files_of(world.folder / name);
  };
  const auto one_by_one = play("a", {"--threads", "1", "--rows", "20"});
  CHECK(one_by_one.size() == 3 + 2 * 8);
  CHECK(play("b", {"--threads", "1"}) == one_by_one);
  CHECK(play("c", {"--threads", "3"}) == one_by_one);
  CHECK(play("d", {"--threads", "3", "--rows", "60"}) == one_by_one);
  CHECK(play("e", {"--threads", "2", "--rows", "100000"}) == one_by_one);
  CHECK(play("f", {"--threads", "2", "--rows", "7"}) == one_by_one);
  CHECK(play("g", {"--threads", "3", "--cache-mb", "0"}) == one_by_one);
  CHECK(play("h", {"--threads", "3", "--cache-mb", "9223372036854775807"}) == one_by_one);

  // A run that has holes is filled in waves across them.
  std::filesystem::remove(world.folder / "a/segments/p000-e00000040.h5");
  std::filesystem::remove(world.folder / "a/segments/p001-e00000000.h5");
  CHECK(play("a", {"--threads", "3"}) == one_by_one);
}

TEST_CASE("a list of people and targets is played once, and anything else is said") {
  const SmallWorld world;
  const std::string list = world.folder / "pairs.tsv";
  write_text(list, "# who and where to\n" + person(world, 0) + "\t" + item(world, 5) + "\n" +
                       person(world, 1) + "\t" + item(world, 6) + "\n" + person(world, 0) + "\t" +
                       item(world, 7) + "\n");
  const auto play = [&](std::vector<std::string> more) {
    std::vector<std::string> options{"--policy", "popular", "--targets", list, "--json"};
    options.insert(options.end(), more.begin(), more.end());
    Finished result = run_veer(world.evaluate(options));
    REQUIRE_MESSAGE(result.code == 0, result.err);
    return result;
  };
  const auto notes = [](const Finished& result) {
    return std::count(result.err.begin(), result.err.end(), '\n');
  };
  const Finished once = play({});
  CHECK(Json::parse(once.out).at("episodes") == 3);
  CHECK(!has(once.err, "pairs"));
  CHECK(!has(play({"--episodes", "3"}).err, "pairs"));
  const Finished fewer = play({"--episodes", "2"});
  CHECK(Json::parse(fewer.out).at("episodes") == 2);
  CHECK(has(fewer.err, "plays the first 2 of the 3 pairs"));
  CHECK(notes(fewer) == 1 + notes(once));
  const Finished more = play({"--episodes", "7"});
  CHECK(Json::parse(more.out).at("episodes") == 7);
  CHECK(has(more.err, "each of the 3 pairs"));
  CHECK(has(more.err, "2 times and the first 1 once more"));
  CHECK(has(play({"--episodes", "6"}).err, "2 times; without"));
  CHECK(run_veer(world.evaluate({"--policy", "popular", "--targets", list, "--episodes", "2", "--quiet"}))
            .err.empty());

  // Errors keep file and line, also those that only the world can find.
  for (const std::string& wrong : {std::string("nobody\t") + item(world, 5), person(world, 0) + "\tnothing",
                                   person(world, 1) + "\t" + item(world, 6), item(world, 5)}) {
    write_text(list, "\n" + person(world, 1) + "\t" + item(world, 6) + "\n" + wrong + "\n");
    const Finished result = run_veer(world.evaluate({"--policy", "popular", "--targets", list}));
    CAPTURE(result.err);
    CHECK(result.code == 3);
    CHECK(has(result.err, list + ":3"));
  }
  const auto elsewhere = world.log.dataset.users_of(Part::train_plan);
  write_text(list, person(world, 1) + "\t" + item(world, 6) + "\n" +
                       world.log.dataset.interactions.user_ids.at(static_cast<std::size_t>(elsewhere.at(0))) +
                       "\t" + item(world, 6) + "\n");
  const Finished other_part = run_veer(world.evaluate({"--policy", "popular", "--targets", list}));
  CHECK(other_part.code == 3);
  CHECK(has(other_part.err, list + ":2"));
}

TEST_CASE("targets that people have already taken are counted") {
  const SmallWorld world;
  const std::string list = world.folder / "targets.txt";
  // All items: with a history of ten, about one target in eight is among them.
  std::string text;
  for (std::size_t i = 1; i <= 80; ++i) text += item(world, i) + "\n";
  write_text(list, text);
  const auto play = [&](const std::string& targets) {
    return run_veer(world.evaluate(
        {"--policy", "random", "--policy", "popular", "--targets", targets, "--episodes", "200", "--json"}));
  };
  const Finished listed = play(list);
  REQUIRE_MESSAGE(listed.code == 0, listed.err);
  const auto known = Json::parse(listed.out).at("targets_in_history").get<int>();
  CHECK(known > 0);
  CHECK(known < 100);
  CHECK(has(listed.err, std::to_string(known) + " of 200 episodes begin with their target"));
  const Finished unseen = play("uniform-unseen");
  CHECK(Json::parse(unseen.out).at("targets_in_history") == 0);
  CHECK(!has(unseen.err, "begin with their target"));
}

TEST_CASE("histories and horizons beyond all bounds are refused with the limit and what to do") {
  const SmallWorld world;
  for (const char* option : {"--history", "--horizon"}) {
    for (const char* value : {"10001", "2147483647", "99999999999999999999", "0"}) {
      const Finished result = run_veer(world.evaluate({"--policy", "random", option, value}));
      CAPTURE(option);
      CAPTURE(result.err);
      CHECK(result.code == 2);
      CHECK(has(result.err,
                std::string(option) + ": found '" + value + "'; expected a whole number from 1 to 10000"));
      if (value[0] != '0') CHECK(has(result.err, "from 1 to 10000; "));  // and what to do
    }
  }
  const Finished guide = run_veer({"guide", "--data", world.data, "--users", world.users, "--policy",
                                   "random", "--horizon", "2147483647"});
  CHECK(guide.code == 2);
  CHECK(run_veer(world.evaluate({"--policy", "random", "--horizon", "10000", "--episodes", "1"})).code == 0);
}

TEST_CASE("a damaged run says what to do, and doing it mends the run") {
  const SmallWorld world;
  const auto command = world.evaluate(
      {"--policy", "random", "--episodes", "30", "--segment-episodes", "10", "-o", world.folder / "run"});
  REQUIRE(run_veer(command).code == 0);
  const auto whole = files_of(world.folder / "run");
  for (const char* name : {"run/manifest.toml", "run/segments.tsv"}) {
    write_text(world.folder / name, "colour = ]\n");
    const Finished info = run_veer({"info", world.folder / "run"});
    CAPTURE(info.err);
    CHECK(info.code == 3);
    CHECK(has(info.err, name));
    CHECK(has(info.err, "given again with the same options"));
    CHECK(run_veer(command).code == 0);
    CHECK(files_of(world.folder / "run") == whole);
  }
}

TEST_CASE("playing stops when the interval is narrow enough, and is the run of that many episodes") {
  SyntheticLogParameters parameters;
  parameters.people = 900;  // 90 of them start episodes
  parameters.events = 20;
  parameters.world.items = 80;
  const SyntheticLog log = generate_synthetic_log(parameters);
  const ScratchFolder folder;
  const std::string data = folder / "data.h5", users = folder / "truth.model.h5";
  write_dataset(data, log.dataset);
  write_model(users, synthetic_model_file(*log.truth, log.dataset.fingerprint, log.dataset.name));
  const auto evaluate = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"evaluate",
                                       "--data",
                                       data,
                                       "--users",
                                       users,
                                       "--policy",
                                       "nearest",
                                       "--policy",
                                       "random",
                                       "--policy",
                                       "popular",
                                       "--horizon",
                                       "4",
                                       "--targets",
                                       "uniform-unseen",
                                       "--segment-episodes",
                                       "64"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  };
  const auto until = [&](const std::string& width, const std::string& run) {
    return evaluate({"--until-halfwidth", width, "--budget", "3000", "-o", run, "--json"});
  };
  const std::string run = folder / "run", other = folder / "other", plain = folder / "plain";
  const Finished done = until("0.3", run);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json found = Json::parse(done.out), rule = found["stopping"];
  const std::int64_t episodes = found["episodes"];
  CHECK(rule["metric"] == "ioi");
  CHECK(rule["reached"] == true);
  CHECK(rule["episodes"] == episodes);
  CHECK(episodes > 64);
  CHECK(episodes < 3000);
  CHECK(episodes % 64 == 0);
  REQUIRE(rule["intervals"].size() == 2);
  for (const Json& interval : rule["intervals"]) {
    CHECK(interval["minus"] == "random");
    CHECK(interval["kind"] == "always-valid");
    CHECK(interval["high"].get<double>() - interval["low"].get<double>() <= 0.6);
    CHECK(interval["count"] == episodes);
  }
  // The same files as those of that number of episodes, whatever the number of threads.
  REQUIRE(evaluate({"--episodes", std::to_string(episodes), "-o", plain, "--threads", "1"}).code == 0);
  CHECK(read_text(plain + "/run.toml") == read_text(run + "/run.toml"));
  CHECK(read_text(plain + "/segments.tsv") == read_text(run + "/segments.tsv"));
  CHECK(read_text(plain + "/manifest.toml") == read_text(run + "/manifest.toml"));
  CHECK(run_veer({"info", run, "--verify"}).code == 0);
  // In memory, and from what is already there: the same words.
  const Finished again = until("0.3", run),
                 memory = evaluate({"--until-halfwidth", "0.3", "--budget", "3000", "--json"});
  REQUIRE(memory.code == 0);
  CHECK(again.out == done.out);
  CHECK(Json::parse(memory.out)["stopping"] == rule);
  // A narrower interval goes on from there and ends as if it had begun so; a segment that was lost is played
  // anew.
  std::filesystem::remove(std::filesystem::path(run) / "segments" / "p001-e00000064.h5");
  const Finished narrow = until("0.1", run), fresh = until("0.1", other);
  CAPTURE(narrow.err);
  REQUIRE(narrow.code == 0);
  REQUIRE(fresh.code == 0);
  const Json longer = Json::parse(narrow.out);
  CHECK(longer["episodes"] > episodes);
  CHECK(longer["digest"] == Json::parse(fresh.out)["digest"]);
  CHECK(longer["stopping"] == Json::parse(fresh.out)["stopping"]);
  // Nothing that was played is thrown away for an easier question.
  const Finished wider = until("0.3", run);
  CHECK(wider.code == static_cast<int>(ExitCode::usage));
  CHECK(has(wider.err, "--until-halfwidth"));
  CHECK(run_veer({"info", run, "--verify"}).code == 0);

  const Finished ended = evaluate({"--until-halfwidth", "0.001", "--budget", "200", "--metric", "ctr"});
  CHECK(ended.code == 0);
  CHECK(has(ended.out, "The budget ended after 200 episodes"));
  CHECK(has(ended.out, "always-valid"));
  CHECK(evaluate({"--until-halfwidth", "0.1"}).code == static_cast<int>(ExitCode::usage));
  CHECK(evaluate({"--metric", "ctr"}).code == static_cast<int>(ExitCode::usage));
  const Finished unknown = evaluate({"--until-halfwidth", "0.1", "--budget", "200", "--metric", "speed"});
  CHECK(unknown.code == static_cast<int>(ExitCode::usage));
  CHECK(has(unknown.err, "one of ioi"));
}
