// veer evaluate --scenario slate-v1: made-up people, runs that are the same for any number of threads,
// refusals.
#include <unistd.h>

#include <csignal>
#include <filesystem>
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

Finished slates(std::vector<std::string> more) {
  std::vector<std::string> arguments{"evaluate", "--scenario", "slate-v1", "--made-up-people",
                                     "200",      "--episodes", "60"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_veer(arguments);
}

}  // namespace

TEST_CASE("slates are played to made-up people, and the oracle beats the others") {
  const ScratchFolder folder;
  const std::string run = folder / "run", other = folder / "other";
  const std::vector<std::string> policies{"--policy", "random",       "--policy", "popular",
                                          "--policy", "greedy_slate", "--json"};
  std::vector<std::string> first = policies, second = policies;
  first.insert(first.end(), {"-o", run});
  second.insert(second.end(), {"-o", other, "--threads", "1"});
  const Finished done = slates(first);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json found = Json::parse(done.out);
  CHECK(found["scenario"] == "slate-v1");
  const Json& methods = found["comparisons"][0]["methods"];
  REQUIRE(methods.size() == 3);
  const auto mean = [&](std::size_t m, const char* figure) {
    return methods[m][figure]["mean"].get<double>();
  };
  CHECK(mean(0, "reward") < mean(1, "reward"));
  CHECK(mean(1, "reward") < mean(2, "reward"));
  // Reward and depth say the same in this world: K (n - R) + n lies within (19, 29] for every episode.
  for (std::size_t m = 0; m < 3; ++m) {
    const double used = 9.0 * (mean(m, "depth") - mean(m, "reward")) + mean(m, "depth");
    CHECK(used > 19.0);
    CHECK(used <= 29.0);
  }
  CHECK(mean(0, "coverage") > mean(1, "coverage"));
  const Finished alone = slates(second);
  REQUIRE(alone.code == 0);
  const Json again = Json::parse(alone.out);
  CHECK(again["digest"] == found["digest"]);
  const Finished saturated = slates({"--policy", "greedy_slate", "--link", "saturated", "--json"});
  CHECK(saturated.code == 0);
  // Eight of nine clicks earn most in this world: who knows that beats who shows the nine likeliest.
  const Finished oracle = slates({"--policy", "greedy_slate", "--policy", "oracle_slate", "--json"});
  REQUIRE(oracle.code == 0);
  const Json best = Json::parse(oracle.out);
  const Json& rows = best["comparisons"][0]["methods"];
  CHECK(rows[1]["reward"]["mean"] > rows[0]["reward"]["mean"].get<double>() + 1.0);
}

TEST_CASE("agents of slates are trained to the same bytes, described and played") {
  const ScratchFolder folder;
  const auto train = [&](const std::string& agent, const std::string& to, std::vector<std::string> more) {
    std::vector<std::string> arguments{"train",
                                       agent,
                                       "--made-up-people",
                                       "200",
                                       "--steps",
                                       "320",
                                       "--evaluate-every",
                                       "160",
                                       "--episodes",
                                       "20",
                                       "--rows",
                                       "32",
                                       "--batch",
                                       "16",
                                       "--replay",
                                       "200",
                                       "--json",
                                       "-o",
                                       to};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  };
  std::vector<std::string> played{"--policy", "random", "--json"};
  for (const std::string agent : {"hsrl", "ddpg"}) {
    CAPTURE(agent);
    const std::string one = folder / (agent + "-one.model.h5"), two = folder / (agent + "-two.model.h5");
    const Finished first = train(agent, one, {"--threads", "1"});
    CAPTURE(first.err);
    REQUIRE(first.code == 0);
    const Json report = Json::parse(first.out);
    CHECK(report["role"] == "agent");
    CHECK(report["test_people"]["oracle"]["reward"] > report["test_people"]["random"]["reward"]);
    CHECK(report["test_people"]["agent"]["slates"] >= 1.0);
    // Any number of threads brings the same bytes.
    REQUIRE(train(agent, two, {"--threads", "2"}).code == 0);
    CHECK(veer::tests::read_text(one) == veer::tests::read_text(two));
    CHECK_FALSE(std::filesystem::exists(one + ".checkpoint"));
    const Finished info = run_veer({"info", one, "--json"});
    CHECK(Json::parse(info.out)["metrics"]["test_reward"] == report["test_people"]["agent"]["reward"]);
    played.insert(played.end(), {"--policy", "slates:model=" + one});
  }
  // Several seeds side by side give what each gives alone, whatever the threads.
  for (const std::string threads : {"1", "2"}) {
    const Finished both =
        train("ddpg", folder / "ddpg-{seed}.model.h5", {"--seeds", "8,1", "--threads", threads});
    CAPTURE(both.err);
    REQUIRE(both.code == 0);
    const Json reports = Json::parse(both.out);
    REQUIRE(reports.size() == 2);
    CHECK(reports[0]["test_people"] != reports[1]["test_people"]);
    CHECK(veer::tests::read_text(folder / "ddpg-1.model.h5") ==
          veer::tests::read_text(folder / "ddpg-one.model.h5"));
    REQUIRE(train("ddpg", folder / "alone.model.h5", {"--seed", "8"}).code == 0);
    CHECK(veer::tests::read_text(folder / "ddpg-8.model.h5") ==
          veer::tests::read_text(folder / "alone.model.h5"));
  }
  const Finished same_file = train("ddpg", folder / "x.model.h5", {"--seeds", "1,2"});
  CHECK(same_file.code == 2);
  CHECK(has(same_file.err, "{seed}"));
  const Finished twice = train("ddpg", folder / "x-{seed}.model.h5", {"--seeds", "1,2,1"});
  CHECK(twice.code == 2);
  CHECK(has(twice.err, "different seeds"));
  const Finished done = slates(played);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  CHECK(Json::parse(done.out)["comparisons"][0]["methods"].size() == 3);
  // The two as seeds of one method, against random.
  std::vector<std::string> seeds = played;
  seeds.insert(seeds.end(), {"--method", "learned=slates:model=hsrl-one", "--method",
                             "learned=slates:model=ddpg-one", "--baseline", "random"});
  const Finished grouped = slates(seeds);
  CAPTURE(grouped.err);
  REQUIRE(grouped.code == 0);
  const Json methods = Json::parse(grouped.out)["comparisons"][0]["methods"];
  REQUIRE(methods.size() == 2);
  CHECK(methods[0]["method"] == "learned");
  CHECK(methods[0]["seeds"] == 2);
  // The method is the baseline, by its own name or by that of one of its seeds.
  for (const std::string baseline : {"learned", "slates:model=hsrl-one"}) {
    seeds.back() = baseline;
    const Finished turned = slates(seeds);
    CAPTURE(turned.err);
    REQUIRE(turned.code == 0);
    CHECK(Json::parse(turned.out)["baseline"] == "learned");
  }
  std::vector<std::string> stopping{"evaluate", "--scenario", "slate-v1", "--made-up-people", "200"};
  seeds.back() = "learned";
  stopping.insert(stopping.end(), seeds.begin(), seeds.end());
  stopping.insert(stopping.end(), {"--until-halfwidth", "1", "--budget", "40"});
  const Finished unclear = run_veer(stopping);
  CHECK(unclear.code == 2);
  CHECK(has(unclear.err, "a policy beside --until-halfwidth"));
  // A part of the catalogue is replaced: new items are shown at once, nothing replaced changes nothing.
  const auto churn = [&](const std::string& share, std::vector<std::string> more) {
    std::vector<std::string> arguments{"study",
                                       "churn",
                                       "--made-up-people",
                                       "200",
                                       "--episodes",
                                       "30",
                                       "--json",
                                       "--churn",
                                       share,
                                       "--policy",
                                       "hsrl=" + (folder / "hsrl-one.model.h5")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  };
  const Finished replaced = churn("0.2", {"--policy", "ddpg=" + (folder / "ddpg-one.model.h5"), "--policy",
                                          "ddpg=" + (folder / "ddpg-8.model.h5")});
  CAPTURE(replaced.err);
  REQUIRE(replaced.code == 0);
  const Json study = Json::parse(replaced.out);
  CHECK(study["replaced"] == 57);  // of 283
  REQUIRE(study["methods"].size() == 3);
  CHECK(study["methods"][0]["method"] == "random");
  // 57 of 283 items are new; 30 episodes of four slates of nine.
  CHECK(study["methods"][0]["share_of_places_with_new_items"].get<double>() ==
        doctest::Approx(57.0 / 283.0).epsilon(0.25));
  CHECK(study["methods"][2]["seeds"] == 2);
  CHECK(study["methods"][1]["kept"]["kept"].get<double>() > 0.3);
  const Json unchanged = Json::parse(churn("0", {}).out);
  for (const Json& method : unchanged["methods"]) {
    CHECK(method["kept"]["kept"] == 1.0);
    CHECK(method["kept"]["low"] == 1.0);
    CHECK(method["reward_after"] == method["reward_before"]);
  }
  const Finished nameless = churn("0.1", {"--policy", folder / "ddpg-one.model.h5"});
  CHECK(nameless.code == 2);
  CHECK(has(nameless.err, "METHOD=FILE"));
  const Finished world = train("hsrl", folder / "x.model.h5", {"--world", "mars"});
  CHECK(world.code == 2);
  CHECK(world.err.find("rl4rs-session") != std::string::npos);
  const Finished profile = train("hsrl", folder / "x.model.h5", {"--profile", "best"});
  CHECK(profile.code == 2);
  CHECK(profile.err.find("recommended") != std::string::npos);
}

TEST_CASE("killed training of two seeds that act ahead goes on to the same bytes") {
  const ScratchFolder folder;
  const auto command = [&](const std::string& output, const std::string& threads) {
    return std::vector<std::string>{"train",       "ddpg",      "--made-up-people",
                                    "200",         "--steps",   "4800",
                                    "--rows",      "32",        "--batch",
                                    "16",          "--replay",  "400",
                                    "--episodes",  "20",        "--evaluate-every",
                                    "960",         "--seeds",   "3,4",
                                    "--staleness", "2",         "--checkpoint-every",
                                    "0.001",       "--threads", threads,
                                    "-o",          output};
  };
  REQUIRE(run_veer(command(folder / "whole-{seed}.model.h5", "1")).code == 0);
  const std::string killed = folder / "killed-{seed}.model.h5",
                    last = folder / "killed-4.model.h5.checkpoint";
  int kills = 0;
  for (int round = 0; round < 3; ++round) {
    Running running(command(killed, "2"));
    const auto before = std::filesystem::exists(last) ? std::filesystem::last_write_time(last)
                                                      : std::filesystem::file_time_type::min();
    while (!running.ended()) {  // until it has written a checkpoint of its own
      std::error_code gone;
      const auto now = std::filesystem::last_write_time(last, gone);
      if (!gone && now > before) break;
      usleep(2000);
    }
    usleep(30000);
    running.signal(SIGKILL);
    kills += running.wait().code == 128 + SIGKILL ? 1 : 0;
  }
  CHECK(kills >= 1);
  const Finished resumed = run_veer(command(killed, "2"));
  CAPTURE(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(has(resumed.err, "going on from"));
  for (const std::string seed : {"3", "4"}) {
    CHECK(veer::tests::read_text(folder / ("killed-" + seed + ".model.h5")) ==
          veer::tests::read_text(folder / ("whole-" + seed + ".model.h5")));
  }
}

TEST_CASE("worlds, links and options that slate-v1 does not have are named") {
  const auto refused = [](std::vector<std::string> more, const std::string& word) {
    more.insert(more.end(), {"--policy", "random"});
    const Finished done = slates(more);
    CAPTURE(done.err);
    CHECK(done.code == 2);
    CHECK(done.err.find(word) != std::string::npos);
  };
  refused({"--world", "mars"}, "rl4rs-session");
  refused({"--link", "hard"}, "saturated");
  refused({"--horizon", "5"}, "--horizon");
  refused({"--targets", "uniform-unseen"}, "--targets");
  refused({"--users", "x.model.h5"}, "--data");
  refused({"--policy", "nearest"}, "nearest");
  const SmallWorld world;
  const Finished guidance = run_veer(world.evaluate({"--world", "ml1m-session", "--policy", "random"}));
  CHECK(guidance.code == 2);
  CHECK(guidance.err.find("--world") != std::string::npos);
  const Finished nothing = run_veer({"evaluate", "--policy", "random"});
  CHECK(nothing.code == 2);
  CHECK(nothing.err.find("--data") != std::string::npos);
}

TEST_CASE("people of several behaviours are fitted, described and played") {
  const ScratchFolder folder;
  const std::string model = folder / "b.model.h5";
  const auto fit = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{
        "fit",         "behaviours", "--made-up-people", "200", "--passes", "2",  "--learning-rate", "0.003",
        "--positions", "12",         "--encoding",       "16",  "--inner",  "16", "--hidden",        "16"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  };
  const Finished fitted = fit({"-o", model});
  CAPTURE(fitted.err);
  REQUIRE(fitted.code == 0);
  for (const char* behaviour : {"click", "complete", "like", "comment", "share", "follow", "dislike"}) {
    CHECK(fitted.out.find(behaviour) != std::string::npos);
  }
  const Finished described = run_veer({"info", model, "--json"});
  REQUIRE(described.code == 0);
  const Json manifest = Json::parse(described.out);
  CHECK(manifest["kind"] == "behaviours");
  const auto play = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"--world", "kuaisim-session", "--policy", "random", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return slates(arguments);
  };
  const auto reward = [](const Finished& done) {
    REQUIRE(done.code == 0);
    return Json::parse(done.out)["comparisons"][0]["methods"][0]["reward"]["mean"].get<double>();
  };
  const Finished clicks = play({"--users", model});
  CAPTURE(clicks.err);
  const double by_clicks = reward(clicks);
  CHECK(reward(play({"--users", model, "--answers", "behaviours"})) != by_clicks);
  CHECK(reward(play({"--users", model, "--link", "doubled"})) > by_clicks);
  CHECK(reward(play({"--users", model, "--correlation", "published"})) > by_clicks);
  CHECK(reward(play({"--users", model, "--user-dropout", "0.1"})) != by_clicks);
  CHECK(reward(play({"--answers", "behaviours"})) != by_clicks);
  // The same bytes for any number of threads.
  const Finished alone = play({"--users", model, "--threads", "1"});
  CHECK(Json::parse(alone.out)["digest"] == Json::parse(clicks.out)["digest"]);
  // Agents learn from what all of it earns.
  const Finished trained =
      run_veer({"train", "clicks", "--world", "kuaisim-session", "--users", model, "--made-up-people", "200",
                "--answers", "behaviours", "--steps", "320", "--evaluate-every", "160", "--episodes", "20",
                "-o", folder / "agent.model.h5", "--json"});
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(Json::parse(trained.out)["test_people"]["random"]["reward"].get<double>() > 0.0);
  // What does not go together is refused by name.
  const auto refused = [](const Finished& done, const std::string& option) {
    CAPTURE(done.err);
    CHECK(done.code == 2);
    CHECK(done.err.find(option) != std::string::npos);
  };
  refused(play({"--answers", "nods"}), "--answers");
  refused(play({"--correlation", "none"}), "--correlation");
  refused(run_veer({"evaluate", "--scenario", "slate-v1", "--world", "kuaisim-session", "--users", model,
                    "--made-up-people", "100", "--policy", "random"}),
          "--users");
  refused(slates({"--world", "rl4rs-session", "--answers", "behaviours", "--policy", "random"}),
          "world of slates");
  refused(fit({"-o", model, "--slots", "4"}), "--slots");
  refused(fit({"-o", model, "--loss", "soft"}), "--loss");
  refused(run_veer({"fit", "sasrec", "-o", model}), "--data");
}

TEST_CASE("from KuaiRand's tables to people of several behaviours who are shown slates") {
  const ScratchFolder folder;
  std::string log =
      "user_id,video_id,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view\n";
  for (int user = 0; user < 60; ++user) {
    for (int i = 0; i < 24; ++i) {
      // Everybody clicks what is of their own kind, and likes every third of that.
      const int video = (13 * i + 5 * user + i * i / 3) % 20;
      const bool clicks = video % 2 == user % 2, likes = clicks && video % 3 == 0;
      log += std::to_string(user) + "," + std::to_string(video) + "," +
             std::to_string(1649400000000 + 60000 * i) + "," + (clicks ? "1" : "0") + "," +
             (likes ? "1" : "0") + ",0,0,0," + (i == 5 ? "1" : "0") + "," + (clicks ? "1" : "0") + "\n";
    }
  }
  write_text(folder / "log_standard.csv", log);
  std::string videos = "video_id,tag\n";
  for (int video = 0; video < 20; ++video) {
    videos += std::to_string(video) + "," + std::to_string(video % 2) + "\n";
  }
  write_text(folder / "video_features_basic.csv", videos);
  std::string people = "user_id,user_active_degree,is_video_author\n";
  for (int user = 0; user < 60; ++user) {
    people += std::to_string(user) + "," + (user % 2 == 0 ? "full" : "high") + "_active," +
              std::to_string(user % 3 == 0) + "\n";
  }
  const std::string profiles = folder / "user_features.csv";
  write_text(profiles, people);
  const std::string data = folder / "k.h5", model = folder / "k.model.h5";
  const Finished imported = run_veer({"import", "kuairand", folder / "", "-o", data});
  CAPTURE(imported.err);
  REQUIRE(imported.code == 0);
  const Finished fitted =
      run_veer({"fit",        "behaviours", "--data",          data,    "--profiles",  profiles,
                "--passes",   "30",         "--learning-rate", "0.005", "--positions", "8",
                "--encoding", "16",         "--inner",         "16",    "--hidden",    "16",
                "-o",         model,        "--json"});
  CAPTURE(fitted.err);
  REQUIRE(fitted.code == 0);
  const Json manifest = Json::parse(fitted.out);
  CHECK(manifest["hyper_parameters"]["behaviours"] == "click,complete,like,dislike");
  CHECK(manifest["hyper_parameters"]["profile_blocks"] == "2,2");
  // Whose kind somebody is, their profile and their history say.
  CHECK(manifest["metrics"]["click/auc"].get<double>() > 0.8);
  const auto play = [&](const std::string& answers) {
    return run_veer({"evaluate",     "--scenario", "slate-v1", "--world",    "kuaisim-session", "--data",
                     data,           "--users",    model,      "--profiles", profiles,          "--part",
                     "all",          "--answers",  answers,    "--policy",   "random",          "--policy",
                     "greedy_slate", "--episodes", "40",       "--json"});
  };
  for (const char* answers : {"clicks", "behaviours"}) {
    const Finished played = play(answers);
    CAPTURE(played.err);
    REQUIRE(played.code == 0);
    const Json methods = Json::parse(played.out)["comparisons"][0]["methods"];
    CHECK(methods[1]["reward"]["mean"].get<double>() > methods[0]["reward"]["mean"].get<double>());
  }
}
