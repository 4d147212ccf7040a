// veer compare: methods with several seeds out of recorded runs.
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
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

/// Two runs of one world: the second holds one policy more.
struct Recorded : SmallWorld {
  std::string first = folder / "first", second = folder / "second";

  Recorded() {
    play(first, {"--policy", "nearest", "--policy", "random"});
    play(second, {"--policy", "popular"});
  }
  void play(const std::string& run, std::vector<std::string> more) const {
    std::vector<std::string> options{"--episodes", "80", "--targets", "uniform-unseen",
                                     "--horizon",  "4",  "-o",        run};
    options.insert(options.end(), more.begin(), more.end());
    const Finished done = run_veer(evaluate(options));
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
  }
  Finished compare(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"compare", "--data", data};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  }
};

}  // namespace

TEST_CASE("methods are compared as the runs have it") {
  const Recorded world;
  const std::string csv = world.folder / "figures.csv";
  const Finished done = world.compare({world.first, world.second, "--method", "plain=random", "--method",
                                       "plain=popular", "--lengths", "1,2", "--csv", csv, "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json found = Json::parse(done.out);
  CHECK(found["baseline"] == "plain");
  CHECK(found["episodes"] == 80);
  REQUIRE(found["comparisons"].size() == 3);
  const Json& whole = found["comparisons"][0];
  CHECK(whole["length"] == 0);
  REQUIRE(whole["methods"].size() == 2);
  CHECK(whole["methods"][0]["seeds"] == 2);
  CHECK(whole["methods"][1]["method"] == "nearest");
  // The same means as the leaderboard's.
  const Finished played = run_veer(
      world.evaluate({"--policy", "nearest", "--policy", "random", "--policy", "popular", "--episodes", "80",
                      "--targets", "uniform-unseen", "--horizon", "4", "--json"}));
  REQUIRE(played.code == 0);
  std::map<std::string, double> ioi;
  const Json board = Json::parse(played.out);
  for (const Json& row : board["leaderboard"]) {
    ioi[row["policy"].get<std::string>()] = row["ioi"]["mean"].get<double>();
  }
  const Json& nearest = whole["methods"][1];
  CHECK(nearest["ioi"]["mean"].get<double>() == doctest::Approx(ioi["nearest"]));
  CHECK(whole["methods"][0]["ioi"]["mean"].get<double>() ==
        doctest::Approx((ioi["random"] + ioi["popular"]) / 2));
  const Json& gap = nearest["ioi"]["difference"];
  CHECK(gap["mean"].get<double>() ==
        doctest::Approx(ioi["nearest"] - (ioi["random"] + ioi["popular"]) / 2).epsilon(1e-6));
  CHECK(gap["low"] < gap["mean"]);
  CHECK(gap["p_adjusted"] >= gap["p"]);
  CHECK(gap["pairing_gain"] > 0.0);
  CHECK(gap["standard_error"] > 0.0);
  CHECK(nearest["worst_tenth"]["mean"] < nearest["ioi"]["mean"]);
  CHECK(nearest["cvar"]["mean"] <= nearest["worst_tenth"]["mean"]);
  for (const Json& share : found["survival"][0]["shares"]) CHECK(share == 1.0);
  // How far to trust it: the people of the world are the only judge.
  const Json& trust = found["trust"];
  CHECK(trust["own_model"] == "users");
  CHECK(trust["neutral"] == "plain");
  REQUIRE(trust["methods"].size() == 2);
  const Json& doubted = trust["methods"][1];
  CHECK(doubted["method"] == "nearest");
  CHECK(doubted["verdict"] == "no other judge");
  CHECK(doubted["flagged"] == false);
  CHECK(doubted["judges_apart"].is_null());
  CHECK(doubted["off_data"] == nearest["off_data"]["mean"]);
  CHECK(doubted["caused"]["mean"].get<double>() == doctest::Approx(gap["mean"].get<double>()));
  CHECK(doubted["caused_share"]["mean"].get<double>() ==
        doctest::Approx(gap["mean"].get<double>() / nearest["ioi"]["mean"].get<double>()));
  CHECK(found["comparisons"][1]["methods"][1]["length"]["mean"] == 1.0);
  CHECK(found["comparisons"][2]["methods"][1]["length"]["mean"] == 2.0);
  const std::string table = read_text(csv);
  CHECK(has(table, "judge,length,method"));
  CHECK(has(table, ",2,\"nearest\",1,ioi,"));
  CHECK(std::count(table.begin(), table.end(), '\n') == 1 + 3 * 2 * 11);

  const Finished text = world.compare({world.first, world.second, "--baseline", "random"});
  CHECK(text.code == 0);
  CHECK(has(text.out, "minus random"));
  CHECK(has(text.out, "Holm"));
  CHECK(has(text.out, "Worst 10 %"));
  CHECK(has(text.out, "How far to trust it"));
  const Finished other_neutral =
      world.compare({world.first, world.second, "--baseline", "random", "--neutral", "popular"});
  CHECK(has(other_neutral.out, "beyond popular"));
  CHECK(world.compare({world.first, "--neutral", "popular"}).code == static_cast<int>(ExitCode::usage));
  CHECK(world.compare({world.first, world.second, "--baseline", "random"}).out == text.out);
}

TEST_CASE("budgets are counted alike while playing and from the run") {
  const Recorded world;
  const std::vector<std::string> limits{
      "--rank-loss",  "2", "--weak-below", "0.4",
      "--weak-steps", "1", "--never-show", world.log.dataset.catalogue.attribute_names[0]};
  const std::string csv = world.folder / "budget.csv";
  std::vector<std::string> arguments{world.first, "--baseline", "random", "--csv", csv, "--json"};
  arguments.insert(arguments.end(), limits.begin(), limits.end());
  const Finished done = world.compare(arguments);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json budget = Json::parse(done.out)["budget"];
  CHECK(budget["limits"]["rank_loss"] == 2);
  CHECK(budget["limits"]["never_show"][0] == world.log.dataset.catalogue.attribute_names[0]);
  const Json& nearest = budget["judges"][0]["methods"][0];
  CHECK(nearest["method"] == "nearest");
  // Who breaks one limit is not within: no more paths keep all of it than keep the limit broken most.
  const double within = nearest["within_budget"]["mean"];
  double most = 0.0, all = 0.0;
  for (const Json& count : nearest["violations"]) {
    most = std::max(most, count["paths"].get<double>());
    all += count["paths"].get<double>();
    CHECK(count["times"] >= count["paths"]);
  }
  CHECK(nearest["violations"].size() == 3);
  CHECK(within <= 1.0 - most / 80.0 + 1e-9);
  CHECK(within >= 1.0 - all / 80.0 - 1e-9);
  CHECK(nearest["violations"]["rank_loss_steps"]["times"].get<double>() ==
        doctest::Approx(80.0 * nearest["rank_loss_steps"]["mean"].get<double>()));
  const Json& worst = budget["worst"];
  REQUIRE(!worst.empty());
  const auto breaks = [](const Json& path) {
    return path["never_shown"].get<int>() + path["rank_loss_steps"].get<int>() +
           path["weak_steps_too_many"].get<int>();
  };
  for (std::size_t i = 1; i < worst.size(); ++i) CHECK(breaks(worst[i]) <= breaks(worst[i - 1]));
  CHECK(has(read_text(csv), "users,all,\"nearest\",1,within_budget,"));

  std::vector<std::string> playing{"--policy",  "nearest",        "--policy",  "random", "--episodes", "80",
                                   "--targets", "uniform-unseen", "--horizon", "4",      "--json"};
  playing.insert(playing.end(), limits.begin(), limits.end());
  const Finished played = run_veer(world.evaluate(playing));
  CAPTURE(played.err);
  REQUIRE(played.code == 0);
  const Json same = Json::parse(played.out)["budget"];
  CHECK(same["worst"] == budget["worst"]);
  CHECK(same["judges"][0]["methods"][0]["violations"] == nearest["violations"]);
  CHECK(same["judges"][0]["methods"][0]["within_budget"]["mean"] == nearest["within_budget"]["mean"]);
  const Finished text = world.compare({world.first, "--rank-loss", "2"});
  CHECK(has(text.out, "Budget: the target never more than 2 places below where it began."));
  CHECK(has(text.out, "within the budget"));
  CHECK(!has(world.compare({world.first}).out, "Budget"));
}

TEST_CASE("what cannot be compared is said") {
  const Recorded world;
  const auto refused = [&](std::vector<std::string> more, ExitCode code, const std::string& word) {
    const Finished done = world.compare(std::move(more));
    CAPTURE(done.err);
    CHECK(done.code == static_cast<int>(code));
    CHECK(has(done.err, word));
  };
  refused({world.first, "--method", "a=popular"}, ExitCode::usage, "one of nearest, random");
  refused({world.first, "--method", "popular"}, ExitCode::usage, "NAME=POLICY");
  refused({world.first, "--method", "a=random", "--method", "b=random"}, ExitCode::usage, "random twice");
  refused({world.first, "--baseline", "beam"}, ExitCode::usage, "'beam'");
  refused({world.first, world.first}, ExitCode::usage, "nearest twice");
  refused({world.first, "--never-show", "nonsense"}, ExitCode::usage,
          "one of " + world.log.dataset.catalogue.attribute_names[0]);
  refused({world.first, "--weak-steps", "1"}, ExitCode::usage, "--weak-below");
  refused({world.first, "--weak-below", "1.5"}, ExitCode::usage, "--weak-below");
  refused({world.first, "--weak-below", "0"}, ExitCode::usage, "--weak-below");
  refused({world.first, "--rank-loss", "-1"}, ExitCode::usage, "--rank-loss");
  refused({world.first, "--under", "more=" + world.second}, ExitCode::usage, "session-v1 or slate-v1");
  refused({world.first, "--lengths", "0"}, ExitCode::usage, "--lengths");
  refused({world.folder / "nowhere"}, ExitCode::failure, "nowhere");
  const std::string other = world.folder / "other";
  world.play(other, {"--policy", "popular", "--seed", "2"});
  refused({world.first, other}, ExitCode::data, "episodes of popular");
  const SmallWorld foreign(2);
  const Finished done = run_veer({"compare", "--data", foreign.data, world.first});
  CHECK(done.code == static_cast<int>(ExitCode::data));
  CHECK(has(done.err, "another data set"));
}
