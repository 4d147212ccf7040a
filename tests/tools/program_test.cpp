// The built program as anybody runs it: exit codes, messages, JSON keys, interruptions. The world is a small
// synthetic one, so no test here needs LibTorch.
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

std::string digest_of(const std::string& run) {
  return Json::parse(run_veer({"info", run, "--json"}).out).at("digest");
}

}  // namespace

TEST_CASE("help and version succeed and go to stdout") {
  const Finished help = run_veer({"--help"});
  CHECK(help.code == 0);
  CHECK(has(help.out, "evaluate"));
  CHECK(help.err.empty());
  for (const char* command : {"import", "info", "fit", "evaluate", "guide", "bench", "demo"}) {
    const Finished each = run_veer({command, "--help"});
    CHECK_MESSAGE(each.code == 0, command);
    CHECK_MESSAGE(has(each.out, "Example: veer "), command);
  }
  const Finished version = run_veer({"--version"});
  CHECK(version.code == 0);
  for (const char* part : {"veer 0.", "LibTorch", "HDF5", "oneTBB"})
    CHECK_MESSAGE(has(version.out, part), part);
}

TEST_CASE("usage errors end with 2 and one message on stderr") {
  const SmallWorld world;
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"frobnicate"},
      {"info"},
      {"info", world.data, "--no-such-option"},
      {"import", "nosuchformat", world.data, "-o", world.folder / "x.h5"},
      world.evaluate({"--policy", "nosuchpolicy"}),
      world.evaluate({"--policy", "random", "--policy", "random"}),
      world.evaluate({"--policy", "random", "--acceptance", "perhaps"}),
      world.evaluate({"--policy", "random", "--judge", "noequals"}),
      world.evaluate({"--policy", "random", "--device", "abacus"}),
      world.evaluate({"--policy", "random", "--episodes", "0"}),
      {"bench", "nosuchworkload"},
      {"guide", "--data", world.data, "--users", world.users, "--user", "1"},
  };
  for (const auto& arguments : wrong) {
    const Finished result = run_veer(arguments);
    CAPTURE(arguments.empty() ? "" : arguments.front());
    CAPTURE(result.err);
    CHECK(result.code == 2);
    CHECK(result.out.empty());
    CHECK(result.err.starts_with("veer: "));
  }
}

TEST_CASE("data errors end with 3, missing files with 1, nothing is left half-written") {
  ScratchFolder folder;
  write_text(folder / "log.csv", "user,item\n1,2\n1\n");
  const Finished malformed = run_veer({"import", "csv", folder / "log.csv", "-o", folder / "x.h5"});
  CHECK(malformed.code == 3);
  CHECK(has(malformed.err, "log.csv:3"));
  write_text(folder / "empty.csv", "");
  CHECK(run_veer({"import", "csv", folder / "empty.csv", "-o", folder / "x.h5"}).code == 3);
  write_text(folder / "foreign.h5", "not one of ours");
  CHECK(run_veer({"info", folder / "foreign.h5"}).code == 3);
  CHECK(run_veer({"info", folder / "absent.h5"}).code == 1);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 3);
}

TEST_CASE("a truncated file is a format error") {
  const SmallWorld world;
  std::filesystem::resize_file(world.data, std::filesystem::file_size(world.data) - 100);
  const Finished result = run_veer({"info", world.data});
  CHECK(result.code == 3);
  CHECK(has(result.err, world.data));
}

TEST_CASE("output that cannot be written ends with 1") {
  ScratchFolder folder;
  write_text(folder / "log.csv", "user,item\n1,2\n1,3\n2,2\n");
  const Finished nowhere = run_veer({"import", "csv", folder / "log.csv", "-o", folder / "no/such/x.h5"});
  CHECK(nowhere.code == 1);
  CHECK(has(nowhere.err, "no/such/x.h5"));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(run_veer({"import", "csv", folder / "log.csv", "-o", folder / "pipe"}).code == 1);
  CHECK(std::filesystem::is_fifo(folder / "pipe"));
}

TEST_CASE("a file of another kind is never replaced") {
  const SmallWorld world;
  const std::string log = world.folder / "log.csv", text = "user,item\n1,2\n1,3\n2,2\n";
  write_text(log, text);
  const Finished import = run_veer({"import", "csv", log, "-o", log});
  CHECK(import.code == 2);
  CHECK(has(import.err, "--output"));
  CHECK(std::filesystem::file_size(log) == text.size());
  CHECK(run_veer({"import", "csv", log, "-o", world.folder / "x.h5"}).code == 0);
  CHECK(run_veer({"import", "csv", log, "-o", world.folder / "x.h5"}).code == 0);
}

TEST_CASE("numbers out of range are refused in one readable line") {
  const SmallWorld world;
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"--seed", "-1"}, {"--seed", "18446744073709551616"}, {"--episodes", "0"}, {"--cache-mb", "-1"}}) {
    std::vector<std::string> options{"--policy", "random"};
    options.insert(options.end(), wrong.begin(), wrong.end());
    const Finished result = run_veer(world.evaluate(options));
    CHECK_MESSAGE(result.code == 2, wrong[0]);
    CHECK_MESSAGE(has(result.err, wrong[0] + ": found '" + wrong[1] + "'; expected a whole number"),
                  result.err);
  }
}

TEST_CASE("import and info agree, under the keys scripts rely on") {
  ScratchFolder folder;
  write_text(folder / "log.csv", "user,item,time\nann,x,3\nann,y,5\nbob,x,1\n");
  const Finished imported =
      run_veer({"import", "csv", folder / "log.csv", "-o", folder / "x.h5", "--json", "--quiet"});
  REQUIRE(imported.code == 0);
  CHECK(imported.err.empty());
  const Json description = Json::parse(imported.out);
  CHECK(description.at("users") == 2);
  CHECK(description.at("items") == 2);
  CHECK(description.at("interactions") == 3);
  CHECK(description.at("fingerprint").get<std::string>().size() == 64);
  CHECK(Json::parse(run_veer({"info", folder / "x.h5", "--json"}).out) == description);
}

TEST_CASE("import: bad lines left out are counted on stderr and in JSON, kinds of interaction everywhere") {
  ScratchFolder folder;
  const std::string log = folder / "events.csv";
  write_text(log,
             "timestamp,visitorid,event,itemid,transactionid\n1,1,view,7,\n2,1,view,8,\nx,1,view,8,\n"
             "3,1,addtocart,7,\n4,1,buy,7,\n5,1,rent,7,\n");
  const std::vector<std::string> command{"import",        "retailrocket", log, "-o",
                                         folder / "x.h5", "--min-item",   "0"};
  const Finished strict = run_veer(command);
  CHECK(strict.code == 3);
  CHECK(has(strict.err, "events.csv:4: timestamp: found \"x\""));

  std::vector<std::string> lenient = command;
  lenient.push_back("--skip-bad");
  const Finished lines = run_veer(lenient);
  REQUIRE_MESSAGE(lines.code == 0, lines.err);
  CHECK(has(lines.err, "left out 1 bad line, the first: "));
  CHECK(has(lines.err, "left out 2 bad lines, the first: "));
  CHECK(has(lines.err, "events.csv:6: event: found \"buy\""));
  lenient.push_back("--json");
  const Json description = Json::parse(run_veer(lenient).out);
  REQUIRE(description.at("skipped").size() == 2);
  CHECK(description.at("skipped")[1].at("lines") == 2);
  CHECK(description.at("skipped")[1].at("reason") == "event: expected view, addtocart or transaction");
  const Json info = Json::parse(run_veer({"info", folder / "x.h5", "--json"}).out);
  CHECK(info.at("interactions_by_behaviour").at("click") == 2);
  CHECK(info.at("interactions_by_behaviour").at("purchase") == 1);
  CHECK(has(info.at("filters").get<std::string>(), "min-session=3 duplicates=keep-all"));
  CHECK(has(info.at("filters").get<std::string>(), "skipped-lines=3"));
}

TEST_CASE("import: a preset stands for a format and its options, which the command line may change") {
  ScratchFolder folder;
  write_text(folder / "reviews", "A1,0001048767,5.0,1\nA1,0001048768,5.0,1\n");
  const auto filters = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"import", "prorl-books", folder / "reviews", "-o", folder / "x.h5", "--json"});
    return run_veer(more);
  };
  const Finished all = filters({});
  CHECK(all.code == 3);
  CHECK(has(all.err, "nothing left of 2 interactions after the filters user-core=100 item-core=40"));
  const Finished some = filters({"--user-core", "1", "--item-core", "1"});
  REQUIRE_MESSAGE(some.code == 0, some.err);
  CHECK(Json::parse(some.out).at("source") == "amazon");
}

TEST_CASE("info knows models and runs") {
  const SmallWorld world;
  const Json model = Json::parse(run_veer({"info", world.users, "--json"}).out);
  CHECK(model.at("kind") == "synthetic");
  CHECK(model.at("parameters").get<int>() > 0);
  CHECK(model.at("dataset_fingerprint").get<std::string>().size() == 64);

  const Finished played = run_veer(
      world.evaluate({"--policy", "random", "--episodes", "8", "-o", world.folder / "run", "--json"}));
  REQUIRE(played.code == 0);
  const Json run = Json::parse(run_veer({"info", world.folder / "run", "--json", "--verify"}).out);
  CHECK(run.at("episodes") == 8);
  CHECK(run.at("steps") == 80);
  CHECK(run.at("digest") == Json::parse(played.out).at("digest"));
}

TEST_CASE("a model of another data set is refused by name") {
  const SmallWorld world;
  const SmallWorld other(2);
  const Finished result = run_veer(
      {"evaluate", "--data", world.data, "--users", other.users, "--policy", "random", "--episodes", "4"});
  CHECK(result.code == 2);
  CHECK(has(result.err, other.users));
  CHECK(has(result.err, "fingerprint"));
}

TEST_CASE("evaluate ranks policies under every judge, in memory as in a run directory") {
  const SmallWorld world;
  const std::vector<std::string> options{
      "--policy",   "random", "--policy",  "beam:width=2,m=16", "--judge", "again=" + world.users,
      "--episodes", "24",     "--targets", "uniform-unseen",    "--json",  "--quiet"};
  const Finished in_memory = run_veer(world.evaluate(options));
  REQUIRE_MESSAGE(in_memory.code == 0, in_memory.err);
  CHECK(in_memory.err.empty());
  const Json result = Json::parse(in_memory.out);
  CHECK(result.at("judges").size() == 2);
  CHECK(result.at("leaderboard").size() == 4);
  const Json& best = result.at("leaderboard").at(0);
  CHECK(best.at("policy") == "beam:width=2,m=16");
  CHECK(best.at("ioi").at("low").get<double>() >
        result.at("leaderboard").at(1).at("ioi").at("high").get<double>());
  CHECK(best.at("ioi").at("count") == 24);
  CHECK(result.at("disagreement").at(0).at("same_sign").at("random") == 1.0);  // the same model twice

  std::vector<std::string> recorded = options;
  recorded.insert(recorded.end(), {"-o", world.folder / "run", "--segment-episodes", "5"});
  const Json from_disk = Json::parse(run_veer(world.evaluate(recorded)).out);
  CHECK(from_disk.at("leaderboard") == result.at("leaderboard"));
  const Finished told = run_veer(world.evaluate(
      {"--policy", "random", "--judge", "again=" + world.users, "--episodes", "4", "--greedy"}));
  CHECK(has(told.err, "judge again is the very model of users"));
  CHECK(has(told.out, "best guesses"));
}

TEST_CASE("evaluate compares with a baseline and splits by difficulty") {
  const SmallWorld world;
  const std::vector<std::string> options{"--policy",   "popular",    "--policy",  "random",
                                         "--policy",   "graph_path", "--targets", "uniform-unseen",
                                         "--episodes", "60"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all = options;
    all.insert(all.end(), more.begin(), more.end());
    return run_veer(world.evaluate(all));
  };
  const Json result = Json::parse(with({"--by", "difficulty", "--json"}).out);
  CHECK(result.at("baseline") == "random");
  const Json& best = result.at("leaderboard").at(0);
  CHECK(best.at("policy") == "graph_path");
  const Json& random = result.at("leaderboard").at(1).at("policy") == "random"
                           ? result.at("leaderboard").at(1)
                           : result.at("leaderboard").at(2);
  CHECK(best.at("over_baseline").at("ioi").at("mean").get<double>() ==
        doctest::Approx(best.at("ioi").at("mean").get<double>() - random.at("ioi").at("mean").get<double>()));
  // The tiers of one policy are a partition of its episodes: their means weigh up to the whole one.
  int episodes = 0;
  double sum = 0.0;
  for (const Json& entry : result.at("by_difficulty")) {
    if (entry.at("policy") != "graph_path") continue;
    episodes += entry.at("episodes").get<int>();
    sum += entry.at("episodes").get<int>() * entry.at("ioi").at("mean").get<double>();
  }
  CHECK(episodes == 60);
  CHECK(sum / 60 == doctest::Approx(best.at("ioi").at("mean").get<double>()));

  const Finished text = with({"--by", "difficulty", "--baseline", "popular", "--end-at-target", "yes"});
  REQUIRE_MESSAGE(text.code == 0, text.err);
  for (const char* part : {"minus popular", "By difficulty, under users", "easy (at most 1", "Reached"})
    CHECK_MESSAGE(has(text.out, part), part);
  const Finished unknown = with({"--baseline", "nobody"});
  CHECK(unknown.code == 2);
  CHECK(has(unknown.err, "--baseline: found 'nobody'; expected one of popular, random, graph_path"));
  CHECK(with({"--by", "weather"}).code == 2);
}

TEST_CASE("threads and rows in flight change no byte; the seed does") {
  const SmallWorld world;
  const auto play = [&](const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> options{"--policy", "random",     "--policy", "graph_path", "--acceptance",
                                     "sampled",  "--episodes", "40",       "-o",         world.folder / name};
    options.insert(options.end(), more.begin(), more.end());
    const Finished result = run_veer(world.evaluate(options));
    REQUIRE_MESSAGE(result.code == 0, result.err);
    return digest_of(world.folder / name);
  };
  const std::string one = play("one", {"--threads", "1"});
  CHECK(play("two", {"--threads", "2"}) == one);
  CHECK(play("three", {"--threads", "3", "--rows", "7"}) == one);
  CHECK(play("other", {"--seed", "2"}) != one);
}

TEST_CASE("a run that was killed goes on to the same digest; an interrupted one says how") {
  const SmallWorld world;
  const auto options = [&](const std::string& name) {
    return world.evaluate({"--policy", "random", "--policy", "beam:width=8,m=all", "--episodes", "400",
                           "--segment-episodes", "8", "--threads", "1", "-o", world.folder / name});
  };
  REQUIRE(run_veer(options("whole")).code == 0);
  const std::string expected = digest_of(world.folder / "whole");

  for (const auto& [name, signal] : {std::pair{"killed", SIGKILL}, std::pair{"interrupted", SIGINT}}) {
    CAPTURE(name);
    const auto segments = [&] {
      std::error_code ignored;
      std::filesystem::recursive_directory_iterator files(world.folder / name, ignored);
      return std::count_if(begin(files), end(files),
                           [](const auto& each) { return each.path().extension() == ".h5"; });
    };
    Running running(options(name));
    while (!running.ended() && segments() < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    running.signal(signal);
    const Finished stopped = running.wait();
    REQUIRE(stopped.code == (signal == SIGKILL ? 128 + SIGKILL : 130));
    if (signal == SIGINT) CHECK(has(stopped.err, "the same command goes on from there"));
    const Finished resumed = run_veer(options(name));
    CHECK(resumed.code == 0);
    CHECK(has(resumed.err, "episodes already"));
    CHECK(digest_of(world.folder / name) == expected);
  }
}

TEST_CASE("a run directory is not continued with other options") {
  const SmallWorld world;
  REQUIRE(
      run_veer(world.evaluate({"--policy", "random", "--episodes", "4", "-o", world.folder / "run"})).code ==
      0);
  CHECK(
      run_veer(world.evaluate({"--policy", "random", "--episodes", "5", "-o", world.folder / "run"})).code ==
      2);
}

TEST_CASE("options may stand in a file") {
  const SmallWorld world;
  write_text(world.folder / "c.toml",
             "data = \"" + world.data + "\"\nusers = \"" + world.users +
                 "\"\nepisodes = 6\njson = true\npolicy = [\"random\", \"nearest\"]\n");
  const Finished result = run_veer({"evaluate", "--config", world.folder / "c.toml", "--episodes", "3"});
  REQUIRE_MESSAGE(result.code == 0, result.err);
  CHECK(Json::parse(result.out).at("episodes") == 3);
  write_text(world.folder / "c.toml", "episods = 6\n");
  const Finished unknown = run_veer({"evaluate", "--config", world.folder / "c.toml"});
  CHECK(unknown.code == 2);
  CHECK(has(unknown.err, "c.toml:1: episods"));
  // A value that its option does not take is named with its line as well; one from the command line is not.
  write_text(world.folder / "c.toml", "policy = [\"random\"]\nthreads = \"many\"\n");
  const Finished wrong = run_veer({"evaluate", "--config", world.folder / "c.toml"});
  CHECK(wrong.code == 2);
  CHECK(has(wrong.err, "c.toml:2: --threads"));
  const Finished own = run_veer({"evaluate", "--config", world.folder / "c.toml", "--threads", "few"});
  CHECK(own.code == 2);
  CHECK_FALSE(has(own.err, "c.toml"));
}

TEST_CASE("guide tells one path, in words and as JSON") {
  const SmallWorld world;
  const std::vector<std::string> command{"guide",     "--data",   world.data,  "--users",
                                         world.users, "--policy", "graph_path"};
  const Finished text = run_veer(command);
  REQUIRE_MESSAGE(text.code == 0, text.err);
  for (const char* part : {"p(accept)", "rank before", "rank after", "Interest in the target"}) {
    CHECK_MESSAGE(has(text.out, part), part);
  }
  std::vector<std::string> json = command;
  json.emplace_back("--json");
  const Json path = Json::parse(run_veer(json).out);
  CHECK(path.at("history").size() == 10);
  CHECK(path.at("steps").size() == 10);
  CHECK(path.at("steps").at(0).at("judges").at("users").at("rank").get<int>() >= 1);
}

TEST_CASE("bench lists its workloads") {
  const Finished list = run_veer({"bench", "--list"});
  CHECK(list.code == 0);
  CHECK(has(list.out, "memory"));
}

TEST_CASE("a device that is not there ends with 4 and one sentence") {
  const SmallWorld world;
  const Finished result =
      run_veer(world.evaluate({"--policy", "random", "--device", "cuda:7", "--episodes", "2"}));
  CHECK(result.code == 4);
  CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
}
