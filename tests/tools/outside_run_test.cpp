// Runs with policies from outside, and runs that are killed: nothing finished is lost, the others go on, and
// the same command ends in the digest of a run that never failed.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "env/store/run/run_directory.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"
#include "tools/veer/worlds/policy_names.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

constexpr const char* seeded = VEER_SEEDED_PLUGIN;
constexpr const char* faulty = VEER_FAULTY_PLUGIN;

std::string digest_of(const std::string& run) { return read_run_summary(run).digest; }

std::vector<std::string> with(std::vector<std::string> first, const std::vector<std::string>& more) {
  first.insert(first.end(), more.begin(), more.end());
  return first;
}

std::vector<std::string> stress_command(const SmallWorld& world, const std::string& output) {
  const std::string suite = world.folder / "suite.toml";
  write_text(
      suite,
      "format = 1\nname = \"mine\"\n[[test]]\nname = \"bots\"\n[[test.perturbation]]\nkind = \"bots\"\n"
      "intensity = 0.0\nonset = 2\n[[test.gate]]\nfigure = \"taken\"\nrule = \"at_least\"\nvalue = -1\n");
  return {"stress",    "--data", world.data, "--users", world.users,  "--suite",
          suite,       "--json", "--policy", "random",  "--episodes", "3000",
          "--horizon", "20",     "-o",       output,    "--policy",   "popular"};
}

int segments_below(const std::filesystem::path& folder) {
  int count = 0;
  for (const char* name : {"calm", "bots"}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder / name / "segments", error)) {
      count += entry.path().extension() == ".h5" ? 1 : 0;
    }
  }
  return count;
}

}  // namespace

TEST_CASE("a plug-in plays as a policy of the house does: threads and files in flight change no byte") {
  const SmallWorld world;
  const auto play = [&](const std::string& run, const std::vector<std::string>& more) {
    const Finished done =
        run_veer(with(world.evaluate({"--policy", std::string("plugin:") + seeded, "--policy", "random",
                                      "--episodes", "150", "--segment-episodes", "40", "--acceptance",
                                      "sampled", "-o", world.folder / run}),
                      more));
    REQUIRE_MESSAGE(done.code == 0, done.err);
    CHECK(has(done.out, "plugin:seeded_items.so"));  // named without its place
    return digest_of(world.folder / run);
  };
  const std::string digest = play("a", {"--threads", "1"});
  CHECK(digest.size() == 64);
  CHECK(play("b", {"--threads", "3"}) == digest);
  CHECK(play("c", {"--threads", "2", "--rows", "50"}) == digest);
}

TEST_CASE("policies from outside are named without places, time limits and other people's folders") {
  using Names = std::vector<std::string>;
  ScratchFolder folder;
  const std::string script = folder / "mine.py", library = folder / "mine.so";
  write_text(script, "");
  write_text(library, "");
  CHECK(tools::policy_names(Names{"process[timeout=3]:python3 " + script + " --depth 2", "process:true"}) ==
        Names{"process:python3 mine.py --depth 2", "process:true"});
  CHECK(tools::policy_names(Names{"plugin:" + library + ",a=1", "plugin[processes=1]:" + library}) ==
        Names{"plugin:mine.so,a=1", "plugin:mine.so"});
}

TEST_CASE(
    "a plug-in that crashes: the others finish, what it did stays, and mended it ends in the same digest") {
  const SmallWorld world;
  const std::string trap = world.folder / "trap";
  const std::string policy = std::string("plugin:") + faulty + ",crash=" + trap;
  const auto play = [&](const std::string& run, const std::vector<std::string>& more) {
    return run_veer(
        with(world.evaluate({"--policy", policy, "--policy", "random", "--episodes", "300",
                             "--segment-episodes", "50", "--rows", "50", "-o", world.folder / run}),
             more));
  };
  const Finished whole = play("whole", {});
  REQUIRE_MESSAGE(whole.code == 0, whole.err);

  write_text(trap, "");
  const Finished broken = play("run", {"--json"});
  CAPTURE(broken.err);
  CHECK(broken.code == 1);
  CHECK(has(broken.err, "crashed: found signal 11 (Segmentation fault)"));
  const Json found = Json::parse(broken.out);
  REQUIRE(found["failed"].size() == 1);
  CHECK(has(found["failed"][0]["policy"], "plugin:faulty.so"));
  CHECK(found["digest"] == "");
  CHECK(found["leaderboard"].size() == 1);  // random under the people's own model
  CHECK(read_run(world.folder / "run", 1).episodes() == 300);
  CHECK_FALSE(read_run_summary(world.folder / "run").complete);

  std::filesystem::remove(trap);
  const Finished mended = play("run", {});
  CHECK_MESSAGE(mended.code == 0, mended.err);
  CHECK(has(mended.err, "holds 300 of 600 episodes already"));
  CHECK(digest_of(world.folder / "run") == digest_of(world.folder / "whole"));
}

TEST_CASE("in a stress trial a policy that fails fails its gate, and the others are judged") {
  const SmallWorld world;
  std::vector<std::string> command = stress_command(world, world.folder / "trial");
  command.insert(command.end(), {"--policy", std::string("plugin:") + faulty + ",nan"});
  const Finished done = run_veer(command);
  CAPTURE(done.err);
  CHECK(done.code == 5);
  CHECK(has(done.err, "stress: failed: plugin:faulty.so,nan"));
  const Json found = Json::parse(done.out);
  REQUIRE(found["policies"].size() == 3);
  CHECK(found["policies"][0]["verdict"] == "pass");
  CHECK(found["policies"][1]["verdict"] == "pass");
  CHECK(found["policies"][2]["verdict"] == "fail");
  CHECK(has(found["policies"][2]["failure"], "in calm: "));
  CHECK(has(found["policies"][2]["failure"], "not a number"));
}

TEST_CASE("stress killed again and again, at moments left to chance, ends in the digests of a whole trial") {
  const SmallWorld world;
  const Finished whole = run_veer(stress_command(world, world.folder / "whole"));
  REQUIRE_MESSAGE(whole.code == 0, whole.err);
  const std::string output = world.folder / "killed";
  const std::vector<std::string> command = stress_command(world, output);
  int killed = 0;
  std::int64_t kept = 0;
  for (int attempt = 0; attempt < 6; ++attempt) {
    Running running(command);
    // Killed while it starts, then after another segment: at which moment of writing is left to chance.
    const int goal = attempt < 1 ? 0 : segments_below(output) + 1;
    while (segments_below(output) < goal && !running.ended()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(7 * attempt));
    running.signal(SIGKILL);
    killed += running.wait().code == 128 + SIGKILL ? 1 : 0;
    std::int64_t now = 0;
    for (const char* name : {"calm", "bots"}) {
      const std::string run = std::filesystem::path(output) / name;
      if (std::filesystem::exists(std::filesystem::path(run) / "run.toml"))
        now += read_run_summary(run).episodes;
    }
    CHECK(now >= kept);  // readable whenever it is killed, and nothing whole is lost
    kept = now;
  }
  MESSAGE("killed ", killed, " times; ", kept, " of 12000 episodes had survived");
  CHECK(killed >= 3);
  CHECK(kept > 0);
  const Finished done = run_veer(command);
  REQUIRE_MESSAGE(done.code == 0, done.err);
  CHECK(Json::parse(done.out) == Json::parse(whole.out));
  for (const char* name : {"calm", "bots"}) {
    CHECK(verify_run(std::filesystem::path(output) / name) ==
          digest_of(std::filesystem::path(world.folder / "whole") / name));
  }
}
