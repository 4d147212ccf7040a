// Paths of a report page as columns, on episodes made by hand.
#include "tools/veer/figures/guidance/path_sample.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "env/error.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::tools;
using Json = nlohmann::json;

TEST_CASE("paths are kept as columns, in blocks") {
  Dataset data;
  data.catalogue.ids = data.catalogue.titles = {"", "a", "b"};
  data.interactions.offsets = {0};
  const std::size_t episodes = PathSample::block_episodes + 1;
  Trajectories paths;
  paths.history_width = 1;
  JudgeScores judge;
  judge.judge = "one";
  for (std::size_t e = 0; e < episodes; ++e) {
    const bool odd = e % 2 == 1;  // even ones have one step, odd ones two
    paths.episode_id.push_back(10 * e);
    paths.first_step.push_back(static_cast<std::int64_t>(paths.items.size()));
    paths.length.push_back(odd ? 2 : 1);
    for (int k = 0; k < paths.length.back(); ++k) {
      paths.items.push_back(k == 0 ? 2 : 1);
      paths.feedback.push_back(odd ? feedback::refused : feedback::accepted);
      paths.probability.push_back(0.25F);
      judge.acceptance.push_back(0.12345F);
      judge.interest.push_back(odd ? std::nanf("") : -2.5F);
      judge.rank.push_back(7 + k);
    }
    paths.episode_user.push_back(-1);
    paths.episode_target.push_back(1);
    paths.history.push_back(2);
    paths.history_size.push_back(odd ? 0 : 1);
    paths.end.push_back(EndReason::horizon);
    paths.episode_return.push_back(0.5F);
    judge.start_interest.push_back(-3.0F);
    judge.start_rank.push_back(9);
  }
  paths.judges = {judge};
  PathSample sample(data, {"one"}, 1'000);
  sample.add("first", paths);
  sample.add("second", paths);
  const Json index = Json::parse(sample.json().dump());
  CHECK(index["episodes"]["id"].size() == episodes);
  CHECK(index["episodes"]["id"][3] == 30);
  CHECK(index["block"] == PathSample::block_episodes);
  CHECK(index["titles"] == Json({{"1", "a"}, {"2", "b"}}));
  const std::vector<std::string> blocks = sample.blocks();
  REQUIRE(blocks.size() == 2);
  const Json first = Json::parse(blocks[0]), last = Json::parse(blocks[1]);
  CHECK(first["history"].size() == PathSample::block_episodes);
  CHECK(last["history"] == Json::parse("[[2]]"));
  REQUIRE(last["policies"].size() == 2);
  CHECK(last["policies"][1] ==
        Json::parse(R"({"length": [1], "end": [4], "return": [0.5], "items": [2], "answers": [1],
                        "probability": [2500], "judges": [{"acceptance": [1235], "interest": [-25000],
                        "rank": [7], "start_interest": [-30000], "start_rank": [9]}]})"));
  CHECK(first["policies"][0]["items"][2] == 1);
  CHECK(first["policies"][0]["judges"][0]["interest"][1].is_null());
  CHECK(sample.example()["steps"] == Json::parse("[[1, 2, 1, 0.25, 0.1235, -2.5, 7]]"));
  // Where everything is taken for sure, no probabilities are kept.
  std::fill(paths.probability.begin(), paths.probability.end(), 1.0F);
  PathSample certain(data, {}, 1);
  certain.add("first", paths);
  CHECK(Json::parse(certain.blocks()[0])["policies"][0]["probability"].is_null());
  paths.items[0] = 3;
  PathSample damaged(data, {}, 1);
  CHECK_THROWS_AS(damaged.add("first", paths), DataError);
}
