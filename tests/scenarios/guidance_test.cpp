#include "scenarios/guidance.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "env/engine.h"
#include "env/error.h"
#include "rewards/path_score.h"
#include "scenarios/registry.h"
#include "simulators/panel.h"
#include "simulators/synthetic/synthetic_log.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

const SyntheticLog& world() {
  static const SyntheticLog log = [] {
    SyntheticLogParameters p;
    p.people = 200;
    p.events = 30;
    p.world.items = 60;
    return generate_synthetic_log(p);
  }();
  return log;
}

GuidanceParameters parameters() {
  GuidanceParameters p;
  p.data = std::make_shared<const Dataset>(world().dataset);
  p.users = world().truth;
  return p;
}

/// People with the given logs over `items` items, all in the test part.
GuidanceParameters with_logs(const std::vector<std::vector<ItemId>>& logs, std::int32_t items) {
  Dataset data;
  for (std::int32_t i = 0; i <= items; ++i)
    data.catalogue.ids.push_back(i == 0 ? "" : "i" + std::to_string(i));
  data.catalogue.attribute_offsets.assign(static_cast<std::size_t>(items) + 2, 0);
  data.interactions.offsets = {0};
  for (const std::vector<ItemId>& log : logs) {
    data.interactions.user_ids.push_back("u" + std::to_string(data.interactions.user_ids.size()));
    data.interactions.items.insert(data.interactions.items.end(), log.begin(), log.end());
    data.interactions.offsets.push_back(data.interactions.size());
    data.parts.push_back(Part::test);
  }
  SyntheticParameters w;
  w.items = items;
  GuidanceParameters p;
  p.data = std::make_shared<const Dataset>(std::move(data));
  p.users = std::make_shared<const SyntheticUser>(std::make_shared<const SyntheticWorld>(w));
  return p;
}

/// Shows items 1 + (episode + step) mod N, or one fixed item.
class FixedPolicy final : public Policy {
 public:
  explicit FixedPolicy(ItemId item, bool show_target = false) : item_(item), show_target_(show_target) {
    spec_.name = "fixed";
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      const auto turn = static_cast<std::int32_t>((seen.episode(row) + seen.step(row)) % 60);
      actions.items(row, 0) = show_target_ ? seen.target(row) : item_ != no_item ? item_ : 1 + turn;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  ItemId item_;
  bool show_target_;
};

Trajectories play(const Scenario& scenario, const Policy& policy, std::int64_t episodes,
                  std::uint64_t seed = 4) {
  std::vector<EpisodeId> ids(static_cast<std::size_t>(episodes));
  std::iota(ids.begin(), ids.end(), EpisodeId{0});
  Engine engine(scenario, policy.spec(), {.rows = 64, .shard_rows = 32, .seed = seed});
  return engine.evaluate(policy, Mode::greedy, ids);
}

std::vector<ItemId> history_of(const Trajectories& t, std::size_t e) {
  const auto first = t.history.begin() + static_cast<std::ptrdiff_t>(e) * t.history_width;
  return {first, first + t.history_size[e]};
}

TEST_CASE("histories are windows of test people's logs, natural targets follow them") {
  const GuidanceScenario scenario(parameters());
  const Trajectories t = play(scenario, FixedPolicy(no_item), 400);
  const Dataset& data = world().dataset;
  std::map<std::int64_t, int> distances;
  for (std::size_t e = 0; e < 400; ++e) {
    const UserId user = t.episode_user[e];
    CHECK(data.parts[static_cast<std::size_t>(user)] == Part::test);
    const std::vector<ItemId> window = history_of(t, e);
    REQUIRE(window.size() == 10);
    CHECK(std::ranges::find(window, t.episode_target[e]) == window.end());
    const auto log = data.interactions.of(user);
    // A log may hold the same window twice: one of its places must have the target 2 to 10 places behind it.
    std::int64_t distance = 0;
    for (std::size_t cut = 10; cut < log.size(); ++cut) {
      if (!std::ranges::equal(log.subspan(cut - 10, 10), window)) continue;
      for (std::size_t d = 2; d <= 10 && cut + d - 1 < log.size(); ++d) {
        if (log[cut + d - 1] == t.episode_target[e]) distance = static_cast<std::int64_t>(d);
      }
    }
    CHECK(distance >= 2);
    ++distances[distance];
    CHECK(t.length[e] == 10);
    CHECK(t.end[e] == EndReason::horizon);
  }
  CHECK(distances.size() >= 8);  // near and far targets both occur
}

TEST_CASE("natural targets: nearest and farthest are kept") {
  GuidanceParameters p = with_logs({{1, 2, 3, 4, 5, 6, 7}}, 9);
  p.history = 3;
  p.natural_nearest = 2;
  p.natural_farthest = 3;
  const GuidanceScenario scenario(p);
  const Trajectories t = play(scenario, FixedPolicy(1), 300);
  std::map<std::pair<ItemId, ItemId>, int> counts;  // last item of the window, target
  for (std::size_t e = 0; e < 300; ++e) ++counts[{history_of(t, e).back(), t.episode_target[e]}];
  // Windows end at 3, 4 or 5; the target comes 2 or 3 places later, as far as the log goes.
  std::map<std::pair<ItemId, ItemId>, double> expected = {
      {{3, 5}, 50}, {{3, 6}, 50}, {{4, 6}, 50}, {{4, 7}, 50}, {{5, 7}, 100}};
  CHECK(counts.size() == expected.size());
  double chi_squared = 0.0;
  for (const auto& [pair, count] : counts) {
    REQUIRE(expected.contains(pair));
    chi_squared += (count - expected[pair]) * (count - expected[pair]) / expected[pair];
  }
  CHECK(chi_squared < 18.5);  // 4 degrees of freedom, 0.1 %
}

TEST_CASE("natural targets never lie in the window, even in a log full of repeats") {
  GuidanceParameters p = with_logs({{1, 2, 1, 2, 1, 2, 1, 2, 3, 2}, {1, 1, 1, 1, 1, 1, 1}}, 4);
  p.history = 2;
  p.natural_nearest = 1;
  p.natural_farthest = 2;
  const GuidanceScenario scenario(p);
  CHECK(scenario.people().size() == 1);  // the second person never takes anything new
  const Trajectories t = play(scenario, FixedPolicy(1), 100);
  for (std::size_t e = 0; e < 100; ++e) {
    const auto window = history_of(t, e);
    CHECK(std::ranges::find(window, t.episode_target[e]) == window.end());
  }
}

TEST_CASE("the last cut is the latest that has a target") {
  GuidanceParameters p = with_logs({{1, 2, 3, 4, 5, 6}}, 8);
  p.history = 2;
  p.natural_nearest = 2;
  p.cut = HistoryCut::last;
  Trajectories t = play(GuidanceScenario(p), FixedPolicy(1), 5);
  CHECK(history_of(t, 0) == std::vector<ItemId>{3, 4});
  CHECK(t.episode_target[4] == 6);
  p.target = TargetSource::uniform_unseen;
  t = play(GuidanceScenario(p), FixedPolicy(1), 5);
  CHECK(history_of(t, 2) == std::vector<ItemId>{5, 6});
}

TEST_CASE("uniform unseen targets are uniform over what the person never took") {
  GuidanceParameters p = with_logs({{2, 3, 9, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}, 10);
  p.history = 2;
  p.target = TargetSource::uniform_unseen;
  const GuidanceScenario scenario(p);
  CHECK(scenario.people().size() == 1);  // the second person has seen everything
  const Trajectories t = play(scenario, FixedPolicy(1), 2100);
  std::map<ItemId, int> counts;
  for (const ItemId target : t.episode_target) ++counts[target];
  CHECK(counts.size() == 7);
  double chi_squared = 0.0;
  for (const ItemId item : {1, 4, 5, 6, 7, 8, 10}) {
    chi_squared += (counts[item] - 300.0) * (counts[item] - 300.0) / 300.0;
  }
  CHECK(chi_squared < 22.5);  // 6 degrees of freedom, 0.1 %
}

TEST_CASE("chosen targets: pairs in turn, single targets at random") {
  GuidanceParameters p = with_logs({{1, 2, 3}, {4, 5, 6}}, 8);
  p.history = 2;
  p.target = TargetSource::choices;
  p.choices = {{0, 7}, {1, 8}, {1, 2}};
  Trajectories t = play(GuidanceScenario(p), FixedPolicy(1), 7);
  CHECK(t.episode_user == std::vector<UserId>{0, 1, 1, 0, 1, 1, 0});
  CHECK(t.episode_target == std::vector<ItemId>{7, 8, 2, 7, 8, 2, 7});
  p.choices = {{-1, 7}, {-1, 8}};
  t = play(GuidanceScenario(p), FixedPolicy(1), 200);
  const auto sevens = std::ranges::count(t.episode_target, 7);
  CHECK(sevens > 100 - 45);  // more than six standard deviations
  CHECK(sevens < 100 + 45);
  CHECK(sevens + std::ranges::count(t.episode_target, 8) == 200);

  p.choices = {{0, 7}, {-1, 8}};
  CHECK_THROWS_WITH_AS(GuidanceScenario{p}, doctest::Contains("choice 2"), DataError);
  p.choices = {{0, 99}};
  CHECK_THROWS_AS(GuidanceScenario{p}, DataError);
  p.choices_file = "pairs.tsv";
  p.choices = {{0, 7, 3}, {1, 99, 5}};
  CHECK_THROWS_WITH_AS(GuidanceScenario{p}, doctest::Contains("pairs.tsv:5"), DataError);
  p.choices = {};
  CHECK_THROWS_AS(GuidanceScenario{p}, ConfigError);
}

TEST_CASE("patience in total: the third refusal is the last") {
  GuidanceParameters p = parameters();
  p.acceptance = Acceptance::sampled;
  p.horizon = 40;
  const GuidanceScenario scenario(p);
  const Trajectories t = play(scenario, FixedPolicy(no_item), 300);
  int left = 0, reached = 0;
  for (std::size_t e = 0; e < 300; ++e) {
    const auto first = static_cast<std::size_t>(t.first_step[e]);
    const auto last = first + static_cast<std::size_t>(t.length[e]) - 1;
    int refusals = 0;
    for (std::size_t i = first; i <= last; ++i) {
      if (t.feedback[i] == 0) ++refusals;
      if (i < last) {
        CHECK(refusals < 3);
        CHECK(!(t.feedback[i] == 1 && t.items[i] == t.target[i]));
      }
    }
    if (t.end[e] == EndReason::user_left) {
      ++left;
      CHECK(refusals == 3);
      CHECK(t.feedback[last] == 0);
    } else if (t.end[e] == EndReason::target_reached) {
      ++reached;
      CHECK(t.items[last] == t.episode_target[e]);
      CHECK(t.feedback[last] == 1);
    } else {
      CHECK(t.end[e] == EndReason::horizon);
    }
  }
  CHECK(left > 100);
  CHECK(reached > 0);
}

TEST_CASE("patience in a row: an accepted item restores it") {
  GuidanceParameters p = parameters();
  p.acceptance = Acceptance::sampled;
  p.patience_rule = PatienceRule::in_a_row;
  p.patience = 2;
  p.horizon = 30;
  const Trajectories t = play(GuidanceScenario(p), FixedPolicy(no_item), 200);
  bool more_than_patience = false;
  for (std::size_t e = 0; e < 200; ++e) {
    const auto first = static_cast<std::size_t>(t.first_step[e]);
    int row = 0, total = 0;
    for (std::size_t i = first; i < first + static_cast<std::size_t>(t.length[e]); ++i) {
      CHECK(row < 2);
      row = t.feedback[i] != 0 ? 0 : row + 1;
      total += t.feedback[i] != 0 ? 0 : 1;
    }
    CHECK((t.end[e] == EndReason::user_left) == (row == 2));
    more_than_patience = more_than_patience || total > 2;
  }
  CHECK(more_than_patience);
}

TEST_CASE("whether the target ends an episode is an option with a default per acceptance") {
  const FixedPolicy target_at_once(no_item, true);
  GuidanceParameters p = parameters();
  CHECK(play(GuidanceScenario(p), target_at_once, 10).length[0] == 10);
  p.end_at_target = true;
  Trajectories t = play(GuidanceScenario(p), target_at_once, 10);
  CHECK(t.length[0] == 1);
  CHECK(t.end[0] == EndReason::target_reached);
  p.acceptance = Acceptance::sampled;
  p.end_at_target = false;
  t = play(GuidanceScenario(p), target_at_once, 50);
  CHECK(std::ranges::count(t.end, EndReason::target_reached) == 0);
  p.end_at_target.reset();
  t = play(GuidanceScenario(p), target_at_once, 50);
  CHECK(std::ranges::count(t.end, EndReason::target_reached) > 0);
}

TEST_CASE(
    "the truth as judge gives back the rewards the world paid, and telescopes, with drift and refusals") {
  GuidanceParameters p = parameters();
  p.acceptance = Acceptance::sampled;
  const GuidanceScenario scenario(p);
  Trajectories t = play(scenario, FixedPolicy(no_item), 120);
  Panel({{"truth", "nobody", world().truth}}).judge(t);
  const EpisodeScores scores = score_episodes(t, t.judges[0], AttributeTable(p.data->catalogue));
  for (std::size_t e = 0; e < 120; ++e) {
    // The world summed one IoI per step; the judge compares the two ends of a path it replayed on its own.
    CHECK(scores.of(PathMetric::ioi)[e] == Approx(t.episode_return[e]).epsilon(1e-4));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(t.steps()); ++i) {
    CHECK(t.judges[0].acceptance[i] == Approx(t.probability[i]).epsilon(1e-5));
  }
}

TEST_CASE("the click reward sees probabilities even when everything is accepted") {
  GuidanceParameters p = parameters();
  p.weights = {.ioi = 0.0F, .ctr = 1.0F};
  const GuidanceScenario scenario(p);
  Trajectories t = play(scenario, FixedPolicy(no_item), 60);
  Panel({{"truth", "nobody", world().truth}}).judge(t);
  const EpisodeScores scores = score_episodes(t, t.judges[0], AttributeTable(p.data->catalogue));
  for (std::size_t e = 0; e < 60; ++e) {
    CHECK(t.episode_return[e] == Approx(10.0F * scores.of(PathMetric::ctr)[e]).epsilon(1e-4));
  }
}

TEST_CASE("modifiers reach the people") {
  GuidanceParameters p = parameters();
  p.modifiers = {{"drift_scale", 0.0F}, {"boredom_scale", 0.0F}, {"shift_scale", 0.0F}};
  const std::vector<std::string> names = {"drift_scale", "boredom_scale", "shift_scale"};
  p.users = std::make_shared<const SyntheticUser>(world().truth->with_modifiers(names));
  const GuidanceScenario scenario(p);
  CHECK(scenario.spec().modifiers == names);
  const Trajectories t = play(scenario, FixedPolicy(5), 20);
  // Nothing shifts, bores or drifts; only the boredom of the history still fades.
  GuidanceParameters still = p;
  still.modifiers.emplace_back("recovery_scale", 0.0F);
  std::vector<std::string> all = names;
  all.emplace_back("recovery_scale");
  still.users = std::make_shared<const SyntheticUser>(world().truth->with_modifiers(all));
  const Trajectories frozen = play(GuidanceScenario(still), FixedPolicy(5), 20);
  for (std::size_t e = 0; e < 20; ++e) CHECK(frozen.episode_return[e] == 0.0F);
  CHECK(t.episode_return != frozen.episode_return);
}

TEST_CASE("a judge that reads the modifiers measures the modified world, another the unmodified one") {
  GuidanceParameters p = parameters();
  p.acceptance = Acceptance::sampled;
  p.modifiers = {{"drift_scale", 3.0F}, {"shift_scale", 2.0F}};
  const std::vector<std::string> names = {"drift_scale", "shift_scale"};
  const auto modified = std::make_shared<const SyntheticUser>(world().truth->with_modifiers(names));
  p.users = modified;
  Trajectories t = play(GuidanceScenario(p), FixedPolicy(no_item), 120);
  Panel({{"modified", "nobody", modified}, {"plain", "nobody", world().truth}}).judge(t);
  const AttributeTable attributes(p.data->catalogue);
  const EpisodeScores scores = score_episodes(t, t.judges[0], attributes);
  for (std::size_t e = 0; e < 120; ++e) {
    CHECK(scores.of(PathMetric::ioi)[e] == Approx(t.episode_return[e]).epsilon(1e-4));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(t.steps()); ++i) {
    CHECK(t.judges[0].acceptance[i] == Approx(t.probability[i]).epsilon(1e-5));
  }
  CHECK(t.judges[1].interest != t.judges[0].interest);
}

TEST_CASE("guidance keeps the contract of scenarios") {
  const auto policy = std::make_shared<const FixedPolicy>(no_item);
  GuidanceParameters p = parameters();
  SUBCASE("always") {}
  SUBCASE("sampled") { p.acceptance = Acceptance::sampled; }
  SUBCASE("uniform unseen") { p.target = TargetSource::uniform_unseen; }
  conformance::check_scenario(GuidanceScenario(p), policy);
}

TEST_CASE("other seeds are other episodes") {
  const GuidanceScenario scenario(parameters());
  CHECK(play(scenario, FixedPolicy(1), 50, 1).episode_user !=
        play(scenario, FixedPolicy(1), 50, 2).episode_user);
}

TEST_CASE("parameters that do not fit are named") {
  const auto broken = [](auto change) {
    GuidanceParameters p = parameters();
    change(p);
    return p;
  };
  using P = GuidanceParameters;
  CHECK_THROWS_AS(GuidanceScenario(broken([](P& p) { p.data.reset(); })), ConfigError);
  CHECK_THROWS_AS(GuidanceScenario(broken([](P& p) { p.users.reset(); })), ConfigError);
  CHECK_THROWS_AS(GuidanceScenario(broken([](P& p) { p.history = 0; })), ConfigError);
  CHECK_THROWS_AS(GuidanceScenario(broken([](P& p) { p.history_capacity = 5; })), ConfigError);
  constexpr std::int32_t huge = std::numeric_limits<std::int32_t>::max();
  CHECK_THROWS_WITH_AS(GuidanceScenario(broken([](P& p) { p.history = huge; })),
                       doctest::Contains("history: found 2147483647; expected 1 to 10000"), ConfigError);
  CHECK_THROWS_WITH_AS(GuidanceScenario(broken([](P& p) { p.horizon = huge; })),
                       doctest::Contains("horizon: found 2147483647; expected 1 to 10000"), ConfigError);
  CHECK_THROWS_AS(GuidanceScenario(broken([](P& p) { p.history_capacity = huge; })), ConfigError);
  CHECK_THROWS_AS(GuidanceScenario(broken([](P& p) { p.natural_farthest = 1; })), ConfigError);
  CHECK_THROWS_AS(GuidanceScenario(broken([](P& p) { p.patience = 0; })), ConfigError);
  CHECK_THROWS_AS(GuidanceScenario(broken([](P& p) { p.modifiers = {{"a", 1}, {"a", 2}}; })), ConfigError);
  CHECK_THROWS_WITH_AS(GuidanceScenario(broken([](P& p) { p.history = 1000; })), doctest::Contains("1000"),
                       DataError);
  CHECK_THROWS_WITH_AS(GuidanceScenario(broken([](P& p) { p.users = with_logs({{1}}, 5).users; })),
                       doctest::Contains("5 items"), ConfigError);
  CHECK_THROWS_AS(GuidanceScenario(broken([](P& p) {
                    Dataset data = *p.data;
                    data.parts.clear();
                    p.data = std::make_shared<const Dataset>(std::move(data));
                  })),
                  ConfigError);
}

TEST_CASE("target files are read and checked line by line") {
  const GuidanceParameters p = with_logs({{1, 2, 3}, {4, 5, 6}}, 8);
  const auto read = [&](const std::string& text) {
    std::istringstream in(text);
    return read_targets(in, "targets.tsv", *p.data);
  };
  CHECK(read("# comment\n\ni7\r\ni8\n") == std::vector<TargetChoice>{{-1, 7, 3}, {-1, 8, 4}});
  CHECK(read("\xEF\xBB\xBFi7\n") == std::vector<TargetChoice>{{-1, 7, 1}});
  CHECK(read("u1\ti7\nu0\ti7") == std::vector<TargetChoice>{{1, 7, 1}, {0, 7, 2}});
  CHECK_THROWS_WITH_AS(read("i7\ni9\n"), doctest::Contains("targets.tsv:2"), DataError);
  CHECK_THROWS_WITH_AS(read("u1\ti7\n\nnobody\ti7\n"), doctest::Contains("targets.tsv:3"), DataError);
  CHECK_THROWS_WITH_AS(read("u1\ti7\ni8\n"), doctest::Contains("targets.tsv:2"), DataError);
  CHECK_THROWS_WITH_AS(read("u1\ti7\t3\n"), doctest::Contains("targets.tsv:1"), DataError);
  CHECK_THROWS_WITH_AS(read("i7\ni7\n"), doctest::Contains("targets.tsv:2"), DataError);
  CHECK_THROWS_AS(read("# nothing\n"), DataError);
  CHECK_THROWS_AS(read_targets(std::filesystem::path("/nowhere/targets.tsv"), *p.data), IoError);
}

TEST_CASE("the registry makes what it lists and names what it knows") {
  ScenarioParameters p;
  p.guidance = parameters();
  REQUIRE(!scenarios().empty());
  CHECK(scenarios()[0].id == "guidance-v1");
  CHECK(make_scenario("guidance-v1", p)->spec().id == "guidance-v1");
  CHECK_THROWS_WITH_AS(make_scenario("guidance-v0", p), doctest::Contains("guidance-v1"), ConfigError);
}

}  // namespace
}  // namespace veer
