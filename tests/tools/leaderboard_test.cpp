// The leaderboard on paths made by hand: two steps each, known gains under two judges.
#include "tools/veer/figures/guidance/leaderboard.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "env/error.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/toys/line_user.h"
#include "tools/veer/figures/guidance/difficulty_report.h"

using namespace veer;
using namespace veer::tools;
using doctest::Approx;
using veer::tests::has;
using Json = nlohmann::json;

namespace {

constexpr ItemId target = 4;

/// Items 1..5; 1 and 2 share an attribute, as do 3 and 4; 5 has none.
AttributeTable attributes() {
  Catalogue catalogue;
  catalogue.ids = {"", "a", "b", "c", "d", "e"};
  catalogue.attribute_names = {"x", "y"};
  catalogue.attributes = {0, 0, 1, 1};
  catalogue.attribute_offsets = {0, 0, 1, 2, 3, 4, 4};
  return AttributeTable(catalogue);
}

Panel panel() {
  const auto model = std::make_shared<toys::LineUser>(5);
  return Panel({{"users", "the people", model}, {"other", "others", model}});
}

/// One path: what was shown, whether it was taken, how it ended, and its IoI under both judges.
struct Path {
  UserId user = 0;
  std::array<ItemId, 2> items{1, 2};
  std::array<bool, 2> taken{true, true};
  EndReason end = EndReason::horizon;
  std::array<float, 2> ioi{};
};

Trajectories trajectories(const std::vector<Path>& paths) {
  Trajectories out;
  out.history_width = 3;
  out.judges.resize(2);
  for (std::size_t e = 0; e < paths.size(); ++e) {
    const Path& path = paths[e];
    out.episode_id.push_back(e);
    out.first_step.push_back(out.steps());
    out.length.push_back(2);
    out.episode_user.push_back(path.user);
    out.episode_target.push_back(target);
    out.end.push_back(path.end);
    for (std::size_t k = 0; k < 2; ++k) {
      out.episode.push_back(e);
      out.items.push_back(path.items[k]);
      out.feedback.push_back(path.taken[k] ? feedback::accepted : feedback::refused);
    }
    for (std::size_t j = 0; j < 2; ++j) {
      JudgeScores& judge = out.judges[j];
      judge.start_interest.push_back(-5.0F);
      judge.start_rank.push_back(4);
      for (std::size_t k = 0; k < 2; ++k) {
        judge.acceptance.push_back(k == 0 ? 0.25F : 0.75F);
        judge.interest.push_back(k == 0 ? -5.0F : -5.0F + path.ioi[j]);
        judge.rank.push_back(k == 0 ? 4 : 1);
      }
    }
  }
  return out;
}

/// Four episodes of the people 7, 7, 8 and 9 with these gains.
Trajectories with_gains(std::array<float, 4> users, std::array<float, 4> other) {
  const std::array<UserId, 4> people{7, 7, 8, 9};
  std::vector<Path> paths(4);
  for (std::size_t e = 0; e < 4; ++e) {
    paths[e].user = people[e];
    paths[e].ioi = {users[e], other[e]};
  }
  return trajectories(paths);
}

std::string text_of(const Leaderboard& board) {
  std::ostringstream none;
  return board.text(Console({}, none, none));
}

/// The one entry of `list` in which every key of `wanted` has its value.
Json entry(const nlohmann::ordered_json& list, const Json& wanted) {
  Json found;
  for (const auto& each : list) {
    bool fits = true;
    for (const auto& [key, value] : wanted.items()) fits = fits && Json(each.at(key)) == value;
    if (!fits) continue;
    CHECK(found.is_null());
    found = Json(each);
  }
  REQUIRE(!found.is_null());
  return found;
}

}  // namespace

TEST_CASE("the baseline is the random policy unless another one is named") {
  const std::vector<std::string> names{"beam:width=4", "random:allow_target=true", "random", "popular"};
  CHECK(baseline_of(names, "") == "random:allow_target=true");
  CHECK(baseline_of(std::vector<std::string>{"popular", "beam"}, "") == "popular");
  CHECK(baseline_of(names, "popular") == "popular");
  std::string message;
  try {
    baseline_of(names, "beam");
  } catch (const ConfigError& error) {
    message = error.what();
  }
  CHECK(has(message, "--baseline: found 'beam'; expected one of beam:width=4, random"));
}

TEST_CASE("means, order and paired differences by hand") {
  Leaderboard board(panel(), {.seed = 3, .sampled = false, .ends_at_target = false, .baseline = "random"});
  board.add("random", with_gains({1, 2, 3, 6}, {1, 2, 3, 6}), attributes());
  board.add("guide", with_gains({2, 4, 3, 11}, {0, 4, 3, 5}), attributes());
  CHECK(board.mean(0, 0, PathMetric::ioi) == Approx(3.0));
  CHECK(board.mean(1, 0, PathMetric::ioi) == Approx(5.0));
  CHECK(board.mean(1, 1, PathMetric::ioi) == Approx(3.0));
  CHECK(board.mean(0, 0, PathMetric::ior) == Approx(3.0));
  CHECK(board.mean(0, 0, PathMetric::ctr) == Approx(0.5));
  CHECK(board.mean(0, 0, PathMetric::coherence) == Approx(1.0));
  CHECK(board.mean(0, 0, PathMetric::coherence_target) == Approx(0.5));  // 2 and the target share nothing
  CHECK(board.order() == std::vector<std::size_t>{1, 0});

  const nlohmann::ordered_json json = board.json();
  CHECK(json.at("baseline") == "random");
  CHECK(json.at("leaderboard").at(0).at("policy") == "guide");
  const Json guide = entry(json.at("leaderboard"), {{"judge", "users"}, {"policy", "guide"}});
  CHECK(guide.at("ioi").at("mean").get<double>() == Approx(5.0));
  CHECK(guide.at("ioi").at("count") == 4);
  CHECK(guide.at("ioi").at("people") == 3);
  CHECK(guide.at("ioi").at("interval") == "bootstrap");
  // Differences 1, 2 (person 7), 0 (person 8), 5 (person 9): 8 / 4. Three people drawn from three, so the
  // ends are the most extreme draws: person 8 three times, person 9 three times.
  const Json& over = guide.at("over_baseline");
  CHECK(over.at("ioi").at("mean").get<double>() == Approx(2.0));
  CHECK(over.at("ioi").at("low").get<double>() == Approx(0.0));
  CHECK(over.at("ioi").at("high").get<double>() == Approx(5.0));
  CHECK(over.at("ior").at("mean").get<double>() == Approx(0.0));
  for (std::int32_t metric = 0; metric < path_metrics; ++metric) {
    CHECK(over.contains(std::string(name_of(static_cast<PathMetric>(metric)))));
  }
  // Under the other judge the differences are -1, 2, 0 and -1.
  const Json other = entry(json.at("leaderboard"), {{"judge", "other"}, {"policy", "guide"}});
  CHECK(other.at("over_baseline").at("ioi").at("mean").get<double>() == Approx(0.0));
  CHECK(entry(json.at("leaderboard"), {{"judge", "users"}, {"policy", "random"}})
            .at("over_baseline")
            .is_null());

  const std::string text = text_of(board);
  CHECK(has(text, "minus random"));
  CHECK(has(text, "+2.000 ±2.500"));
  CHECK(has(text, "4 episodes of 3 people"));
  CHECK(has(text, "percentile bootstrap over people"));
  CHECK(has(text, "less the same of random in the same episode"));
  // Around the means 3 and 5 the people's residuals are -3, 0, 3 and -4, -2, 6; of the differences -1, -2, 3.
  CHECK(over.at("ioi").at("standard_error").get<double>() == Approx(std::sqrt(14.0 * 1.5) / 4.0));
  CHECK(over.at("ioi").at("pairing_gain").get<double>() == Approx((18.0 + 56.0) / 14.0));
  CHECK(over.at("ioi").at("p").get<double>() > 0.05);
  CHECK(over.at("ioi").at("p_adjusted").get<double>() >= over.at("ioi").at("p").get<double>());
  CHECK(over.at("ior").at("p_adjusted").get<double>() == 1.0);
}

TEST_CASE("intervals are those of the summary, and hold their mean") {
  Leaderboard board(panel(), {.seed = 3, .sampled = false, .ends_at_target = false, .baseline = "random"});
  board.add("random", with_gains({1, 2, 3, 6}, {0, 0, 0, 0}), attributes());
  const std::vector<float> gains{1, 2, 3, 6};
  const std::vector<UserId> people{7, 7, 8, 9};
  const Summary expected = summarise(gains, {.seed = 3}, people);
  const Json random = board.json().at("leaderboard").at(0);
  CHECK(random.at("ioi").at("low").get<double>() == expected.low);
  CHECK(random.at("ioi").at("high").get<double>() == expected.high);
  CHECK(expected.low < 3.0);
  CHECK(expected.high > 3.0);
  CHECK_FALSE(has(text_of(board), "minus random"));  // nothing to compare a single policy with
}

TEST_CASE("disagreement: share of equal signs, and the order of the policies") {
  Leaderboard board(panel(), {.baseline = "a"});
  board.add("a", with_gains({1, -1, 0, 2}, {1, 1, 0, 2}), attributes());       // sum 2 against 4
  board.add("b", with_gains({3, 3, 3, 3}, {-3, -3, -3, -3}), attributes());    // sum 12 against -12
  board.add("c", with_gains({-1, -1, -1, -1}, {-1, -1, 1, 1}), attributes());  // sum -4 against 0
  CHECK(board.same_sign(0, 1) == Approx(0.75));
  CHECK(board.same_sign(1, 1) == 0.0);
  CHECK(board.same_sign(2, 1) == Approx(0.5));
  CHECK(board.order() == std::vector<std::size_t>{1, 0, 2});
  // Ranks 2, 3, 1 against 3, 1, 2: 1 - 6 (1 + 4 + 1) / (3 x 8).
  CHECK(board.order_agreement(1) == Approx(-0.5));
  const Json disagreement = board.json().at("disagreement").at(0);
  CHECK(disagreement.at("second") == "other");
  CHECK(disagreement.at("rank_correlation").get<double>() == Approx(-0.5));
  CHECK(disagreement.at("same_sign").at("a").get<double>() == Approx(0.75));
}

TEST_CASE("what is not defined is skipped, ordered last, and null") {
  Leaderboard board(panel(), {.baseline = "known"});
  board.add("nowhere", with_gains({NAN, NAN, NAN, NAN}, {NAN, NAN, NAN, NAN}), attributes());
  board.add("low", with_gains({-9, -9, -9, -9}, {-9, -9, -9, -9}), attributes());
  board.add("known", with_gains({1, NAN, 3, 5}, {1, 1, NAN, -5}), attributes());
  CHECK(board.order() == std::vector<std::size_t>{2, 1, 0});
  CHECK(board.mean(2, 0, PathMetric::ioi) == Approx(3.0));
  CHECK(board.same_sign(2, 1) == Approx(0.5));  // of the two episodes that both judges speak of
  CHECK(std::isnan(board.same_sign(0, 1)));
  CHECK(board.order_agreement(1) == Approx(1.0));  // over the two that have a mean
  const nlohmann::ordered_json json = board.json();
  const Json nowhere = entry(json.at("leaderboard"), {{"judge", "users"}, {"policy", "nowhere"}});
  CHECK(nowhere.at("ioi").at("count") == 0);
  CHECK(Json::parse(nowhere.dump()).at("ioi").at("mean").is_null());
  const Json low = entry(json.at("leaderboard"), {{"judge", "users"}, {"policy", "low"}});
  CHECK(low.at("over_baseline").at("ioi").at("count") == 3);
  CHECK(low.at("over_baseline").at("ioi").at("mean").get<double>() == Approx(-12.0));
  CHECK(has(text_of(board), "nowhere"));
}

TEST_CASE("columns say what can happen in the world") {
  const auto text_with = [&](bool sampled, bool ends) {
    Leaderboard board(panel(), {.seed = 1, .sampled = sampled, .ends_at_target = ends, .baseline = ""});
    // Reaches the target in its second step; refused once and left; one accepted item: no coherence.
    board.add(
        "p",
        trajectories({{.user = 1, .items = {3, target}, .end = EndReason::target_reached},
                      {.user = 2, .items = {1, 5}, .taken = {true, false}, .end = EndReason::user_left}}),
        attributes());
    CHECK(board.mean(0, 0, PathMetric::reached) == Approx(0.5));
    CHECK(board.mean(0, 0, PathMetric::time_to_target) == Approx(2.0));
    CHECK(board.mean(0, 0, PathMetric::abandoned) == Approx(0.5));
    CHECK(board.mean(0, 0, PathMetric::acceptance_rate) == Approx(0.75));
    CHECK(board.mean(0, 0, PathMetric::coherence) == Approx(1.0));  // of the only path with two
    const std::string text = text_of(board);
    return text.substr(0, text.find("Means over"));
  };
  const std::string always = text_with(false, false), ends = text_with(false, true),
                    sampled = text_with(true, false);
  for (const char* column : {"IoI", "IoR", "CTR", "Coherence", "Length"}) {
    CHECK(has(always, column));
    CHECK(has(ends, column));
    CHECK(has(sampled, column));
  }
  for (const char* column : {"Reached", "Steps to it"}) {
    CHECK_FALSE(has(always, column));
    CHECK(has(ends, column));
    CHECK(has(sampled, column));
  }
  for (const char* column : {"Accepted", "Left"}) {
    CHECK_FALSE(has(always, column));
    CHECK_FALSE(has(ends, column));
    CHECK(has(sampled, column));
  }
}

TEST_CASE("the disagreement of an ensemble and steps off the data have columns where they are known") {
  Trajectories paths = with_gains({1, 2, 3, 6}, {0, 0, 0, 0});
  const auto board_of = [&](const Trajectories& played, std::span<const std::int32_t> support) {
    Leaderboard board(panel(), {.seed = 1, .sampled = false, .ends_at_target = false, .baseline = ""});
    board.add("p", played, attributes(), support);
    return board;
  };
  const std::string plain = text_of(board_of(paths, {}));
  CHECK_FALSE(has(plain, "Apart"));
  CHECK_FALSE(has(plain, "Off data"));
  const std::vector<std::int32_t> support{0, 1, 0, 0, 5, 5, 2, 0};
  paths.judges[1].acceptance_deviation.assign(8, 0.25F);
  paths.judges[1].interest_deviation.assign(8, 0.5F);
  const Leaderboard board = board_of(paths, support);
  CHECK(board.mean(0, 0, PathMetric::off_data) == Approx(0.5));
  CHECK(std::isnan(board.mean(0, 0, PathMetric::disagreement)));
  CHECK(board.mean(0, 1, PathMetric::disagreement) == Approx(0.25));
  CHECK(board.mean(0, 1, PathMetric::interest_disagreement) == Approx(0.5));
  const std::string text = text_of(board);
  const std::string first = text.substr(0, text.find("Under other")), second = text.substr(first.size());
  CHECK(has(first, "Off data"));
  CHECK_FALSE(has(first, "Apart"));
  CHECK(has(second, "Apart p"));
  CHECK(has(second, "Apart ln p"));
  CHECK(board.json().at("leaderboard").at(1).at("disagreement").at("mean").get<double>() == Approx(0.25));
}

TEST_CASE("the legend says which interval was used") {
  std::vector<Path> paths(20001);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    paths[i].user = static_cast<UserId>(i);
    paths[i].ioi = {static_cast<float>(i % 5), 0.0F};
  }
  Leaderboard board(panel(), {.baseline = ""});
  board.add("p", trajectories(paths), attributes());
  CHECK(has(text_of(board), "normal approximation"));
  CHECK_FALSE(has(text_of(board), "bootstrap"));
  CHECK(board.json().at("leaderboard").at(0).at("ioi").at("interval") == "normal");
}

TEST_CASE("policies that played other episodes are not compared") {
  Leaderboard board(panel(), {.baseline = ""});
  board.add("a", with_gains({1, 2, 3, 4}, {1, 2, 3, 4}), attributes());
  Trajectories others = with_gains({1, 2, 3, 4}, {1, 2, 3, 4});
  others.episode_user[2] = 99;
  CHECK_THROWS_AS(board.add("b", others, attributes()), DataError);
}

TEST_CASE("results by difficulty: tiers from the graph, means and counts by hand") {
  // 1 -> 2 -> 3 -> 4, and 5 alone; the target is 4.
  const ItemGraph graph(5, {{.from = 1, .to = 2, .cost = 1.0F},
                            {.from = 2, .to = 3, .cost = 1.0F},
                            {.from = 3, .to = 4, .cost = 1.0F}});
  Trajectories random = with_gains({1, 2, 3, 6}, {1, 2, 3, 6});
  Trajectories guide = with_gains({2, 4, 3, 11}, {0, 4, 3, 5});
  for (Trajectories* paths : {&random, &guide}) {
    // Newest last. The 3 of episode 1 is too old to count where only two items do; 0 pads.
    paths->history = {5, 3, 0, 3, 2, 5, 1, 5, 0, 5, 0, 0};
    paths->history_size = {2, 3, 2, 1};
  }
  const EpisodeDifficulty difficulty = difficulty_of(graph, guide, {.recent = 2, .limits = {}});
  CHECK(difficulty.tiers == std::vector<DifficultyTier>{DifficultyTier::easy, DifficultyTier::medium,
                                                        DifficultyTier::hard, DifficultyTier::unreachable});
  CHECK(difficulty_of(graph, random, {.recent = 3, .limits = {}}).tiers[1] == DifficultyTier::easy);

  Leaderboard board(panel(), {.seed = 3, .sampled = false, .ends_at_target = false, .baseline = "random"});
  board.add("random", random, attributes());
  board.add("guide", guide, attributes());
  const EpisodeDifficulty two{
      {}, {DifficultyTier::easy, DifficultyTier::hard, DifficultyTier::easy, DifficultyTier::easy}};
  const nlohmann::ordered_json json = groups_json(board, groups_of(two));
  CHECK(json.size() == 8);  // two judges, two tiers with episodes, two policies
  const Json easy = entry(json, {{"judge", "users"}, {"tier", "easy"}, {"policy", "guide"}});
  CHECK(easy.at("episodes") == 3);
  CHECK(easy.at("ioi").at("mean").get<double>() == Approx(16.0 / 3.0));
  CHECK(easy.at("ioi").at("people") == 3);
  CHECK(easy.at("ioi").at("low").get<double>() == Approx(2.0));
  CHECK(easy.at("ioi").at("high").get<double>() == Approx(11.0));
  CHECK(easy.at("ior").at("mean").get<double>() == Approx(3.0));
  CHECK(easy.at("ctr").at("mean").get<double>() == Approx(0.5));
  CHECK(easy.at("reached").at("mean").get<double>() == 0.0);
  const Json hard = entry(json, {{"judge", "other"}, {"tier", "hard"}, {"policy", "guide"}});
  CHECK(hard.at("episodes") == 1);
  CHECK(hard.at("ioi").at("mean").get<double>() == Approx(4.0));
  CHECK(Json::parse(hard.dump()).at("ioi").at("low").is_null());  // one person, no interval

  std::ostringstream none;
  const std::string text = groups_text(board, groups_of(two), Console({}, none, none));
  CHECK(has(text, "easy (at most 1 transition): 3 episodes"));
  CHECK(has(text, "hard (3 transitions or more): 1 episode\n"));
  CHECK_FALSE(has(text, "medium"));
  CHECK(text.find("guide") < text.find("random"));
  CHECK(meaning_of(DifficultyTier::medium, {}) == "2 transitions");
  CHECK(meaning_of(DifficultyTier::medium, {.easy = 1, .medium = 4}) == "2 to 4 transitions");
}
