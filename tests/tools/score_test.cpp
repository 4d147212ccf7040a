// veer score: what files of paths may look like, scores that are those of the same paths in a recorded run,
// and what is refused.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/data/given_paths.h"
#include "env/error.h"
#include "env/store/run/run_directory.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

/// A run's episodes as a file of paths.
std::string lines_of(const SmallWorld& world, const std::string& run, bool windows) {
  const Dataset& data = world.log.dataset;
  const auto id = [&](ItemId item) { return data.catalogue.ids[static_cast<std::size_t>(item)]; };
  Json list = Json::array();
  std::string out;
  const Trajectories paths = read_run(run, 0);
  for (std::size_t e = 0; e < paths.episode_id.size(); ++e) {
    Json one;
    one["user"] = data.interactions.user_ids[static_cast<std::size_t>(paths.episode_user[e])];
    Json history = Json::array(), path = Json::array();
    for (std::int32_t h = 0; h < paths.history_size[e]; ++h)
      history.push_back(
          id(paths.history[e * static_cast<std::size_t>(paths.history_width) + static_cast<std::size_t>(h)]));
    for (std::int64_t s = 0; s < paths.length[e]; ++s)
      path.push_back(id(paths.items[static_cast<std::size_t>(paths.first_step[e] + s)]));
    const std::string target = id(paths.episode_target[e]);
    if (windows) path.push_back(target);
    one[windows ? "inters" : "history"] = history;
    one[windows ? "proc_path" : "path"] = path;
    if (!windows) one["target"] = target;
    list.push_back(one);
    out += one.dump() + "\n";
  }
  return windows ? list.dump() : out;
}

}  // namespace

TEST_CASE("score: the paths of a run from a file have the scores they had in the run") {
  const SmallWorld world;
  const std::string run = world.folder / "run";
  const Finished played = run_veer(
      world.evaluate({"--policy", "random", "--episodes", "40", "--history", "6", "-o", run, "--json"}));
  REQUIRE_MESSAGE(played.code == 0, played.err);
  const Json there = Json::parse(played.out)["leaderboard"][0];
  write_text(world.folder / "lines.jsonl", lines_of(world, run, false));
  write_text(world.folder / "windows.val", lines_of(world, run, true));

  const std::string csv = world.folder / "paths.csv";
  const Finished scored =
      run_veer({"score", world.folder / "lines.jsonl", "again=" + (world.folder / "windows.val"), "--data",
                world.data, "--users", world.users, "--csv", csv, "--json"});
  REQUIRE_MESSAGE(scored.code == 0, scored.err);
  const Json out = Json::parse(scored.out);
  REQUIRE(out["leaderboard"].size() == 2);
  for (const Json& here : out["leaderboard"]) {
    for (const char* metric : {"ioi", "ior", "ctr", "coherence", "length", "holds_target"})
      CHECK_MESSAGE(here[metric]["mean"] == there[metric]["mean"], metric);
  }
  CHECK(out["leaderboard"][1]["over_baseline"]["ioi"]["mean"] == 0.0);
  CHECK(out["files"][1]["paths"] == 40);
  const std::string table = read_text(csv);
  CHECK(std::count(table.begin(), table.end(), '\n') == 1 + 2 * 40);
  CHECK(has(table, "method,path,user,target,judge,items,ioi,ior"));
}

TEST_CASE("score: what is wrong in a file of paths is said with its place") {
  const SmallWorld world;
  const std::string good = world.log.dataset.catalogue.ids[1], other = world.log.dataset.catalogue.ids[2];
  const std::string file = world.folder / "paths.jsonl";
  const auto said = [&](const std::string& text, std::vector<std::string> more = {}) {
    write_text(file, text);
    std::vector<std::string> arguments{"score", file, "--data", world.data, "--users", world.users};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished result = run_veer(arguments);
    CHECK_MESSAGE(result.code == 3, text << result.out);
    return result.err;
  };
  const std::string line =
      R"({"history": [")" + good + R"("], "path": [")" + other + R"("], "target": ")" + good + "\"}\n";
  CHECK(has(said(""), "no path of items that the dataset knows among 0"));
  const Finished folder =
      run_veer({"score", world.folder / "", "--data", world.data, "--users", world.users});
  CHECK(folder.code == 3);
  CHECK(has(folder.err, "found a directory"));
  CHECK(has(said(line + "{\"history\": \n"), "paths.jsonl:2: found text that is no JSON"));
  CHECK(has(said("[1]"), "path 1: path: found a number"));
  CHECK(has(said(R"({"path": []})"), "paths.jsonl:1: history: found nothing"));
  CHECK(has(said(R"({"history": [], "path": [], "target": "1"})"), "history: found an empty list"));
  CHECK(has(said(R"({"history": [")" + good + R"("], "path": []})"), "target: found nothing"));
  CHECK(has(said(R"({"history": [")" + good + R"("], "proc_path": []})"), "proc_path: found an empty list"));
  CHECK(has(said(R"({"history": [")" + good + R"("], "proc_path": [")" + good + R"("], "target": ")" + other +
                 "\"}"),
            "found '" + other + "'; expected the last item of proc_path"));
  CHECK(has(said(R"({"history": ["nobody's"], "path": [], "target": ")" + good + "\"}"), "item 'nobody's'"));
  CHECK(has(said(R"({"history": [1.5], "path": [], "target": ")" + good + "\"}"),
            "an id, as text or whole number"));
  // The model of made-up people knows each of them.
  CHECK(has(said(line), "1 people whom the dataset does not know"));
  CHECK(has(said(line, {"--skip-unknown"}), "1 people whom the dataset does not know"));
}

TEST_CASE("given paths: people by name, strangers behind them, unknown items left out on demand") {
  const SmallWorld world;
  const Dataset& data = world.log.dataset;
  const std::string a = data.catalogue.ids[1], b = data.catalogue.ids[2], ann = data.interactions.user_ids[3];
  const std::string file = world.folder / "paths.json";
  const auto one = [&](const std::string& user, const std::string& target) {
    return "{" + (user.empty() ? "" : "\"user\": \"" + user + "\", ") + "\"inters\": [\"" + a +
           "\"], \"path\": [\"" + b + "\", \"" + a + "\"], \"target\": \"" + target + "\"}";
  };
  write_text(file, "[" + one("who", a) + "," + one(ann, b) + "," + one("", a) + "," + one("", "none") + "," +
                       one("who", b) + "]");
  CHECK_THROWS_AS(read_given_paths(file, data), DataError);
  const GivenPaths given = read_given_paths(file, data, {.skip_unknown = true});
  const UserId first = data.interactions.users();
  REQUIRE(given.paths.size() == 4);
  CHECK(given.left_out == 1);
  CHECK(given.strangers == 2);
  CHECK(given.paths[0].user == first);
  CHECK(given.paths[1].user == 3);
  CHECK(given.paths[2].user == first + 1);
  CHECK(given.paths[3].user == first);
  CHECK(given.paths[0].history == std::vector<ItemId>{1});
  CHECK(given.paths[0].items == std::vector<ItemId>{2, 1});
  CHECK(given.paths[1].target == 2);
}
