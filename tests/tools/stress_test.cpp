// veer stress as anybody would run it: verdicts, exit codes, runs that go on, suites that are refused.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

struct Trialled : SmallWorld {
  std::string suite = folder / "suite.toml";

  explicit Trialled(const std::string& gate) {
    std::ofstream(suite) << "format = 1\nname = \"mine\"\n[[test]]\nname = \"bots\"\n[[test.perturbation]]\n"
                            "kind = \"bots\"\nintensity = 0.0\nonset = 2\n[[test.gate]]\nfigure = \"taken\"\n"
                         << gate;
  }
  Finished stress(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"stress",  "--data",     data,       "--users",   users,
                                       "--suite", suite,        "--policy", "random",    "--policy",
                                       "popular", "--episodes", "200",      "--horizon", "8"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  }
};

}  // namespace

TEST_CASE("a gate that nobody can keep fails with exit code 5, and says how much was lost") {
  const Trialled world("rule = \"keeps\"\nshare = 0.95\n");
  const Finished done = world.stress({"--json"});
  CAPTURE(done.err);
  CHECK(done.code == 5);
  CHECK(done.err.find("failed: random, popular") != std::string::npos);
  const Json found = Json::parse(done.out);
  CHECK(found["suite"] == "mine");
  REQUIRE(found["policies"].size() == 2);
  for (const Json& policy : found["policies"]) {
    CHECK(policy["verdict"] == "fail");
    CHECK(policy["gates"][0]["p_fail"] < 0.01);
    const Json& test = policy["tests"][0];
    CHECK(test["onset"] == 2);
    CHECK(test["lost"]["mean"] == 1.0);  // from the third step on nobody takes anything
    CHECK(test["recovery"].is_null());
    CHECK(test["calm"][0] == test["stressed"][0]);
    CHECK(test["stressed"][2] == 0.0);
  }
}

TEST_CASE("what passes passes, undecided is no failure, and a trial goes on where it stopped") {
  const Trialled world("rule = \"at_least\"\nvalue = -1\n");
  const std::string output = world.folder / "trial", csv = world.folder / "steps.csv";
  const Finished done = world.stress({"-o", output, "--csv", csv, "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json found = Json::parse(done.out);
  CHECK(found["policies"][0]["verdict"] == "pass");
  // A test's run is lost; the calm one is there. The same command brings the same figures.
  std::filesystem::remove_all(std::filesystem::path(output) / "bots");
  const Finished again = world.stress({"-o", output, "--csv", csv, "--json", "--threads", "1"});
  REQUIRE(again.code == 0);
  CHECK(Json::parse(again.out) == found);
  CHECK(again.err.find("nothing is left to play") != std::string::npos);
  std::ifstream table(csv);
  std::string line;
  std::getline(table, line);
  CHECK(line == "policy,test,step,calm,stressed");
  // The same folder for another stress is refused.
  std::ofstream(world.suite, std::ios::app)
      << "[[test.perturbation]]\nkind = \"click_noise\"\nintensity = 0.1\n";
  const Finished other = world.stress({"-o", output});
  CHECK(other.code == 2);
  CHECK(other.err.find("bots") != std::string::npos);
}

TEST_CASE("a suite that compares needs a baseline; what is wrong is said before the work") {
  const Trialled world("rule = \"not_worse\"\nmargin = 0.5\n");
  const Finished none = world.stress({});
  CHECK(none.code == 2);
  CHECK(none.err.find("--baseline") != std::string::npos);
  const Finished compared = world.stress({"--baseline", "random", "--json"});
  CAPTURE(compared.err);
  REQUIRE(compared.code == 0);
  const Json found = Json::parse(compared.out);
  CHECK(found["policies"][0]["gates"].empty());  // the baseline is not compared with itself
  CHECK(found["policies"][1]["gates"][0]["rule"] == "not_worse");
  const Finished guidance = world.stress({"--baseline", "random", "--scenario", "guidance-v1"});
  CHECK(guidance.code == 2);
  CHECK(guidance.err.find("session-v1") != std::string::npos);
  const Finished missing = run_veer({"stress", "--data", world.data, "--users", world.users, "--policy",
                                     "random", "--suite", "no-such.toml"});
  CHECK(missing.code == 1);
  CHECK(missing.err.find("no-such.toml") != std::string::npos);
  std::ofstream(world.suite, std::ios::app) << "[[test]]\nname = \"others\"\n[[test.perturbation]]\n"
                                               "kind = \"other_people\"\n";
  const Finished nobody = world.stress({"--baseline", "random"});
  CHECK(nobody.code == 2);
  CHECK(nobody.err.find("--other-users") != std::string::npos);
  const Finished same =
      world.stress({"--baseline", "random", "--other-users", world.users, "--episodes", "20", "--json"});
  CAPTURE(same.err);
  REQUIRE(same.code == 0);
  // The same people come: nothing changes.
  const Json others = Json::parse(same.out)["policies"][0]["tests"][1];
  CHECK(others["calm"] == others["stressed"]);
  const Finished printed = run_veer({"stress", "--print", "smoke"});
  CHECK(printed.code == 0);
  CHECK(printed.out.find("name = \"smoke\"") != std::string::npos);
  const Finished unknown = run_veer({"stress", "--print", "storm"});
  CHECK(unknown.code == 2);
  CHECK(unknown.err.find("standard, smoke") != std::string::npos);
}
