// veer validate: the report, its determinism, and what it refuses.
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

Finished validate(const SmallWorld& world, std::vector<std::string> more) {
  std::vector<std::string> arguments{"validate", world.users, "--data", world.data};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_veer(arguments);
}

void check_refused(const Finished& result, int code, const std::string& said) {
  CHECK(result.code == code);
  CHECK(result.out.empty());
  CHECK_MESSAGE(has(result.err, said), result.err);
}

}  // namespace

TEST_CASE("validate says how far simulated people are from real ones, and what good would be") {
  const SmallWorld world;
  const Finished text = validate(world, {"--people", "all", "--steps", "10"});
  REQUIRE_MESSAGE(text.code == 0, text.err);
  for (const char* part :
       {"real against real", "by popularity", "popularity of items", "taste autocorrelation", "MMD", "Grade ",
        "one letter better", "Acceptance after the cut: AUC", "Not compared: session"}) {
    CHECK_MESSAGE(has(text.out, part), part << " in\n" << text.out);
  }

  const Finished json = validate(world, {"--people", "all", "--steps", "10", "--json"});
  REQUIRE(json.code == 0);
  const Json out = Json::parse(json.out);
  CHECK(out["people"] == 60);
  CHECK(out["steps"] == 10);
  CHECK(out["chooses_for_itself"] == true);
  CHECK(out["rest"] >= 10);  // the logger's own rule
  CHECK(out["measures"].size() == 8);
  for (const Json& measure : out["measures"]) {
    CHECK(measure["real"] > 0.0);
    const double ratio = measure["simulated"].get<double>() / measure["real"].get<double>();
    CHECK(measure["ratio"].get<double>() == doctest::Approx(ratio));
    CHECK(ratio < 3.0);  // the true people, under a logger that pushes what is good
  }
  CHECK(out["grade"]["letter"].get<std::string>() <= "B");
  CHECK(out["popularity_grade"]["score"] > out["grade"]["score"]);
  CHECK(out["diversity"]["real"].size() == 2);
}

TEST_CASE("validate: same bytes for any number of threads, others for another seed") {
  const SmallWorld world;
  const auto run = [&](const std::string& threads, const std::string& seed) {
    const Finished result = validate(world, {"--people", "all", "--steps", "8", "--cut", "random", "--json",
                                             "--threads", threads, "--seed", seed});
    REQUIRE_MESSAGE(result.code == 0, result.err);
    return result.out;
  };
  const std::string one = run("1", "7");
  CHECK(run("3", "7") == one);
  CHECK(run("1", "8") != one);
}

TEST_CASE("validate: cuts, people and their number") {
  const SmallWorld world;
  const auto people = [&](std::vector<std::string> options) {
    options.insert(options.end(), {"--people", "all", "--json"});
    const Finished result = validate(world, options);
    REQUIRE_MESSAGE(result.code == 0, result.err);
    return Json::parse(result.out)["people"].get<int>();
  };
  CHECK(people({"--steps", "10", "--cut", "5"}) == 60);
  CHECK(people({"--steps", "10", "--cut", "middle"}) == 60);
  CHECK(people({"--steps", "10", "--cut", "20"}) < 60);  // logs hold 15 to 45 items
  CHECK(people({"--steps", "10", "--most-people", "31"}) == 31);
}

TEST_CASE("validate refuses what cannot be compared, in words") {
  const SmallWorld world;
  check_refused(validate(world, {"--steps", "10"}), 3, "6 of 6");  // too few people in the test part
  check_refused(validate(world, {"--people", "all", "--steps", "500"}), 3, "0 of 60");
  check_refused(validate(world, {"--people", "friends"}), 2, "--people");
  check_refused(validate(world, {"--people", "all", "--cut", "early"}), 2, "--cut");
  check_refused(validate(world, {"--people", "all", "--cut", "3"}), 2, "at least 5");
  check_refused(validate(world, {"--people", "all", "--steps", "4", "--window-items", "5"}), 2, "window");
  check_refused(validate(world, {"--people", "all", "--halvings", "1"}), 2, "halvings");
  check_refused(run_veer({"validate", world.folder / "none.h5", "--data", world.data}), 1, "none.h5");
  check_refused(run_veer({"validate", world.data, "--data", world.data}), 3, "data.h5");
  check_refused(run_veer({"validate", "shift", "--data", world.data}), 2, "veer: ");
  const SmallWorld other(2);
  check_refused(run_veer({"validate", other.users, "--data", world.data}), 2, "dataset_fingerprint");
}

TEST_CASE("validate compares new people with people they were not made from; evaluate plays a population") {
  SyntheticLogParameters parameters;
  parameters.people = 300;
  parameters.events = 30;
  parameters.world.items = 80;
  const SyntheticLog log = generate_synthetic_log(parameters);
  const ScratchFolder folder;
  const std::string data = folder / "data.h5";
  const std::string users = folder / "users.model.h5";
  const std::string people = folder / "people.toml";
  write_dataset(data, log.dataset);
  write_model(users, synthetic_model_file(*log.truth, log.dataset.fingerprint, log.dataset.name));
  const std::string head = "format = 1\nname = \"mix\"\npart = \"all\"\n";
  write_text(people, head +
                         "[[cohort]]\nname = \"busy\"\nweight = 2\nleast_log = 35\n"
                         "[[cohort]]\nname = \"new ones\"\npeople = \"new\"\n");

  const auto run = [&](const std::string& threads) {
    const Finished result = run_veer({"validate", people, "--data", data, "--users", users, "--steps", "10",
                                      "--json", "--threads", threads});
    REQUIRE_MESSAGE(result.code == 0, result.err);
    return result.out;
  };
  const std::string one = run("1");
  CHECK(run("3") == one);
  const Json out = Json::parse(one);
  REQUIRE(out["cohorts"].size() == 1);
  CHECK(out["cohorts"][0]["cohort"] == "new ones");
  CHECK(out["cohorts"][0]["people"] > 100);
  CHECK(out["cohorts"][0]["fitted_to"] > 100);
  CHECK(out["cohorts"][0]["bandwidth"] > 0.0);
  CHECK(out["cohorts"][0]["bandwidth"] < 1.0);
  CHECK(out["cohorts"][0]["grade"]["letter"].get<std::string>() <= "B");
  const Finished text = run_veer({"validate", people, "--data", data, "--users", users, "--steps", "10"});
  for (const char* part : {"against as many real ones", "by leave-one-out likelihood", "Grade "}) {
    CHECK_MESSAGE(has(text.out, part), part << " in\n" << text.out << text.err);
  }

  const auto play = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"evaluate", "--data",     data, "--users",      users, "--policy",
                                       "random",   "--episodes", "40", "--population", people};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  };
  const std::string kept = folder / "run";
  const Finished played = play({"--targets", "uniform-unseen", "-o", kept});
  REQUIRE_MESSAGE(played.code == 0, played.err);
  CHECK(has(read_text(std::filesystem::path(kept) / "run.toml"), "population_sha256"));
  const Json by_cohort =
      Json::parse(play({"--targets", "uniform-unseen", "--by", "cohort", "--json"}).out)["by_cohort"];
  REQUIRE(by_cohort.size() == 2);
  CHECK(by_cohort[0]["cohort"] == "busy");
  CHECK(by_cohort[1]["cohort"] == "new ones");
  CHECK(by_cohort[0]["episodes"].get<int>() + by_cohort[1]["episodes"].get<int>() == 40);
  CHECK(by_cohort[0]["episodes"] > by_cohort[1]["episodes"]);
  const Finished tables = play({"--targets", "uniform-unseen", "--by", "cohort"});
  CHECK(has(tables.out, "By cohort, under users: mix"));
  CHECK(has(tables.out, "busy (logged people)"));
  CHECK(has(tables.out, "new ones (new people, bandwidth 0."));
  check_refused(play({}), 2, "new people and natural targets");
  check_refused(play({"--targets", "uniform-unseen", "--part", "all"}), 2, "--part");
  check_refused(
      run_veer({"evaluate", "--data", data, "--users", users, "--policy", "random", "--by", "cohort"}), 2,
      "--population");
  const Finished guided = run_veer({"guide", "--data", data, "--users", users, "--policy", "nearest",
                                    "--population", people, "--targets", "uniform-unseen"});
  CHECK_MESSAGE(guided.code == 0, guided.err);
  check_refused(run_veer({"validate", people, "--data", data}), 2, "--users");
  check_refused(run_veer({"validate", people, "--data", data, "--users", users, "--people", "all"}), 2,
                "--people");

  write_text(people, head + "[[cohort]]\nname = \"busy\"\nleast_log = 4000\n");
  check_refused(play({"--targets", "uniform-unseen"}), 3, "people.toml:4: cohort 'busy'");
  check_refused(run_veer({"validate", people, "--data", data, "--users", users}), 2,
                "no cohort of new people");
  write_text(people, head + "[[cohort]]\nname = \"busy\"\nleast = 4\n");
  check_refused(play({"--targets", "uniform-unseen"}), 3, "people.toml:6: least");
}
