// Ensembles as anybody uses them: as people of a world, as judges, in run files, and fitted with --bag.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "env/store/run/run_directory.h"
#include "simulators/ensemble/ensemble_file.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

/// The true people of a small world, and an ensemble of them and of those of another one.
struct Pair {
  SmallWorld world;
  std::string both = world.folder / "both.model.h5";

  Pair() {
    SyntheticParameters other;
    other.items = 80;
    other.seed = 77;
    const SyntheticUser strangers(std::make_shared<const SyntheticWorld>(other));
    const ModelFile stranger =
        synthetic_model_file(strangers, world.log.dataset.fingerprint, world.log.dataset.name);
    write_model(both, ensemble_model_file({read_model(world.users), stranger}, {}));
  }
};

}  // namespace

TEST_CASE("an ensemble among the judges: deviations in tables and run files, steps off the data") {
  const Pair pair;
  const std::string run = pair.world.folder / "run";
  const std::vector<std::string> options{
      "--policy",   "random", "--policy", "graph_path", "--judge", "both=" + pair.both,
      "--episodes", "24",     "--json",   "--quiet",    "-o",      run};
  const Finished played = run_veer(pair.world.evaluate(options));
  REQUIRE_MESSAGE(played.code == 0, played.err);
  const Json result = Json::parse(played.out);
  CHECK(has(result.at("judges").at(1).at("fit"), "ensemble of 2 (synthetic)"));
  double off_data[2] = {-1, -1};
  for (const Json& row : result.at("leaderboard")) {
    const bool ensemble = row.at("judge") == "both";
    CHECK(row.at("disagreement").at("mean").is_null() == !ensemble);
    if (ensemble) {
      CHECK(row.at("disagreement").at("mean").get<double>() > 0.01);
      CHECK(row.at("interest_disagreement").at("mean").get<double>() > 0.01);
    }
    off_data[row.at("policy") == "random" ? 0 : 1] = row.at("off_data").at("mean");
  }
  // One follows transitions of the logs, the other one does not.
  CHECK(off_data[1] < off_data[0]);
  CHECK(off_data[0] <= 1.0);

  const Trajectories paths = read_run(run, 0);
  CHECK(paths.judges[0].acceptance_deviation.empty());
  CHECK(paths.judges[1].acceptance_deviation.size() == static_cast<std::size_t>(paths.steps()));
  CHECK(run_veer({"info", run, "--verify"}).code == 0);
  // The same run again is read, not played.
  const Finished again = run_veer(pair.world.evaluate(options));
  CHECK(Json::parse(again.out).at("leaderboard") == result.at("leaderboard"));
  std::vector<std::string> in_words = options;
  std::erase(in_words, "--json");
  const std::string text = run_veer(pair.world.evaluate(in_words)).out;
  CHECK(has(text, "Apart ln p"));
  CHECK(has(text, "Off data"));
}

TEST_CASE("an ensemble as the people of a world: guide says how far its members are apart") {
  const Pair pair;
  const std::vector<std::string> command{"guide",   "--data",   pair.world.data,     "--users",
                                         pair.both, "--policy", "beam:width=2,m=16", "--acceptance",
                                         "sampled"};
  const Finished text = run_veer(command);
  REQUIRE_MESSAGE(text.code == 0, text.err);
  CHECK(has(text.out, "in logs"));
  CHECK(has(text.out, " ±0."));
  std::vector<std::string> json = command;
  json.emplace_back("--json");
  const Json first = Json::parse(run_veer(json).out).at("steps").at(0);
  CHECK(first.at("support").get<int>() >= 0);
  CHECK(first.at("judges").at("users").at("acceptance_deviation").get<double>() >= 0.0);
  CHECK(first.at("judges").at("users").contains("interest_deviation"));
}

TEST_CASE("info says who is in an ensemble; a damaged member is named") {
  const Pair pair;
  const Json about = Json::parse(run_veer({"info", pair.both, "--json"}).out);
  CHECK(about.at("kind") == "ensemble");
  REQUIRE(about.at("members").size() == 2);
  CHECK(about.at("members").at(1).at("kind") == "synthetic");
  CHECK(has(run_veer({"info", pair.both}).out, "member 2"));

  ModelFile file = read_model(pair.both);
  const auto quality = file.members[1].parameters.get<float>("item_quality");
  std::vector<float> changed(quality.begin(), quality.end());
  for (float& value : changed) value += 0.5F;
  file.members[1].parameters.set<float>("item_quality", changed);
  write_model(pair.both, file);
  const Finished refused = run_veer(
      {"evaluate", "--data", pair.world.data, "--users", pair.both, "--policy", "random", "--episodes", "4"});
  CHECK(refused.code == 5);
  CHECK(has(refused.err, pair.both));
  CHECK(has(refused.err, "member 2"));
}

TEST_CASE("fit --bag: a killed one goes on to the same bytes, member by member") {
  if (!can_fit()) {
    MESSAGE("skipped: a build without LibTorch fits nothing");
    return;
  }
  const SmallWorld world;
  const auto command = [&](const std::string& output) {
    return std::vector<std::string>{"fit",
                                    "gru4rec",
                                    "--data",
                                    world.data,
                                    "-o",
                                    output,
                                    "--hidden",
                                    "8",
                                    "--inner",
                                    "8",
                                    "--epochs",
                                    "30",
                                    "--patience",
                                    "30",
                                    "--people",
                                    "train_plan",
                                    "--batch-targets",
                                    "100",
                                    "--bag",
                                    "3",
                                    "--quiet",
                                    "--threads",
                                    "1"};
  };
  const std::string whole = world.folder / "whole.model.h5", stopped = world.folder / "stopped.model.h5";
  const Finished straight = run_veer(command(whole));
  REQUIRE_MESSAGE(straight.code == 0, straight.err);
  CHECK(has(straight.out, "ensemble of 3 (gru4rec), fitted on train_plan, seed 1"));
  CHECK(has(straight.out, "mrr@10"));
  CHECK_FALSE(std::filesystem::exists(whole + ".checkpoint.1"));
  const ModelFile file = read_model(whole);
  REQUIRE(file.members.size() == 3);
  CHECK(file.members[0].manifest.seed != file.members[1].manifest.seed);
  CHECK(file.members[0].parameters.all().size() + file.parameters.all().size() > 3);

  {
    Running running(command(stopped));
    while (!running.ended() && !std::filesystem::exists(stopped + ".checkpoint.2")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    running.signal(SIGINT);
    const Finished interrupted = running.wait();
    REQUIRE(interrupted.code == 130);
    CHECK(has(interrupted.err, "the same command continues"));
    CHECK_FALSE(std::filesystem::exists(stopped));
    CHECK(std::filesystem::exists(stopped + ".checkpoint.1"));
  }
  const Finished resumed = run_veer(command(stopped));
  REQUIRE_MESSAGE(resumed.code == 0, resumed.err);
  CHECK(read_text(stopped) == read_text(whole));
  CHECK_FALSE(std::filesystem::exists(stopped + ".checkpoint.1"));
  CHECK_FALSE(std::filesystem::exists(stopped + ".checkpoint.3"));

  // What was fitted apart can be put together.
  const std::string mixed = world.folder / "mixed.model.h5";
  const auto together = [&](const std::vector<std::string>& files) {
    std::vector<std::string> arguments{"fit", "ensemble", "--data", world.data, "-o", mixed, "--quiet"};
    for (const std::string& each : files) arguments.insert(arguments.end(), {"--member", each});
    return run_veer(arguments);
  };
  const std::string single = world.folder / "single.model.h5";
  REQUIRE(run_veer({"fit", "gru4rec", "--data", world.data, "-o", single, "--hidden", "8", "--inner", "8",
                    "--epochs", "1", "--people", "train_judge", "--quiet"})
              .code == 0);
  const Finished made = together({single, world.users});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  CHECK(has(made.out, "ensemble of 2 (gru4rec and synthetic)"));
  CHECK(run_veer({"evaluate", "--data", world.data, "--users", mixed, "--policy", "random", "--episodes", "8",
                  "--acceptance", "sampled"})
            .code == 0);
  CHECK(together({single}).code == 2);
  const Finished nested = together({single, whole});
  CHECK(nested.code == 2);
  CHECK(has(nested.err, "an ensemble"));
  const Finished stray = run_veer({"fit", "gru4rec", "--data", world.data, "-o", mixed, "--member", single});
  CHECK(stray.code == 2);
  CHECK(has(stray.err, "--member"));
}
