// veer stress as anybody would run it: verdicts, exit codes, runs that go on, suites that are refused.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/store/run/run_directory.h"
#include "tests/small_disk.h"
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

TEST_CASE("a trial whose disk fills up says so, keeps what is whole, and ends as if nothing had been") {
  const Trialled world("rule = \"at_least\"\nvalue = -1\n");
  const auto disk_blocks = [](const std::filesystem::path& folder) {
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) bytes += (entry.file_size() + 4095) / 4096 * 4096;
    }
    return bytes;
  };
  const std::filesystem::path whole = world.folder / "whole";
  const Finished quiet = world.stress({"-o", whole.string(), "--json"});
  REQUIRE_MESSAGE(quiet.code == 0, quiet.err);
  const test::SmallDisk disk(world.folder.path() / "disk");
  if (!disk.available()) {
    MESSAGE("skipped: this process may not mount a small file system");
    return;
  }
  const std::filesystem::path output = disk.path() / "trial";
  // Room for the calm run, and for about half of the other.
  disk.fill("ballast", disk_blocks(whole / "calm") + disk_blocks(whole / "bots") / 2);
  const Finished full = world.stress({"-o", output.string(), "--json"});
  CAPTURE(full.err);
  CHECK(full.code == 1);
  CHECK(full.err.find("No space left") != std::string::npos);
  CHECK(full.err.find("free some space") != std::string::npos);
  CHECK(full.err.find("bots") != std::string::npos);
  CHECK(full.out.empty());
  CHECK(verify_run(output / "calm") == verify_run(whole / "calm"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(disk.path()))
    CHECK(entry.path().extension() != ".part");
  std::filesystem::remove(disk.path() / "ballast");
  const Finished again = world.stress({"-o", output.string(), "--json"});
  CAPTURE(again.err);
  REQUIRE(again.code == 0);
  CHECK(again.err.find("nothing is left to play") != std::string::npos);  // the calm run is used as it is
  CHECK(Json::parse(again.out) == Json::parse(quiet.out));
  CHECK(verify_run(output / "bots") == verify_run(whole / "bots"));
}

TEST_CASE("policies are told late and wrongly, others come, and a page shows the trial") {
  const Trialled world("rule = \"at_least\"\nvalue = -1\n");
  std::ofstream(world.suite) << R"(format = 1
name = "told"
[[test]]
name = "late"
[[test.perturbation]]
kind = "delayed_feedback"
delay = 4
[[test]]
name = "labels"
[[test.perturbation]]
kind = "wrong_attributes"
[[test]]
name = "mix"
[[test.perturbation]]
kind = "cohort_mix"
by = "history"
group = "low"
intensity = 0.9
[[test.gate]]
figure = "taken"
rule = "keeps"
share = 0.01
)";
  const std::string output = world.folder / "trial", page = world.folder / "page.html";
  const std::vector<std::string> more{"-o", output, "--policy", "beam:width=1,lookahead=1,acceptance=1", "--json"};
  const Finished done = world.stress(more);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json found = Json::parse(done.out)["policies"];
  REQUIRE(found.size() == 3);
  const auto differs = [&](std::size_t policy, std::size_t test) {
    return found[policy]["tests"][test]["calm"] != found[policy]["tests"][test]["stressed"];
  };
  // random and popular read no answers, beam does; nobody who needs no target reads attributes.
  for (const std::size_t policy : {0, 1}) {
    CHECK(!differs(policy, 0));
    CHECK(!differs(policy, 1));
    CHECK(differs(policy, 2));
  }
  CHECK(differs(2, 0) != differs(2, 1));
  for (const Json& policy : found) CHECK(policy["gates"][0]["verdict"] == "pass");
  const Finished again = world.stress({"-o", output, "--policy", "beam:width=1,lookahead=1,acceptance=1"});
  CHECK(again.err.find("nothing is left to play") != std::string::npos);
  CHECK(again.out.find("In mix other people come") != std::string::npos);
  const Finished shown = run_veer({"report", output, "--data", world.data, "-o", page});
  CAPTURE(shown.err);
  REQUIRE(shown.code == 0);
  CHECK(read_text(page).find("90 % of the episodes are of the people whose history is low") !=
        std::string::npos);
}

TEST_CASE("the standard suite plays, and judges every policy by all its gates") {
  const SmallWorld world;
  const Finished done = run_veer({"stress", "--data", world.data, "--users", world.users, "--policy",
                                  "popular", "--episodes", "60", "--json"});
  CAPTURE(done.err);
  REQUIRE((done.code == 0 || done.code == 5));
  const Json policy = Json::parse(done.out)["policies"][0];
  CHECK(policy["tests"].size() == 12);
  CHECK(policy["gates"].size() == 12);
  CHECK(policy["tests"][11]["test"] == "regulars-only");
  CHECK(policy["tests"][11]["calm"] != policy["tests"][11]["stressed"]);
  CHECK(policy["tests"][10]["calm"] == policy["tests"][10]["stressed"]);  // popular reads no answers
}

TEST_CASE("slates are stressed too, and what has no meaning there is refused before anything is played") {
  const ScratchFolder folder;
  const std::string suite = folder / "suite.toml", output = folder / "trial";
  const auto stress = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"stress",       "--scenario", "slate-v1", "--made-up-people",
                                       "200",          "--policy",   "popular",  "--policy",
                                       "greedy_slate", "--episodes", "100"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  };
  const Finished done = stress({"--suite", "slates", "-o", output, "--json"});
  CAPTURE(done.err);
  REQUIRE((done.code == 0 || done.code == 5));
  const Json found = Json::parse(done.out);
  CHECK(found["scenario"] == "slate-v1");
  for (const Json& policy : found["policies"]) {
    REQUIRE(policy["tests"].size() == 8);
    CHECK(policy["tests"][0]["test"] == "position-bias");
    CHECK(policy["tests"][0]["lost"]["mean"] > 0.2);
    // What steps bring adds up to the return that veer evaluate prints.
    CHECK(policy["gates"].size() == 8);
  }
  const Finished alone = stress({"--suite", "slates", "--json", "--threads", "1"});
  CHECK(Json::parse(alone.out) == found);
  const auto refused = [&](const std::string& lines, const char* words) {
    write_text(suite, "format = 1\nname = \"s\"\n[[test]]\nname = \"one\"\n[[test.perturbation]]\n" + lines);
    const Finished no = stress({"--suite", suite});
    CAPTURE(no.err);
    CHECK(no.code == 2);
    CHECK(no.err.find(words) != std::string::npos);
    CHECK(no.err.find("suite.toml:") != std::string::npos);
    CHECK(no.err.find("test 'one'") != std::string::npos);
    CHECK(no.err.find("the calm world") == std::string::npos);
  };
  refused("kind = \"boredom\"\n", "items without attributes");
  refused("kind = \"other_people\"\n", "session-v1");
  refused("kind = \"bots\"\n[[test.gate]]\nfigure = \"purchases\"\nrule = \"keeps\"\nshare = 1\n",
          "nobody buys");
  refused("kind = \"cohort_mix\"\nby = \"attribute\"\ngroup = \"a\"\n", "its items have none");
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
  CHECK(missing.code == 2);
  CHECK(missing.err.find("standard, ") != std::string::npos);
  CHECK(missing.err.find("no-such.toml") != std::string::npos);
  std::ofstream(world.suite, std::ios::app) << "[[test]]\nname = \"others\"\n[[test.perturbation]]\n"
                                               "kind = \"other_people\"\n";
  const Finished nobody = world.stress({"--baseline", "random"});
  CHECK(nobody.code == 2);
  CHECK(nobody.err.find("--other-users") != std::string::npos);
  const Finished same = world.stress({"--baseline", "random", "--other-users", world.users, "--json"});
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
  CHECK(unknown.err.find("standard, smoke, slates") != std::string::npos);
}
