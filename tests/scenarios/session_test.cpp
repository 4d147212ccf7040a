// session-v1: where episodes start, what is taken, bought and counted, when people leave; by hand and by
// exact expectation.
#include "scenarios/session.h"

#include <cmath>
#include <map>
#include <vector>

#include "env/data/attribute_table.h"
#include "env/engine.h"
#include "env/error.h"
#include "rewards/session_score.h"
#include "scenarios/registry.h"
#include "simulators/synthetic/synthetic_log.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

constexpr std::int32_t shop_items = 6;

/// Takes every item with the probability of its id, whatever came before.
class Fixed final : public UserModel {
 public:
  explicit Fixed(std::vector<float> probability) : probability_(std::move(probability)) {
    spec_.kind = "fixed";
    spec_.items = shop_items;
  }
  const UserModelSpec& spec() const noexcept override { return spec_; }
  void begin(Rows, Shard&, Workspace&) const override {}
  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      const float p = probability_[at(shard.items(row, 0))];
      shard.probability(row, 0) = p;
      shard.feedback(row, 0) =
          uniform(shard.key(row), Stream::choice) < p ? feedback::accepted : feedback::refused;
    }
  }
  void advance(Rows, Shard&, Workspace&) const override {}
  void measure(Rows, Shard&, Workspace&) const override {}
  void copy_state(Rows, Rows, Shard&, Workspace&) const override {}
  void propose(Rows, Shard&, Workspace&, View<ItemId>) const override {}
  void score_paths(const PathQuery&, const PathScores&, Workspace&) const override {}

 private:
  UserModelSpec spec_;
  std::vector<float> probability_;
};

/// Shows one item for ever, or 1, 2, 3, ... in turn.
class Shows final : public Policy {
 public:
  explicit Shows(ItemId item) : item_(item) { spec_.name = "shows"; }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      actions.items(row, 0) =
          item_ != no_item ? item_
                           : 1 + static_cast<ItemId>(seen.step(row) % static_cast<std::uint32_t>(shop_items));
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  ItemId item_;
};

std::shared_ptr<Dataset> small_shop(const std::vector<std::vector<ItemId>>& logs) {
  auto data = std::make_shared<Dataset>();
  data->catalogue.ids.assign(shop_items + 1, "i");
  data->catalogue.attribute_names = {"red", "blue"};
  data->catalogue.attribute_offsets = {0, 0, 1, 2, 3, 4, 5, 5};  // item 6 has none
  data->catalogue.attributes = {0, 0, 1, 1, 0};
  data->catalogue.popularity = {0, 8, 4, 2, 1, 1, 0};
  data->interactions.offsets = {0};
  for (const std::vector<ItemId>& log : logs) {
    data->interactions.user_ids.push_back("u");
    data->interactions.items.insert(data->interactions.items.end(), log.begin(), log.end());
    data->interactions.offsets.push_back(data->interactions.size());
    data->parts.push_back(Part::test);
  }
  return data;
}

SessionParameters shop_parameters(std::vector<float> probability) {
  SessionParameters p;
  p.data = small_shop({{1, 2, 3, 4, 5}, {2}});
  p.users = std::make_shared<const Fixed>(std::move(probability));
  p.history = 3;
  p.horizon = 4;
  return p;
}

Trajectories played(const SessionScenario& world, const Policy& policy, std::int64_t episodes) {
  Engine engine(world, policy.spec(), {.rows = 256});
  std::vector<EpisodeId> ids;
  for (std::int64_t e = 0; e < episodes; ++e) ids.push_back(static_cast<EpisodeId>(e));
  return engine.evaluate(policy, Mode::sample, ids);
}

std::shared_ptr<const PurchaseModel> buys_with(double probability) {
  const auto logit = static_cast<float>(std::log(probability / (1.0 - probability)));
  return std::make_shared<const PurchaseModel>(std::vector<float>(shop_items + 1, logit), PurchaseWeights{},
                                               1);
}

TEST_CASE("episodes start behind any item of a log, with as much of it as the history holds") {
  const SessionScenario world(shop_parameters(std::vector<float>(shop_items + 1, 1.0F)));
  const Trajectories all = played(world, Shows(1), 3000);
  std::map<std::vector<ItemId>, int> starts;
  for (std::size_t e = 0; e < 3000; ++e) {
    const auto first = all.history.begin() + static_cast<std::ptrdiff_t>(e) * all.history_width;
    ++starts[std::vector<ItemId>(first, first + all.history_size[e])];
    CHECK(all.episode_target[e] == no_item);
  }
  REQUIRE(starts.size() == 6);
  CHECK(starts[{2}] == Approx(1500).epsilon(0.1));
  for (const std::vector<ItemId>& start : {std::vector<ItemId>{1}, {1, 2}, {1, 2, 3}, {2, 3, 4}, {3, 4, 5}}) {
    CHECK(starts[start] == Approx(300).epsilon(0.2));
  }
  SessionParameters late = shop_parameters(std::vector<float>(shop_items + 1, 1.0F));
  late.cut = HistoryCut::last;
  const Trajectories last = played(SessionScenario(late), Shows(1), 50);
  for (std::size_t e = 0; e < 50; ++e) CHECK(last.history[e * 3] == (last.episode_user[e] == 0 ? 3 : 2));
}

TEST_CASE("refusals use up patience, purchases are drawn of what is taken, rewards count both") {
  SessionParameters p = shop_parameters({0.0F, 1.0F, 0.0F, 1.0F, 0.0F, 1.0F, 1.0F});
  p.patience = 2;
  p.weights = {.click = 0.2F, .purchase = 1.0F, .skip = 0.05F, .leave = 0.5F};
  p.purchases = buys_with(0.999999);
  const Trajectories all = played(SessionScenario(p), Shows(no_item), 1);
  // Taken and bought, refused, taken and bought, refused: patience is used up in the fourth step.
  REQUIRE(all.length[0] == 4);
  CHECK(all.end[0] == EndReason::user_left);
  CHECK(all.feedback == std::vector<std::uint8_t>{3, 0, 3, 0});
  CHECK(all.episode_return[0] == Approx(2.0 - 2 * 0.05 - 0.5));
  p.purchases = nullptr;
  p.patience_rule = PatienceRule::in_a_row;
  const Trajectories clicks_only = played(SessionScenario(p), Shows(no_item), 1);
  CHECK(clicks_only.end[0] == EndReason::horizon);
  CHECK(clicks_only.feedback == std::vector<std::uint8_t>{1, 0, 1, 0});
  CHECK(clicks_only.episode_return[0] == Approx(2 * 0.2 - 2 * 0.05));
}

TEST_CASE("what people take is worth what a fitted reward says") {
  SessionParameters p = shop_parameters({0.0F, 1.0F, 0.0F, 1.0F, 0.0F, 1.0F, 1.0F});
  p.patience = 2;
  p.weights = {.click = 0.0F, .purchase = 0.0F, .satisfaction = 2.0F};
  p.satisfaction = std::make_shared<const RewardModel>(
      RewardForm{}, ItemFeatures{},
      std::vector<RewardMember>{{{0.0F, 0.5F, 8.0F, 1.25F, 8.0F, 0.0F, 0.0F}, {}}});
  // Items 1 and 3 are taken, 2 and 4 refused.
  CHECK(played(SessionScenario(p), Shows(no_item), 1).episode_return[0] == Approx(2.0 * (0.5 + 1.25)));
  p.weights.satisfaction = 0.0F;
  CHECK(SessionScenario(p).rewards().empty());
  p.satisfaction = std::make_shared<const RewardModel>(RewardForm{}, ItemFeatures{},
                                                       std::vector<RewardMember>{{{0, 1}, {}}});
  CHECK_THROWS_WITH_AS(SessionScenario{p}, doctest::Contains("satisfaction"), ConfigError);
}

TEST_CASE("mean return and length are those of the exact expectation") {
  SessionParameters p = shop_parameters(std::vector<float>(shop_items + 1, 0.7F));
  p.patience = 2;
  p.horizon = 5;
  p.purchases = buys_with(0.25);
  // Steps until the second refusal, at most 5: P(length = k) = (k - 1) 0.7^(k-2) 0.3^2 for k < 5.
  double length = 0.0, left = 0.0;
  for (int k = 2; k <= 5; ++k) {
    const double ends = (k - 1) * std::pow(0.7, k - 2) * 0.09;
    if (k < 5) length += k * ends;
    left += ends;
  }
  double before = 0.0;
  for (int k = 2; k < 5; ++k) before += (k - 1) * std::pow(0.7, k - 2) * 0.09;
  length += 5 * (1.0 - before);
  const Trajectories all = played(SessionScenario(p), Shows(1), 40'000);
  const SessionScores scores = score_sessions(all, p.data->catalogue, AttributeTable(p.data->catalogue));
  const auto mean = [&](SessionMetric metric) {
    double sum = 0.0;
    for (const float v : scores.of(metric)) sum += double{v};
    return sum / 40'000.0;
  };
  CHECK(mean(SessionMetric::length) == Approx(length).epsilon(0.01));
  CHECK(mean(SessionMetric::left) == Approx(left).epsilon(0.02));
  // Every step, played or not, is taken with 0.7 independently of the past (Wald).
  CHECK(mean(SessionMetric::taken) == Approx(0.7 * length).epsilon(0.01));
  CHECK(mean(SessionMetric::purchases) == Approx(0.175 * length).epsilon(0.02));
  CHECK(mean(SessionMetric::worth) == Approx(length * 0.7 * (0.25 * 1.0 + 0.75 * 0.2)).epsilon(0.02));
}

TEST_CASE("figures of a session, by hand") {
  SessionParameters p = shop_parameters(std::vector<float>(shop_items + 1, 1.0F));
  p.data = small_shop({{2}});
  p.horizon = 6;
  const Trajectories all = played(SessionScenario(p), Shows(no_item), 1);
  const SessionScores scores = score_sessions(all, p.data->catalogue, AttributeTable(p.data->catalogue));
  // Shown 1..6: red red blue blue red and one without attributes: 10 pairs, 6 of them of two colours.
  CHECK(scores.of(SessionMetric::diversity)[0] == Approx(0.6));
  CHECK(scores.of(SessionMetric::repeats)[0] == Approx(1.0 / 6.0));
  CHECK(scores.of(SessionMetric::rarity)[0] == Approx((1.0 + 2.0 + 3.0 + 4.0 + 4.0 + 4.0) / 6.0));
  CHECK(scores.of(SessionMetric::take_rate)[0] == 1.0F);
  CHECK(scores.of(SessionMetric::left)[0] == 0.0F);
  const Coverage even = coverage_of(all, shop_items);
  CHECK(even.items == 6);
  CHECK(even.gini == Approx(0.0));
  const Trajectories one = played(SessionScenario(p), Shows(3), 1);
  const Coverage alone = coverage_of(one, shop_items);
  CHECK(alone.share == Approx(1.0 / 6.0));
  CHECK(alone.gini == Approx(5.0 / 6.0));
  const SessionScores same = score_sessions(one, p.data->catalogue, AttributeTable(p.data->catalogue));
  CHECK(same.of(SessionMetric::diversity)[0] == 0.0F);
  CHECK(same.of(SessionMetric::repeats)[0] == Approx(5.0 / 6.0));
}

TEST_CASE("parameters that do not fit are explained") {
  const std::vector<float> all(shop_items + 1, 1.0F);
  SessionParameters p = shop_parameters(all);
  p.horizon = 0;
  CHECK_THROWS_WITH_AS(SessionScenario{p}, doctest::Contains("session: horizon"), ConfigError);
  p = shop_parameters(all);
  p.purchases = std::make_shared<const PurchaseModel>(std::vector<float>(4, 0.0F), PurchaseWeights{}, 1);
  CHECK_THROWS_WITH_AS(SessionScenario{p}, doctest::Contains("session: purchases"), ConfigError);
  p = shop_parameters(all);
  p.weights.click = NAN;
  CHECK_THROWS_WITH_AS(SessionScenario{p}, doctest::Contains("session: weights"), ConfigError);
  p = shop_parameters(all);
  p.part = Part::validation;
  CHECK_THROWS_WITH_AS(SessionScenario{p}, doctest::Contains("nobody with a log"), DataError);
  ScenarioParameters registered;
  registered.session = shop_parameters(all);
  CHECK(make_scenario("session-v1", registered)->spec().id == "session-v1");
}

TEST_CASE("session-v1 conforms") {
  SyntheticLogParameters log;
  log.people = 100;
  log.events = 20;
  log.world.items = 60;
  const SyntheticLog world = generate_synthetic_log(log);
  SessionParameters p;
  p.data = std::make_shared<const Dataset>(world.dataset);
  p.users = world.truth;
  p.purchases = std::make_shared<const PurchaseModel>(std::vector<float>(61, -1.0F), PurchaseWeights{}, 10);
  const SessionScenario scenario(p);
  conformance::check_scenario(scenario, std::make_shared<const Shows>(no_item));
}

}  // namespace
}  // namespace veer
