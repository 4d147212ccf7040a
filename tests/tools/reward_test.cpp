// Rewards learned from logs, as the program fits them and plays sessions with them.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/data/fingerprint.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

struct RewardedWorld : SmallWorld {
  std::string reward = folder / "reward.model.h5";

  Finished fit(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"fit", "reward", "--data", data, "-o", reward};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  }
};

}  // namespace

TEST_CASE("a reward is learned from choices and counts in sessions") {
  const RewardedWorld world;
  const Finished fitted = world.fit({"--json"});
  CAPTURE(fitted.err);
  REQUIRE(fitted.code == 0);
  const Json model = Json::parse(fitted.out);
  CHECK(model["kind"] == "reward");
  CHECK(model["fitted_on"] == "train_judge");
  CHECK(model["metrics"]["log_loss"] < model["metrics"]["log_loss_frequency"]);

  const auto play = [&](std::vector<std::string> more) {
    std::vector<std::string> options{"--scenario", "session-v1", "--episodes", "80",    "--policy",
                                     "random",     "--policy",   "popular",    "--json"};
    options.insert(options.end(), more.begin(), more.end());
    const Finished done = run_veer(world.evaluate(options));
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    return Json::parse(done.out)["comparisons"][0]["methods"];
  };
  const Json with = play({"--reward", world.reward, "--click-reward", "0"});
  const Json twice = play({"--reward", world.reward, "--click-reward", "0", "--reward-weight", "2"});
  for (const std::size_t policy : {0U, 1U}) {
    const double once = with[policy]["return"]["mean"], doubled = twice[policy]["return"]["mean"];
    CHECK(once != 0.0);
    CHECK(doubled == doctest::Approx(2.0 * once).epsilon(1e-4));
    CHECK(with[policy]["length"] == twice[policy]["length"]);
  }
}

TEST_CASE("a reward is learned from how it went on") {
  const RewardedWorld world;
  const Finished fitted = world.fit({"--learn-from", "visits", "--within", "2d", "--pairs", "500", "--json"});
  CAPTURE(fitted.err);
  REQUIRE(fitted.code == 0);
  const Json model = Json::parse(fitted.out);
  CHECK(model["metrics"]["accuracy"] > 0.3);
  CHECK(model["hyper_parameters"]["learned_from"] == "visits");
  const Finished text = world.fit({"--learn-from", "visits", "--pairs", "200"});
  CHECK(text.out.find("in the right order") != std::string::npos);
}

TEST_CASE("what a reward cannot be learned from, or used in, is said") {
  const RewardedWorld world;
  const auto refused = [](const Finished& done, int code, const std::string& word) {
    CAPTURE(done.err);
    CHECK(done.code == code);
    CHECK(done.err.find(word) != std::string::npos);
  };
  refused(world.fit({"--learn-from", "stars"}), 2, "choices, visits or purchases");
  refused(world.fit({"--learn-from", "purchases"}), 3, "one kind of interaction only");
  refused(world.fit({"--pairs", "9"}), 2, "--pairs");
  refused(world.fit({"--discount", "1"}), 2, "discount");
  refused(world.fit({"--learn-from", "visits", "--within", "2 weeks"}), 2, "7d");
  refused(run_veer(world.evaluate({"--reward", "x.h5", "--policy", "random"})), 2, "--reward");
  const std::vector<std::string> foreign{"--scenario", "session-v1", "--reward",
                                         world.users,  "--policy",   "random"};
  refused(run_veer(world.evaluate(foreign)), 3, "veer fit reward");
}
