// veer ope: the built program on logs of its format.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/scenarios/ope_worlds.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

std::string decisions(std::int64_t rows, double scale_of_target) {
  const ope::BanditLog log = sampled(BanditWorld{}, rows, 11);
  std::string text = "reward,behaviour,target,q_hat,v_hat\n";
  for (std::size_t i = 0; i < at(rows); ++i) {
    text += fmt::format("{},{},{},{},{}\n", log.reward[i], log.behaviour[i], log.target[i] * scale_of_target,
                        log.q_hat[i], log.v_hat[i]);
  }
  return text;
}

const Json& estimate_named(const Json& report, const std::string& name) {
  for (const Json& each : report["estimates"]) {
    if (each["estimator"] == name) return each;
  }
  throw std::runtime_error("no estimate " + name);
}

const std::string episodes =
    "episode,step,reward,behaviour,target,end,q_hat,v_hat\n"
    "1,0,1,0.25,0.5,,1.5,1.2\n1,1,0,0.5,0.25,terminated,0.4,0.5\n"
    "2,0,0,0.5,0.25,,0.9,1.2\n2,1,1,0.5,0.75,terminated,0.8,0.6\n"
    "3,0,1,0.5,0.5,,1.4,1.1\n3,1,1,0.25,0.75,truncated,0.3,0.4\n";

}  // namespace

TEST_CASE("veer ope prints what the library computes, and the truth lies in the intervals") {
  const ScratchFolder folder;
  const std::string log = folder / "log.csv";
  write_text(log, decisions(2000, 1.0));
  const Finished done = run_veer({"ope", log, "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json report = Json::parse(done.out);
  CHECK(report["units"] == 2000);
  CHECK(report["evidence"]["enough"] == true);
  CHECK(report["estimates"].size() == 11);
  const BanditWorld world;
  for (const char* name : {"ips", "snips", "dr", "sndr"}) {
    const Json& found = estimate_named(report, name);
    CHECK(found["low"].get<double>() < world.truth());
    CHECK(found["high"].get<double>() > world.truth());
    CHECK(found["interval"] == "bootstrap");
  }
  // What acted earned less: a release passes. The policy that acted is no better than itself.
  CHECK(report["behaviour"]["high"].get<double>() < world.truth());
  const Finished text = run_veer({"ope", log, "--release", "0"});
  CHECK(text.code == 0);
  CHECK(has(text.out, "2,000 rows"));
  CHECK(has(text.out, "switch-dr"));
}

TEST_CASE("veer ope on episodes has the golden values, and refuses three of them as evidence") {
  const ScratchFolder folder;
  const std::string log = folder / "log.csv";
  write_text(log, episodes);
  const Finished done = run_veer({"ope", log, "--gamma", "0.9", "--json"});
  CHECK(done.code == 5);
  CHECK(has(done.err, "too little evidence"));
  CHECK(has(done.err, "one of the 3 trajectories carries"));
  const Json report = Json::parse(done.out);
  CHECK(report["truncated"] == 1);
  CHECK(report["evidence"]["enough"] == false);
  CHECK(std::abs(estimate_named(report, "pdis")["value"].get<double>() - 2.125) < 1e-9);
  CHECK(std::abs(estimate_named(report, "wdr")["value"].get<double>() - 1.4257644110) < 1e-9);
  CHECK(std::abs(report["behaviour"]["value"].get<double>() - 3.8 / 3) < 1e-9);
  const Finished lenient =
      run_veer({"ope", log, "--gamma", "0.9", "--most-weight-share", "1", "--least-ess-share", "0"});
  CAPTURE(lenient.err);
  CHECK(lenient.code == 0);
  CHECK(has(lenient.out, "1 of 3 trajectories are cut off"));
  const Finished strict =
      run_veer({"ope", log, "--gamma", "0.9", "--most-weight-share", "1", "--release", "0"});
  CHECK(strict.code == 5);
  CHECK(has(strict.err, "not to be released"));
}

TEST_CASE("veer ope says no with the right code") {
  const ScratchFolder folder;
  const std::string log = folder / "log.csv";
  write_text(log, decisions(2000, 0.5));
  const Finished blind = run_veer({"ope", log});
  CHECK(blind.code == 5);
  CHECK(has(blind.err, "shows what the acting one never shows"));
  CHECK(has(blind.out, "sndr"));
  const Finished smooth = run_veer({"ope", log, "--actions", "continuous", "--deterministic"});
  CHECK(smooth.code == 2);
  CHECK(has(smooth.err, "importance ratios do not exist"));
  CHECK(run_veer({"ope", log, "--clip", "0"}).code == 2);
  CHECK(run_veer({"ope", log, "--most-weight-share", "5"}).code == 2);
  CHECK(run_veer({"ope", folder / "none.csv"}).code == 1);
  const Finished discount = run_veer({"ope", log, "--gamma", "1"});
  CHECK(discount.code == 2);
  CHECK(has(discount.err, "--gamma"));
  write_text(log, "reward,behaviour,target\n1,0.5,0.5\n1,0,0.5\n");
  const Finished row = run_veer({"ope", log});
  CHECK(row.code == 3);
  CHECK(has(row.err, "log.csv:3: behaviour: found 0"));
  CHECK(row.out.empty());
}

TEST_CASE("veer ope without probabilities says what stands for them") {
  const ScratchFolder folder;
  const std::string log = folder / "log.csv";
  std::string text = "reward,target,action\n";
  for (int i = 0; i < 200; ++i) text += i % 2 == 0 ? "1,0.5,a\n" : "0,0.5,b\n";
  write_text(log, text);
  const Finished done = run_veer({"ope", log});
  CHECK(done.code == 0);
  CHECK(has(done.out, "frequencies in 1 contexts stand for it"));
  CHECK(Json::parse(run_veer({"ope", log, "--json"}).out)["behaviour_estimated_in_contexts"] == 1);
}

TEST_CASE("veer ope on a log of transitions: a fitted model, weights where there is a density") {
  if (!can_fit()) return;
  const ScratchFolder folder;
  const std::string log = folder / "random.log.h5";
  REQUIRE(run_veer({"log", "--steps", "2000", "--made-up-people", "300", "-o", log, "--quiet"}).code == 0);
  const std::vector<std::string> small{"--fit-updates", "60", "--fit-batch", "128",
                                       "--hidden",      "16", "--json"};
  const auto judge = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"ope", log, "--quiet"});
    options.insert(options.end(), small.begin(), small.end());
    return run_veer(options);
  };
  // The policy that acted: every ratio is 1, so every estimate without a model is the log's own mean.
  const Finished same = judge({"--policy", "random"});
  CHECK(same.code == 0);
  const Json own = Json::parse(same.out);
  CHECK(own["policy"] == "random");
  CHECK(estimate_named(own, "pdis")["value"].get<double>() ==
        doctest::Approx(own["behaviour"]["value"].get<double>()).epsilon(1e-5));
  CHECK(own["evidence"]["mean_ratio"].get<double>() == doctest::Approx(1.0).epsilon(1e-5));
  // A deterministic policy: the model alone, and the reason.
  const Finished single = judge({"--policy", "weights:complete=1"});
  CHECK(single.code == 5);
  CHECK(has(single.err, "--smooth"));
  const Json alone = Json::parse(single.out);
  CHECK(alone["estimates"].size() == 2);
  CHECK(alone["estimates"][0]["estimator"] == "dm");
  CHECK(alone["estimates"][1]["estimator"] == "linear-q");
  // With noise it has a density, and the target is named; the noise of the policy itself does the same.
  const Json smooth = Json::parse(judge({"--policy", "weights:complete=1", "--smooth", "0.8"}).out);
  CHECK(smooth["policy"] == "weights:complete=1 with truncated normal noise of 0.8");
  const Json noisy = Json::parse(judge({"--policy", "weights:complete=1,noise=0.8"}).out);
  CHECK(estimate_named(smooth, "pdis")["value"] == estimate_named(noisy, "pdis")["value"]);
  // The same bytes on another number of threads.
  const Finished one = judge({"--policy", "random", "--threads", "1"});
  CHECK(one.out == same.out);

  CHECK(run_veer({"ope", log}).code == 2);
  CHECK(
      has(judge({"--policy", "weights:complete=1,noise=0.5", "--smooth", "0.5"}).err, "density of its own"));
  const std::string table = folder / "log.csv";
  write_text(table, decisions(200, 1.0));
  CHECK(run_veer({"ope", table, "--policy", "random"}).code == 2);
}

TEST_CASE("veer ope-trust: a table, the same one when it goes on, no other study in its folder") {
  if (!can_fit()) return;
  const ScratchFolder folder;
  const std::vector<std::string> study{"ope-trust", "--steps", "500", "--log-seeds",    "2",
                                       "--regimes", "mixed",   "-o",  folder / "study", "--json",
                                       "--quiet"};
  const Finished first = run_veer(study);
  REQUIRE(first.code == 0);
  const Json table = Json::parse(first.out);
  CHECK(table["candidates"].size() == 13);
  CHECK(table["rows"].size() == 10);
  for (const Json& row : table["rows"]) {
    if (row["estimator"] == "dm") CHECK(row["kendall"].get<double>() > 0.7);
  }
  CHECK(std::filesystem::exists(folder.path() / "study" / "table.csv"));
  std::filesystem::remove(folder.path() / "study" / "mixed-500-2.csv");
  CHECK(run_veer(study).out == first.out);
  std::vector<std::string> other = study;
  other.insert(other.end(), {"--gamma", "0.5"});
  const Finished refused = run_veer(other);
  CHECK(refused.code == 2);
  CHECK(has(refused.err, "settings.txt"));
  write_text(folder / "study/mixed-500-1.csv", "estimator,candidate,value\ndm,77,1\n");
  const Finished broken = run_veer(study);
  CHECK(broken.code == 3);
  CHECK(has(broken.err, "mixed-500-1.csv:2"));
}
