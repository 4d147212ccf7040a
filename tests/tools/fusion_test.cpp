// fusion-v1 in the program: logs of every regime, agents learned from them, policies that set weights,
// refusals.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/test.h"
#include "tests/tools/run_program.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

const std::vector<std::string> small_world{"--feed-items", "80",           "--made-up-people",
                                           "40",           "--candidates", "8"};

Finished in_world(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), small_world.begin(), small_world.end());
  return run_veer(arguments);
}

Json json_of(const Finished& done) {
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  return Json::parse(done.out);
}

}  // namespace

TEST_CASE("feeds are ranked by policies that set weights") {
  const ScratchFolder folder;
  const auto play = [&](const std::string& run, const std::string& threads) {
    return json_of(in_world({"evaluate", "--scenario", "fusion-v1", "--policy", "random", "--policy",
                             "weights:all=1", "--policy", "weights:click=1,noise=0.1", "--episodes", "80",
                             "--threads", threads, "--json", "-o", run}));
  };
  const Json found = play(folder / "run", "2"), again = play(folder / "again", "1");
  CHECK(found["digest"] == again["digest"]);
  const Json& methods = found["comparisons"][0]["methods"];
  REQUIRE(methods.size() == 3);
  CHECK(methods[0]["method"] == "random");
  CHECK(methods[1]["return"]["mean"] > methods[0]["return"]["mean"].get<double>());

  const auto refused = [&](std::vector<std::string> more, const std::string& what) {
    std::vector<std::string> arguments{"evaluate", "--scenario", "fusion-v1", "--episodes", "4"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished done = run_veer(arguments);
    CAPTURE(done.err);
    CHECK(done.code == 2);
    CHECK(has(done.err, what));
  };
  refused({"--policy", "popular"}, "which chooses items");
  refused({"--policy", "weights:clicks=1"}, "clicks");
  refused({"--policy", "weights:click=1.5"}, "a weight from -1 to 1");
  refused({"--policy", "weights:click=1,noise=-1"}, "0 (none) or more");
  refused({"--policy", "random", "--data", "x.h5"}, "--data");
  refused({"--policy", "random", "--page", "50"}, "slots");
  refused({"--policy", "random", "--link", "soft"}, "--link");
}

TEST_CASE("logs of every regime, and an agent from each way of learning") {
  const ScratchFolder folder;
  const std::string expert = folder / "expert.model.h5";
  const std::vector<std::string> sizes{"--hidden", "8", "--batch", "16", "--episodes", "16", "--quiet"};
  const auto train = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"train", "fusion", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), sizes.begin(), sizes.end());
    return arguments;
  };
  const Json learned = json_of(
      in_world(train({"--agent", "td3", "--steps", "1500", "--updates-per-batch", "1", "-o", expert})));
  CHECK(learned["kind"] == "fusion_agent");
  CHECK(learned["hyper_parameters"]["learned_from"] == "acting");
  CHECK(learned["test_people"]["agent"]["pages"].get<double>() >= 1.0);

  const std::string policy = "fusion_agent:model=" + expert;
  const auto log = [&](const std::string& regime, std::vector<std::string> more) {
    std::vector<std::string> arguments{
        "log",    "--regime", regime, "--steps", "300", "-o", folder / (regime + ".log.h5"),
        "--json", "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return in_world(arguments);
  };
  const Json random = json_of(log("random", {}));
  CHECK(random["densities"] == true);
  CHECK(random["transitions"] == 320);  // whole batches of 64
  for (const std::string regime : {"expert", "mixed"}) {
    CHECK(json_of(log(regime, {"--policy", policy}))["densities"] == true);
  }
  CHECK(json_of(log("imitation", {"--policy", policy}))["densities"] == false);
  for (const std::string regime : {"final-buffer", "concurrent"}) {
    const Json made = json_of(log(regime, {"--hidden", "8", "--batch", "16"}));
    CHECK(made["grows"] == (regime == "concurrent"));
  }
  const Json described = json_of(run_veer({"info", folder / "expert.log.h5", "--json"}));
  CHECK(described["regime"] == "expert");
  CHECK(described["largest_reward"].get<double>() == doctest::Approx(16.8));

  const auto learn = [&](const std::string& to, const std::string& threads) {
    std::vector<std::string> arguments = train(
        {"--agent", "bcq", "--log", folder / "concurrent.log.h5", "--updates", "20", "--vae-hidden", "8",
         "--samples", "2", "--choices", "4", "--history", folder / "h.csv", "-o", to, "--threads", threads});
    return json_of(run_veer(arguments));
  };
  const Json bcq = learn(folder / "a.model.h5", "1");
  (void)learn(folder / "b.model.h5", "2");
  CHECK(bcq["metrics"]["diverged"] == 0.0);
  CHECK(bcq["metrics"]["largest_return"].get<double>() > 100.0);
  CHECK(read_text(folder / "a.model.h5") == read_text(folder / "b.model.h5"));
  CHECK(has(read_text(folder / "h.csv"), "update,believed,realised"));
  CHECK(json_of(in_world({"evaluate", "--scenario", "fusion-v1", "--policy",
                          "fusion_agent:model=" + (folder / "a.model.h5"), "--policy", "random", "--episodes",
                          "16", "--json"}))["comparisons"][0]["methods"]
            .size() == 2);

  // A recorded run is a log too; of several policies one has to be named.
  const std::string run = folder / "run";
  (void)json_of(in_world({"evaluate", "--scenario", "fusion-v1", "--policy", "random", "--policy",
                          "weights:all=1,noise=0.3", "--episodes", "60", "-o", run, "--json"}));
  const auto judge = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"ope",      run,
                                       "--policy", "weights:all=0.95,noise=0.3",
                                       "--json",   "--fit-updates",
                                       "20",       "--hidden",
                                       "8",        "--fit-batch",
                                       "32"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  };
  const Finished unnamed = judge({});
  CHECK(unnamed.code == 2);
  CHECK(has(unnamed.err, "--acted"));
  const Finished judged = judge({"--acted", "weights:all=1,noise=0.3"});
  CAPTURE(judged.err);
  REQUIRE((judged.code == 0 || judged.code == 5));
  CHECK(Json::parse(judged.out)["units"] == 60);

  const auto refused = [&](const std::vector<std::string>& arguments, int code, const std::string& what) {
    const Finished done = run_veer(arguments);
    CAPTURE(done.err);
    CHECK(done.code == code);
    CHECK(has(done.err, what));
  };
  const std::string out = folder / "o.log.h5";
  refused({"log", "--regime", "expert", "-o", out}, 2, "veer train fusion makes one");
  refused({"log", "--regime", "random", "--noise", "1", "-o", out}, 2, "does not read");
  refused({"log", "--regime", "guess", "-o", out}, 2, "final-buffer");
  refused({"log", "-o", expert}, 2, "--output");
  refused({"train", "fusion", "--log", expert, "-o", folder / "x.model.h5"}, 3, "model");
  refused({"train", "fusion", "--agent", "dqn", "-o", folder / "x.model.h5"}, 2, "uwac");
  // An agent for another world is refused in words: 8 topics are 20 features.
  refused({"evaluate", "--scenario", "slate-v1", "--policy", policy}, 2, "features");
}
