// veer train path_model and prorl as anybody would run them, on a small world. Needs LibTorch.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/error.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

/// A small world with tokens and a pretrained path model in it.
struct Workshop : SmallWorld {
  std::string ids = folder / "ids.model.h5";
  std::string path = folder / "path.model.h5";

  Workshop() {
    const Finished made = run_veer({"fit", "semantic_ids", "--data", data, "--vectors", users, "--codes",
                                    "16", "--levels", "2", "-o", ids});
    CAPTURE(made.err);
    REQUIRE(made.code == 0);
    const Finished trained = run_veer(path_model(path, {}));
    CAPTURE(trained.err);
    REQUIRE(trained.code == 0);
  }

  std::vector<std::string> path_model(const std::string& output, const std::vector<std::string>& more) const {
    return joined({"train",
                   "path_model",
                   "--data",
                   data,
                   "--ids",
                   ids,
                   "-o",
                   output,
                   "--prompt-history",
                   "4",
                   "--epochs",
                   "2",
                   "--batch",
                   "32",
                   "--width",
                   "16",
                   "--inner",
                   "24",
                   "--heads",
                   "2",
                   "--head-width",
                   "8",
                   "--encoder-layers",
                   "1",
                   "--decoder-layers",
                   "1"},
                  more);
  }
  std::vector<std::string> prorl(const std::string& output, const std::vector<std::string>& more) const {
    return joined({"train",
                   "prorl",
                   "--data",
                   data,
                   "--start",
                   path,
                   "--users",
                   users,
                   "-o",
                   output,
                   "--updates",
                   "4",
                   "--prompts",
                   "4",
                   "--rollouts",
                   "4",
                   "--centring-updates",
                   "2",
                   "--evaluate-every",
                   "2",
                   "--evaluation-prompts",
                   "8"},
                  more);
  }
  /// The same with another value for an option that stands there already.
  static std::vector<std::string> with(std::vector<std::string> all, const std::string& option,
                                       const std::string& value) {
    *(std::find(all.begin(), all.end(), option) + 1) = value;
    return all;
  }
  static std::vector<std::string> joined(std::vector<std::string> all, const std::vector<std::string>& more) {
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

}  // namespace

TEST_CASE("a policy is pretrained, trained by reward, described, played and asked for a path") {
  const Workshop shop;
  const std::string one = shop.folder / "one.model.h5", two = shop.folder / "two.model.h5";
  const std::string history = shop.folder / "history.csv";
  const Finished first = run_veer(shop.prorl(one, {"--threads", "1", "--history-csv", history}));
  CAPTURE(first.err);
  CHECK(first.code == 0);
  CHECK(has(first.out, "path_model"));
  CHECK(has(first.out, "metrics.validation_interest"));
  CHECK(has(first.err, "the user model was fitted on"));
  CHECK(has(read_text(history), "4,update,advantage_variance,"));
  CHECK(has(read_text(history), "2,evaluation,gain,"));
  CHECK_FALSE(std::filesystem::exists(one + ".checkpoint"));
  const Finished second = run_veer(shop.prorl(two, {"--threads", "3", "--json"}));
  CHECK(second.code == 0);
  CHECK(read_text(one) == read_text(two));
  const Json report = Json::parse(second.out);
  CHECK(report["evaluations"].size() == 3);
  CHECK(report["hyper_parameters"]["trained_by"] == "prorl");
  CHECK(report["fitted_on"] == "train_plan");

  const Finished info = run_veer({"info", one});
  CHECK(info.code == 0);
  CHECK(has(info.out, "estimator"));
  const Finished played =
      run_veer(shop.evaluate({"--policy", one, "--policy", shop.path + ":search=best_of,width=3", "--policy",
                              one + ":closed=true", "--episodes", "12", "--json"}));
  CAPTURE(played.err);
  CHECK(played.code == 0);
  CHECK(has(played.out, "path:search=best_of,width=3"));
  CHECK_FALSE(has(played.out, shop.folder / ""));
  const Finished guided = run_veer({"guide", "--data", shop.data, "--users", shop.users, "--policy", one});
  CAPTURE(guided.err);
  CHECK(guided.code == 0);
}

TEST_CASE("a killed training goes on to the same bytes") {
  const Workshop shop;
  const std::string straight = shop.folder / "straight.model.h5", killed = shop.folder / "killed.model.h5";
  const auto command = [&](const std::string& output) {
    return Workshop::with(shop.prorl(output, {"--checkpoint-every", "0.001"}), "--updates", "40");
  };
  CHECK(run_veer(command(straight)).code == 0);
  int kills = 0;
  for (int round = 0; round < 3; ++round) {
    Running running(command(killed));
    const auto before = std::filesystem::exists(killed + ".checkpoint")
                            ? std::filesystem::last_write_time(killed + ".checkpoint")
                            : std::filesystem::file_time_type::min();
    while (!running.ended()) {  // until it has written a checkpoint of its own
      std::error_code gone;
      const auto now = std::filesystem::last_write_time(killed + ".checkpoint", gone);
      if (!gone && now > before) break;
      usleep(2000);
    }
    running.signal(SIGKILL);
    kills += running.wait().code == 128 + SIGKILL ? 1 : 0;
  }
  CHECK(kills >= 1);
  const Finished resumed = run_veer(command(killed));
  CHECK(resumed.code == 0);
  CHECK(has(resumed.err, "going on from"));
  CHECK(read_text(straight) == read_text(killed));
}

TEST_CASE("a path model is taught by the recorded paths of another policy") {
  const Workshop shop;
  const std::string run = shop.folder / "lessons", taught = shop.folder / "taught.model.h5";
  const Finished played =
      run_veer(shop.evaluate({"--policy", "nearest", "--policy", "random", "--episodes", "400", "--part",
                              "train_plan", "--targets", "uniform-unseen", "--horizon", "3", "-o", run}));
  CAPTURE(played.err);
  REQUIRE(played.code == 0);
  const auto teach = [&](const std::vector<std::string>& more) {
    return run_veer(
        Workshop::joined({"train", "path_model", "--data", shop.data, "--start", shop.path, "--lessons", run,
                          "--epochs", "30", "--batch", "16", "--pretraining-rate", "0.01", "-o", taught},
                         more));
  };
  const Finished done = teach({"--teacher", "nearest", "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(has(done.err, "(nearest)"));
  CHECK(Json::parse(done.out)["hyper_parameters"]["taught_by"] == "nearest");
  // Every lesson has three items: the pupil has learned at least that, where people's own paths are shorter.
  const auto length = [&](const std::string& policy) {
    const Finished out = run_veer(shop.evaluate({"--policy", policy, "--episodes", "24", "--targets",
                                                 "uniform-unseen", "--horizon", "3", "--greedy", "--json"}));
    REQUIRE(out.code == 0);
    return Json::parse(out.out)["leaderboard"][0]["length"]["mean"].get<double>();
  };
  CHECK(length(taught) > 2.5);
  CHECK(length(taught) > length(shop.path));

  // Weights fit prompts of any length: a start goes on with another history.
  std::filesystem::remove(taught);
  const Finished shorter = teach({"--teacher", "nearest", "--prompt-history", "1", "--json"});
  REQUIRE(shorter.code == 0);
  CHECK(Json::parse(shorter.out)["hyper_parameters"]["most_history"] == "1");
  CHECK(Json::parse(done.out)["hyper_parameters"]["most_history"] != "1");

  std::filesystem::remove(taught);
  const auto refused = [&](const std::vector<std::string>& more, ExitCode code, const std::string& word) {
    const Finished out = teach(more);
    CAPTURE(out.err);
    CHECK(out.code == static_cast<int>(code));
    CHECK(has(out.err, word));
    CHECK_FALSE(std::filesystem::exists(taught));
  };
  refused({}, ExitCode::usage, "one of nearest, random");
  refused({"--teacher", "beam"}, ExitCode::usage, "'beam'");
  refused({"--teacher", "nearest", "--prompt-history", "100000"}, ExitCode::usage, "--prompt-history");
  refused({"--teacher", "nearest", "--ids", shop.ids}, ExitCode::usage, "--start");
  const std::string tested = shop.folder / "tested";
  REQUIRE(run_veer(shop.evaluate({"--policy", "nearest", "--episodes", "8", "-o", tested})).code == 0);
  const Finished leak = run_veer(
      {"train", "path_model", "--data", shop.data, "--start", shop.path, "--lessons", tested, "-o", taught});
  CHECK(leak.code == static_cast<int>(ExitCode::data));
  CHECK(has(leak.err, "--part train_plan"));
  const SmallWorld other(2);
  const Finished foreign = run_veer(
      {"train", "path_model", "--data", other.data, "--ids", shop.ids, "--lessons", run, "-o", taught});
  CHECK(foreign.code != 0);
}

TEST_CASE("what makes no training is refused before it begins, with what to do") {
  const Workshop shop;
  const std::string out = shop.folder / "out.model.h5";
  const auto refused = [&](const std::vector<std::string>& arguments, ExitCode code,
                           const std::string& word) {
    const Finished done = run_veer(arguments);
    CAPTURE(done.err);
    CHECK(done.code == static_cast<int>(code));
    CHECK(has(done.err, word));
    CHECK_FALSE(std::filesystem::exists(out));
  };
  refused({"train", "dqn", "--data", shop.data, "-o", out}, ExitCode::usage, "path_model");
  refused({"train", "path_model", "--data", shop.data, "-o", out}, ExitCode::usage, "veer fit semantic_ids");
  refused({"train", "prorl", "--data", shop.data, "-o", out}, ExitCode::usage, "--start");
  refused(shop.prorl(out, {"--irn-layers", "2"}), ExitCode::usage, "--irn-layers");
  refused(shop.path_model(out, {"--updates", "2"}), ExitCode::usage, "--updates");
  refused(shop.prorl(out, {"--budget", "1m"}), ExitCode::usage, "--budget");
  refused(shop.prorl(out, {"--estimator", "critic", "--critic-hidden", "0"}), ExitCode::usage,
          "--critic-hidden");
  refused(shop.prorl(out, {"--reward-weights", "0,0,0"}), ExitCode::usage, "weights");
  refused(shop.prorl(out, {"--reward-weights", "1,2"}), ExitCode::usage, "--reward-weights");
  refused(shop.prorl(out, {"--path-items", "0"}), ExitCode::usage, "--path-items");
  refused(shop.prorl(out, {"--left-padding"}), ExitCode::usage, "--left-padding");
  refused(shop.prorl(out, {"--estimator", "guess"}), ExitCode::usage, "leave_one_out");
  refused(shop.prorl(out, {"--targets", "none"}), ExitCode::usage, "natural");
  refused(Workshop::with(shop.prorl(out, {}), "--rollouts", "1"), ExitCode::usage, "rollouts");
  refused(Workshop::with(shop.prorl(out, {}), "--start", shop.ids), ExitCode::data, "path_model");
  refused(Workshop::with(shop.prorl(out, {}), "--users", shop.path), ExitCode::usage, "path.model.h5");
  refused(shop.prorl(out, {"--exclude-attribute", "no such"}), ExitCode::usage, "no such");
  refused(Workshop::with(shop.path_model(out, {}), "--ids", shop.users), ExitCode::data, "semantic_ids");
  refused(shop.path_model(out, {"--dropout", "1"}), ExitCode::usage, "dropout");
  refused({"train"}, ExitCode::usage, "subcommand");
  // Options from a file: at the top or in the family's table.
  const std::string config = shop.folder / "train.toml";
  std::ofstream(config) << "[train]\nrollouts = 1\n[evaluate]\nepisodes = 3\n";
  std::vector<std::string> configured = shop.prorl(out, {"--config", config});
  configured.erase(std::find(configured.begin(), configured.end(), "--rollouts"),
                   std::find(configured.begin(), configured.end(), "--rollouts") + 2);
  refused(configured, ExitCode::usage, "rollouts");
  std::ofstream(config) << "[train]\nirn-layers = 1\n";
  refused(configured, ExitCode::usage, "train.toml:2");
  const SmallWorld other(2);
  refused(Workshop::with(shop.prorl(out, {}), "--data", other.data), ExitCode::usage, "path.model.h5");
  // A policy of another catalogue, played.
  const Finished foreign = run_veer(other.evaluate({"--policy", shop.path, "--episodes", "4"}));
  CHECK(foreign.code == static_cast<int>(ExitCode::usage));
  CHECK(has(foreign.err, "path.model.h5"));
}

TEST_CASE("irn is trained, described and played beside the guiders that need no training") {
  const SmallWorld world;
  const std::string one = world.folder / "one.model.h5", two = world.folder / "two.model.h5";
  const auto train = [&](const std::string& output, const std::string& threads) {
    return run_veer(
        {"train",           "irn", "--data",      world.data, "-o",           output, "--irn-epochs",   "2",
         "--irn-hidden",    "8",   "--irn-inner", "16",       "--irn-layers", "1",    "--irn-shortest", "3",
         "--irn-positions", "16",  "--threads",   threads});
  };
  const Finished first = train(one, "1");
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  REQUIRE(train(two, "2").code == 0);
  std::ifstream a(one, std::ios::binary), b(two, std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(a), {}) ==
        std::string(std::istreambuf_iterator<char>(b), {}));
  CHECK_FALSE(std::filesystem::exists(one + ".checkpoint"));
  const Finished info = run_veer({"info", one, "--json"});
  REQUIRE(info.code == 0);
  CHECK(Json::parse(info.out).at("kind") == "irn");
  const std::string network = world.folder / "sasrec.model.h5";
  const Finished fitted =
      run_veer({"fit", "sasrec", "--data", world.data, "--people", "train_plan", "--epochs", "1", "--hidden",
                "8", "--inner", "16", "--layers", "1", "-o", network});
  CAPTURE(fitted.err);
  REQUIRE(fitted.code == 0);
  const Finished played =
      run_veer({"evaluate", "--data", world.data, "--users", world.users, "--episodes", "8", "--json",
                "--policy", "irn:model=" + one, "--policy", "ipg:model=" + network, "--policy",
                "itmprec:intents=4,model=" + network, "--policy", "rerank:k=5,model=" + network});
  CAPTURE(played.err);
  REQUIRE(played.code == 0);
  CHECK(Json::parse(played.out).at("leaderboard").size() == 4);
  const Finished refused = run_veer({"evaluate", "--data", world.data, "--users", world.users, "--episodes",
                                     "8", "--policy", "irn:model=" + network});
  CHECK(refused.code == 3);
  CHECK(refused.err.find("expected irn") != std::string::npos);
}
