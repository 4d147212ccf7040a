// Sessions as the program plays them: fit purchases, evaluate, compare, and the order offline against online.
#include <algorithm>
#include <filesystem>
#include <fstream>
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

/// A small world whose people also buy: every third event.
struct Shop : SmallWorld {
  std::string buyers = folder / "buyers.model.h5";

  Shop() {
    Interactions& events = log.dataset.interactions;
    events.behaviour_names = {"click", "purchase"};
    for (std::size_t e = 0; e < events.items.size(); ++e) {
      events.behaviours.push_back(events.items[e] % 3 == 0 ? 1 : 0);
    }
    log.dataset.fingerprint = fingerprint_of(log.dataset);
    write_dataset(data, log.dataset);
    write_model(users, synthetic_model_file(*log.truth, log.dataset.fingerprint, log.dataset.name));
  }
  Finished fit(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"fit",      "purchases",   "--data", data,
                                       "--people", "train_judge", "-o",     buyers};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  }
  Finished play(std::vector<std::string> more) const {
    std::vector<std::string> options{"--scenario", "session-v1", "--purchases", buyers, "--episodes", "90"};
    options.insert(options.end(), more.begin(), more.end());
    return run_veer(evaluate(options));
  }
};

}  // namespace

TEST_CASE("sessions are fitted, played, recorded and compared alike") {
  const Shop shop;
  const Finished fitted = shop.fit({"--json"});
  CAPTURE(fitted.err);
  REQUIRE(fitted.code == 0);
  const Json model = Json::parse(fitted.out);
  CHECK(model["kind"] == "purchases");
  CHECK(model["metrics"]["auc"] > 0.9);  // what is bought depends on the item alone

  const std::string run = shop.folder / "run";
  const Finished played = shop.play({"--policy", "random", "--policy", "popular", "-o", run, "--json"});
  CAPTURE(played.err);
  REQUIRE(played.code == 0);
  const Json board = Json::parse(played.out);
  CHECK(board["scenario"] == "session-v1");
  CHECK(board["baseline"] == "random");
  const Json& random = board["comparisons"][0]["methods"][0];
  const double taken = random["taken"]["mean"], bought = random["purchases"]["mean"];
  CHECK(bought > 0.0);
  CHECK(bought < taken);
  // A click is worth 0.2, a purchase 1.
  CHECK(random["return"]["mean"].get<double>() ==
        doctest::Approx(0.2 * (taken - bought) + bought).epsilon(1e-4));
  CHECK(random["worst_tenth"]["mean"] < random["return"]["mean"]);
  // Who is still there falls from step to step and adds up to the mean length.
  const Json& shares = board["survival"][0]["shares"];
  double length = 0.0;
  for (std::size_t k = 0; k < shares.size(); ++k) {
    length += shares[k].get<double>();
    if (k > 0) CHECK(shares[k] <= shares[k - 1]);
  }
  CHECK(length == doctest::Approx(random["length"]["mean"].get<double>()).epsilon(1e-6));
  CHECK(random["coverage"]["mean"] > board["comparisons"][0]["methods"][1]["coverage"]["mean"]);

  // The run holds the same; so does another number of threads.
  const Finished compared = run_veer({"compare", run, "--data", shop.data, "--json"});
  REQUIRE(compared.code == 0);
  const Json again = Json::parse(compared.out);
  CHECK(again["comparisons"][0]["methods"][0]["return"]["mean"] == random["return"]["mean"]);
  const std::string other = shop.folder / "other";
  const Finished alone =
      shop.play({"--policy", "random", "--policy", "popular", "-o", other, "--json", "--threads", "1"});
  REQUIRE(alone.code == 0);
  const Json second = Json::parse(alone.out);
  CHECK(second["digest"] == board["digest"]);
}

TEST_CASE("sessions have a panel on trust: what judges expect, and other people") {
  const Shop shop;
  REQUIRE(shop.fit().code == 0);
  // Other people: the truth of another world with as many items.
  SyntheticLogParameters elsewhere_world;
  elsewhere_world.people = 60;
  elsewhere_world.events = 30;
  elsewhere_world.world.items = 80;
  elsewhere_world.world.seed = 2;
  const SyntheticLog stranger = generate_synthetic_log(elsewhere_world);
  const std::string strangers = shop.folder / "strangers.model.h5", run = shop.folder / "run",
                    other = shop.folder / "other";
  write_model(strangers,
              synthetic_model_file(*stranger.truth, shop.log.dataset.fingerprint, shop.log.dataset.name));
  const std::vector<std::string> policies{"--policy", "random", "--policy", "popular"};
  std::vector<std::string> here = policies, there = policies;
  here.insert(here.end(), {"--judge", "strangers=" + strangers, "-o", run});
  there.insert(there.begin(), {"evaluate", "--data", shop.data, "--users", strangers, "--scenario",
                               "session-v1", "--purchases", shop.buyers, "--episodes", "90", "-o", other});
  const Finished first = shop.play(here), second = run_veer(there);
  CAPTURE(first.err + second.err);
  REQUIRE(first.code == 0);
  REQUIRE(second.code == 0);
  const Finished done =
      run_veer({"compare", run, "--data", shop.data, "--under", "others=" + other, "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json found = Json::parse(done.out), &trust = found["trust"], &elsewhere = found["trust_elsewhere"];
  CHECK(trust["figure"] == "expected_take_rate");
  CHECK(trust["own_model"] == "users");
  CHECK(has(trust["judges"]["strangers"].get<std::string>(), "synthetic, fitted on"));
  const Json& popular = trust["methods"][1];
  CHECK(popular["judges_apart"] > 0.0);
  CHECK(popular["off_data"] > 0.0);
  CHECK(popular["off_data"] <= 1.0);
  CHECK(popular["never_taken"] == 0.0);  // what everybody takes
  CHECK(popular.contains("verdict"));
  CHECK(!popular.contains("shift"));
  CHECK(popular["gain"].contains("strangers"));
  // Expected takes are what people took, on average: both come from the same probabilities.
  const Json& takes = found["comparisons"][0]["methods"];
  const double gain =
      takes[1]["take_rate"]["mean"].get<double>() - takes[0]["take_rate"]["mean"].get<double>();
  CHECK(popular["gain"]["users"]["mean"].get<double>() == doctest::Approx(gain).epsilon(0.25));
  // Among other people the gain is that of their own run.
  const Json theirs = Json::parse(run_veer({"compare", other, "--data", shop.data, "--json"}).out);
  CHECK(
      elsewhere["methods"][1]["gain"]["others"]["mean"].get<double>() ==
      doctest::Approx(theirs["comparisons"][0]["methods"][1]["return"]["difference"]["mean"].get<double>()));
  CHECK(has(elsewhere["judges"]["others"].get<std::string>(), "synthetic, fitted on"));
  CHECK(elsewhere["methods"][1]["gain"]["users"]["mean"].get<double>() ==
        doctest::Approx(takes[1]["return"]["difference"]["mean"].get<double>()));
  const Finished text = run_veer({"compare", run, "--data", shop.data, "--under", "others=" + other});
  CHECK(has(text.out, "never taken"));
  CHECK(has(text.out, "The same policies among other people"));
  CHECK(!has(text.out, "shift"));
  const auto refused = [&](std::vector<std::string> more, const std::string& word) {
    std::vector<std::string> arguments{"compare", run, "--data", shop.data};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished wrong = run_veer(arguments);
    CAPTURE(wrong.err);
    CHECK(wrong.code == 2);
    CHECK(has(wrong.err, word));
  };
  refused({"--under", other}, "NAME=RUN");
  refused({"--under", "users=" + other}, "users");
  refused({"--neutral", "random"}, "guidance-v1");
  refused({"--rank-loss", "1"}, "guidance-v1");
}

TEST_CASE("sessions by who the people are") {
  const Shop shop;
  REQUIRE(shop.fit().code == 0);
  for (const std::string by : {"activity", "history", "attribute"}) {
    CAPTURE(by);
    const Finished done = shop.play({"--policy", "random", "--policy", "popular", "--by", by, "--json"});
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    const Json board = Json::parse(done.out), groups = board["by_" + by];
    std::int64_t episodes = 0;
    double returns = 0.0;
    for (const Json& group : groups) {
      const auto count = group["episodes"].get<std::int64_t>();
      episodes += count;
      returns += static_cast<double>(count) * group["methods"][1]["return"]["mean"].get<double>();
    }
    CHECK(groups.size() >= 1);
    CHECK(episodes == 90);
    CHECK(
        returns / 90.0 ==
        doctest::Approx(board["comparisons"][0]["methods"][1]["return"]["mean"].get<double>()).epsilon(1e-5));
  }
  const Finished text = shop.play({"--policy", "random", "--policy", "popular", "--by", "activity"});
  CHECK(has(text.out, "By activity: interactions of the person"));
  CHECK(shop.play({"--policy", "random", "--by", "difficulty"}).code == 2);
}

TEST_CASE("the order of methods offline and online is compared") {
  const Shop shop;
  REQUIRE(shop.fit().code == 0);
  const std::string run = shop.folder / "run", table = shop.folder / "rank.csv";
  const Finished played =
      shop.play({"--policy", "random", "--policy", "popular", "-o", run, "--json"});
  REQUIRE(played.code == 0);
  const Json board = Json::parse(played.out);
  std::vector<std::pair<double, std::string>> methods;
  for (const Json& method : board["comparisons"][0]["methods"]) {
    methods.emplace_back(method["return"]["mean"].get<double>(), method["method"].get<std::string>());
  }
  std::sort(methods.begin(), methods.end());
  {
    std::ofstream csv(table);
    csv << "events,method,seeds,figure,mean,low,high,difference,difference_low,difference_high,p,p_"
           "adjusted\n";
    for (std::size_t m = 0; m < methods.size(); ++m) {  // the reverse of what the sessions say
      csv << "purchases,\"" << methods[m].second << "\",1,ndcg_10," << 0.9 - 0.1 * static_cast<double>(m)
          << ",,,,,,,\n";
    }
  }
  const Finished done = run_veer({"compare", run, "--data", shop.data, "--offline", table, "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json found = Json::parse(done.out);
  CHECK(found["order_agreement"][0]["online"] == "Return");
  CHECK(found["order_agreement"][0]["kendall"] == -1.0);
  CHECK(found["order_agreement"][0]["methods"] == 2);
  const Finished text = run_veer({"compare", run, "--data", shop.data, "--offline", table});
  CHECK(text.out.find("Do methods stand in one order") != std::string::npos);
  std::ofstream(table) << "a,b\n1,2\n";
  const Finished wrong = run_veer({"compare", run, "--data", shop.data, "--offline", table});
  CHECK(wrong.code == 3);
  CHECK(wrong.err.find("events") != std::string::npos);
}

TEST_CASE("what session-v1 cannot do is said before it is tried") {
  const Shop shop;
  REQUIRE(shop.fit().code == 0);
  const auto refused = [&](std::vector<std::string> more, int code, const std::string& word) {
    more.insert(more.end(), {"--policy", "random"});
    const Finished done = shop.play(more);
    CAPTURE(done.err);
    CHECK(done.code == code);
    CHECK(done.err.find(word) != std::string::npos);
  };
  refused({"--targets", "uniform-unseen"}, 2, "--targets");
  refused({"--by", "difficulty"}, 2, "--by");
  refused({"--policy", "nearest"}, 2, "'nearest', which leads people towards a target");
  refused({"--horizon", "0"}, 2, "--horizon");
  refused({"--click-reward", "nan"}, 2, "weights");
  const Finished foreign = run_veer(shop.evaluate({"--purchases", shop.buyers, "--policy", "random"}));
  CHECK(foreign.code == 2);
  CHECK(foreign.err.find("--purchases") != std::string::npos);
  const Finished kind =
      run_veer(shop.evaluate({"--scenario", "session-v1", "--purchases", shop.users, "--policy", "random"}));
  CHECK(kind.code == 3);
  CHECK(kind.err.find("veer fit purchases") != std::string::npos);
  const Finished behaviour = shop.fit({"--purchase", "order"});
  CHECK(behaviour.code == 3);
  CHECK(behaviour.err.find("click, purchase") != std::string::npos);
}
