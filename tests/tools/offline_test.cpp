// veer train sqn and the other offline agents, and veer rank, on a small shop. Needs LibTorch.
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

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

/// 120 sessions in which item k is followed by k + 1; every third event is a purchase.
struct SmallShop {
  ScratchFolder folder;
  std::string data = folder / "shop.h5";

  SmallShop() {
    const std::string log = folder / "shop.csv";
    std::ofstream out(log);
    out << "user,item,time,behaviour\n";
    for (int s = 0; s < 120; ++s) {
      for (int t = 0; t < 6; ++t) {
        out << "s" << s << ",i" << 1 + (s + t) % 12 << ',' << 1000 * s + t << ','
            << (t % 3 == 2 ? "buy" : "view") << '\n';
      }
    }
    out.close();
    const Finished made = run_veer({"import", "csv", log, "-o", data, "--behaviour-column", "behaviour"});
    CAPTURE(made.err);
    REQUIRE(made.code == 0);
  }
  std::vector<std::string> train(const std::string& agent, const std::string& output,
                                 const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"train",      agent, "--data",           data,  "-o",      output,
                                 "--purchase", "buy", "--updates",        "150", "--batch", "32",
                                 "--width",    "16",  "--evaluate-every", "50"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

}  // namespace

TEST_CASE("offline agents are trained, described, ranked and played") {
  const SmallShop shop;
  std::vector<std::string> rank{"rank", "--data", shop.data, "--purchase", "buy", "--json"};
  for (const std::string agent :
       {"supervised", "weighted", "auxiliary", "sqn", "sac", "snqn", "sa2c", "cql", "bcq", "prl"}) {
    const std::string file = shop.folder / (agent + ".model.h5");
    const std::string board = shop.folder / (agent + "-board");
    const Finished done = run_veer(shop.train(agent, file, {"--json", "--tensorboard", board}));
    CAPTURE(agent);
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    const Json report = Json::parse(done.out);
    CHECK(report["kind"] == "offline_agent");
    CHECK(report["hyper_parameters"]["agent"] == agent);
    CHECK(report["evaluations"].size() == 3);
    CHECK_FALSE(std::filesystem::exists(file + ".checkpoint"));
    const std::filesystem::path curves = std::filesystem::directory_iterator(board)->path();
    CHECK(has(read_text(curves), agent + "/loss"));
    rank.insert(rank.end(), {"--model", file});
  }
  const Finished ranked = run_veer(rank);
  CAPTURE(ranked.err);
  REQUIRE(ranked.code == 0);
  const Json found = Json::parse(ranked.out);
  CHECK(found["judged"]["purchases"]["cases"] == 24);
  CHECK(found["judged"]["clicks"]["cases"] == 48);
  REQUIRE(found["judged"]["clicks"]["methods"].size() == 12);
  for (const Json& method : found["judged"]["purchases"]["methods"]) {
    CAPTURE(method["method"]);
    // What follows is certain once one item is known; the controls cannot know it.
    const bool control = method["method"] == "popular" || method["method"] == "most recent";
    const double hits = method["hr_5"]["mean"];
    if (control) CHECK(hits < 0.8);
    if (!control) CHECK(hits > 0.9);
  }
  const std::string prl = shop.folder / "prl.model.h5";
  const Finished wishful = run_veer(
      {"rank", "--data", shop.data, "--purchase", "buy", "--model", prl, "--wanted", "0.1", "--json"});
  REQUIRE(wishful.code == 0);
  CHECK(Json::parse(wishful.out)["judged"]["purchases"]["methods"].size() == 3);
  CHECK(run_veer({"rank", "--data", shop.data, "--purchase", "buy", "--model", prl, "--wanted", "-1"}).code ==
        2);
  const std::string users = shop.folder / "users.model.h5";
  REQUIRE(run_veer({"fit", "gru4rec", "--data", shop.data, "--people", "train_plan", "--epochs", "1",
                    "--hidden", "8", "-o", users})
              .code == 0);
  const Finished played = run_veer({"evaluate", "--data", shop.data, "--users", users, "--history", "2",
                                    "--horizon", "3", "--episodes", "12", "--policy", "agent:model=" + prl,
                                    "--policy", "agent:wanted=1,model=" + prl, "--policy",
                                    "agent:repeats=true,model=" + (shop.folder / "sqn.model.h5"), "--json"});
  CAPTURE(played.err);
  REQUIRE(played.code == 0);
  CHECK(Json::parse(played.out)["leaderboard"].size() == 3);
  const Finished otherwise =
      run_veer({"rank", "--data", shop.data, "--purchase", "buy", "--cut-sessions", "3", "--model", prl});
  CHECK(otherwise.code == 2);
  CHECK(has(otherwise.err, "--cut-sessions"));
  const std::string both = shop.folder / "both.model.h5";
  REQUIRE(run_veer(shop.train("supervised", both, {"--people", "train"})).code == 0);
  const Finished leak = run_veer({"evaluate", "--data", shop.data, "--users", users, "--history", "2",
                                  "--horizon", "3", "--episodes", "4", "--policy", "agent:model=" + both});
  CHECK(leak.code == 2);
  CHECK(has(leak.err, "train_judge"));
  const Finished twice = run_veer({"rank", "--data", shop.data, "--purchase", "buy", "--model", prl,
                                   "--model", shop.folder / "sqn.model.h5", "--method", "sqn=prl"});
  CHECK(twice.code == 2);
  CHECK(has(twice.err, "another name"));
  const Finished info = run_veer({"info", prl});
  CHECK(has(info.out, "offline_agent"));
  const std::string csv = shop.folder / "table.csv";
  const Finished text = run_veer({"rank", "--data", shop.data, "--purchase", "buy", "--model", prl, "--model",
                                  shop.folder / "sqn.model.h5", "--method", "both=prl", "--method",
                                  "both=sqn", "--baseline", "popular", "--at-most", "6", "--csv", csv});
  CAPTURE(text.err);
  CHECK(text.code == 0);
  CHECK(has(text.out, "minus popular"));
  CHECK(has(text.out, "24 purchases"));
  CHECK(has(read_text(csv), "clicks,\"both\",2,ndcg_10,"));
}

TEST_CASE("a killed offline training goes on to the same bytes") {
  const SmallShop shop;
  const std::string straight = shop.folder / "straight.model.h5", killed = shop.folder / "killed.model.h5";
  const auto command = [&](const std::string& output, const std::string& threads) {
    return shop.train("sa2c", output,
                      {"--switch-at", "60", "--checkpoint-every", "0.001", "--threads", threads});
  };
  REQUIRE(run_veer(command(straight, "1")).code == 0);
  Running running(command(killed, "2"));
  while (!running.ended() && !std::filesystem::exists(killed + ".checkpoint")) usleep(1000);
  running.signal(SIGKILL);
  CHECK(running.wait().code == 128 + SIGKILL);
  const Finished resumed = run_veer(command(killed, "2"));
  CHECK(resumed.code == 0);
  CHECK(has(resumed.err, "going on from"));
  CHECK(read_text(straight) == read_text(killed));
}

TEST_CASE("what makes no offline agent is refused before it begins") {
  const SmallShop shop;
  const std::string out = shop.folder / "out.model.h5";
  const auto refused = [&](const std::vector<std::string>& arguments, ExitCode code,
                           const std::string& word) {
    const Finished done = run_veer(arguments);
    CAPTURE(done.err);
    CHECK(done.code == static_cast<int>(code));
    CHECK(has(done.err, word));
    CHECK_FALSE(std::filesystem::exists(out));
  };
  refused(shop.train("sqn", out, {"--encoder", "lstm"}), ExitCode::usage, "sasrec");
  refused(shop.train("sqn", out, {"--discount", "1"}), ExitCode::usage, "discount");
  refused(shop.train("supervised", out, {"--discount", "0.5"}), ExitCode::usage, "--discount");
  refused(shop.train("prl", out, {"--prompt", "loud"}), ExitCode::usage, "attention");
  refused(shop.train("prl", out, {"--released-sasrec"}), ExitCode::usage, "released_sasrec");
  refused(shop.train("sqn", out, {"--reward", "view"}), ExitCode::usage, "NAME=VALUE");
  refused(shop.train("sqn", out, {"--reward", "wish=1"}), ExitCode::usage, "'wish'");
  refused(shop.train("sqn", out, {"--reward", "view=nan"}), ExitCode::usage, "NAME=VALUE");
  refused(shop.train("sqn", out, {"--learning-rate", "inf"}), ExitCode::usage, "learning_rate");
  refused(shop.train("prl", out, {"--encoder", "sasrec", "--released-sasrec", "--prompt", "mean"}),
          ExitCode::usage, "attention");
  refused(shop.train("sqn", out, {"--people", "test"}), ExitCode::usage, "train_plan");
  refused(shop.train("sqn", out, {"--twin", out}), ExitCode::usage, "--twin: found the name of --output");
  std::vector<std::string> unknown = shop.train("sqn", out);
  *(std::find(unknown.begin(), unknown.end(), "--purchase") + 1) = "order";
  refused(unknown, ExitCode::usage, "one of");
  refused({"rank", "--data", shop.data, "--purchase", "buy", "--model", shop.data}, ExitCode::data,
          "shop.h5");
  refused({"rank", "--data", shop.data, "--purchase", "buy", "--no-controls"}, ExitCode::usage, "--model");
  refused({"rank", "--data", shop.data, "--purchase", "buy", "--part", "train"}, ExitCode::usage, "--part");
  refused({"rank", "--data", shop.data, "--purchase", "buy", "--at-most", "1"}, ExitCode::data,
          "no session to judge");
  refused({"rank", "--data", shop.data, "--purchase", "buy", "--wanted", "2"}, ExitCode::usage, "--wanted");
  const std::string cut = shop.folder / "cut.model.h5";
  REQUIRE(run_veer(shop.train("supervised", cut, {"--cut-sessions", "4"})).code == 0);
  refused({"rank", "--data", shop.data, "--purchase", "buy", "--model", cut}, ExitCode::usage,
          "--cut-sessions: found 0; expected 4, as");
}

TEST_CASE("SAC weighs its cross-entropy in the last quarter of its updates unless told when") {
  const SmallShop shop;
  const auto bytes = [&](const std::string& name, const std::vector<std::string>& more) {
    const std::string file = shop.folder / (name + ".model.h5");
    const Finished done = run_veer(shop.train("sac", file, more));
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
    return read_text(file);
  };
  const std::string by_itself = bytes("default", {});
  CHECK(by_itself == bytes("told", {"--switch-at", "112"}));  // three quarters of 150
  CHECK(by_itself != bytes("never", {"--switch-at", "150"}));
}
