#include "scenarios/slate/slate.h"

#include <tbb/task_arena.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "agents/baselines/slates.h"
#include "env/engine.h"
#include "env/error.h"
#include "scenarios/slate/slate_worlds.h"
#include "simulators/response/synthetic_response.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

const SlateMaterial& material_of(std::string_view name) {
  static std::map<std::string, SlateMaterial, std::less<>> made;
  const auto found = made.find(name);
  if (found != made.end()) return found->second;
  return made.emplace(name, synthetic_slate_material(slate_world(name), {}, 300)).first->second;
}

SlateScenario scenario_of(std::string_view name, const SlateChoices& choices = {}) {
  return SlateScenario(slate_parameters(slate_world(name), material_of(name), choices));
}

std::vector<float> worth_of(const SlateScenario& world) {
  return slate_worth(world.parameters().reward, world.parameters().slots);
}

Trajectories play(const Scenario& world, const Policy& policy, std::int32_t episodes = 200) {
  std::vector<EpisodeId> ids(at(episodes));
  std::iota(ids.begin(), ids.end(), EpisodeId{0});
  Engine engine(world, policy.spec(), {.rows = 256, .shard_rows = 64, .seed = 5});
  return engine.evaluate(policy, Mode::greedy, ids);
}

double mean_return(const Trajectories& t) {
  double sum = 0.0;
  for (const float r : t.episode_return) sum += double{r};
  return sum / static_cast<double>(t.episodes());
}

/// Always the same slate.
class FixedSlate final : public Policy {
 public:
  explicit FixedSlate(std::vector<ItemId> items)
      : items_(std::move(items)),
        spec_{
            .name = "fixed", .action = ActionKind::slate, .width = static_cast<std::int32_t>(items_.size())} {
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation&, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      std::ranges::copy(items_, actions.items.row(row).begin());
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  std::vector<ItemId> items_;
  PolicySpec spec_;
};

}  // namespace

TEST_CASE("worlds of slates conform, and so do their baselines") {
  for (const SlateWorldEntry& entry : slate_worlds()) {
    CAPTURE(entry.name);
    const SlateScenario world =
        scenario_of(entry.name, {.dropout = entry.name == "ml1m-session" ? 0.2F : 0.0F});
    CHECK(world.spec().id == "slate-v1");
    // As long as the best slates last.
    CHECK(world.spec().horizon == (entry.name == "rl4rs-session" ? 16 : 20));
    const auto random = std::make_shared<RandomSlates>("random", world.spec().items, world.spec().slots);
    conformance::check_scenario(world, random);
    conformance::check_policy(*random, world);
    std::vector<std::int64_t> counts(at(world.spec().items) + 1);
    for (const ItemId item : material_of(entry.name).people->liked) ++counts[at(item)];
    conformance::check_policy(PopularSlates("popular", counts, world.spec().slots), world);
    const auto oracle = make_response_user(material_of(entry.name).model, material_of(entry.name).people);
    conformance::check_policy(GreedySlates(*oracle, world.spec(), {}), world);
  }
}

TEST_CASE("depth and total reward of everybody who left say the same") {
  for (const char* name : {"ml1m-session", "rl4rs-session"}) {
    const SlateScenario world = scenario_of(name);
    const double largest = world.parameters().reward.kind == SlateRewardKind::sweet_point ? 10.0 : 10.9;
    const RandomSlates random("random", world.spec().items, 9);
    const auto users = make_response_user(material_of(name).model, material_of(name).people);
    const GreedySlates greedy(*users, world.spec(), {});
    for (const Policy* policy : {static_cast<const Policy*>(&random), static_cast<const Policy*>(&greedy)}) {
      CAPTURE(name);
      CAPTURE(policy->spec().name);
      const Trajectories t = play(world, *policy);
      for (std::int64_t e = 0; e < t.episodes(); ++e) {
        REQUIRE(t.end[at(e)] == EndReason::user_left);
        const double n = t.length[at(e)], total = double{t.episode_return[at(e)]};
        const double consumed = 9.0 * (n - total) + n;
        CHECK(consumed > 19.0 - 1e-3);
        CHECK(consumed <= 19.0 + largest + 1e-3);
      }
    }
  }
  const SlateScenario kuaisim = scenario_of("kuaisim-session");
  const Trajectories t = play(kuaisim, RandomSlates("random", kuaisim.spec().items, 6));
  for (std::int64_t e = 0; e < t.episodes(); ++e) {
    const double shortfall = 2.0 * t.length[at(e)] - double{t.episode_return[at(e)]};
    CHECK(shortfall > 19.0 - 1e-3);
    CHECK(shortfall <= 21.0 + 1e-3);
  }
}

TEST_CASE("clicked items join the history in slot order, the newest fifty stay") {
  const SlateScenario world = scenario_of("rl4rs-session", {.link = ResponseLink::saturated});
  const RandomSlates random("random", world.spec().items, 9);
  const auto policy = std::make_shared<RandomSlates>(random);
  Engine engine(world, policy->spec(), {.rows = 64, .shard_rows = 64, .seed = 5});
  engine.reset();
  engine.step(policy, Mode::sample);
  Shard shard = engine.batch().shard(0);
  std::int32_t seen = 0;
  for (std::int32_t row = 0; row < 64; ++row) {
    if (shard.step(row) == 0) continue;  // a new episode has begun
    std::vector<ItemId> clicked;
    for (std::int32_t k = 0; k < 9; ++k) {
      if (shard.feedback(row, k) == feedback::accepted) clicked.push_back(shard.items(row, k));
    }
    const std::span<const ItemId> history = shard.history.row(row).first(at(shard.history_size(row)));
    REQUIRE(history.size() >= clicked.size());
    CHECK(history.size() <= 50);
    CHECK(std::ranges::equal(history.last(clicked.size()), clicked));
    seen += clicked.empty() ? 0 : 1;
  }
  CHECK(seen > 20);
}

TEST_CASE("reward of the world: knowing people beats popularity, which beats chance") {
  constexpr std::int32_t few = 48;  // the differences are many times their errors
  for (const char* name : {"ml1m-session", "rl4rs-session"}) {
    for (const ResponseLink link : {ResponseLink::soft, ResponseLink::saturated}) {
      CAPTURE(name);
      CAPTURE(static_cast<int>(link));
      const SlateScenario world = scenario_of(name, {.link = link});
      const SlateMaterial& material = material_of(name);
      std::vector<std::int64_t> counts(at(world.spec().items) + 1);
      for (const ItemId item : material.people->liked) ++counts[at(item)];
      const double random = mean_return(play(world, RandomSlates("random", world.spec().items, 9), few));
      const double popular = mean_return(play(world, PopularSlates("popular", counts, 9), few));
      const double greedy = mean_return(play(world, GreedySlates(world.users(), world.spec(), {}), few));
      const double oracle = mean_return(
          play(world, GreedySlates(world.users(), world.spec(), {.worth = worth_of(world)}), few));
      MESSAGE(std::string(name) << ", " << std::string(link == ResponseLink::soft ? "soft" : "saturated")
                                << ": random " << random << ", popular " << popular << ", greedy " << greedy
                                << ", oracle " << oracle);
      CHECK(popular > random);
      CHECK(greedy > popular);
      CHECK(oracle > greedy - 0.2);
    }
  }
}

TEST_CASE("in the saturated sweet-point world one unwanted item per slate pays, and 15.644 is the ceiling") {
  const SlateScenario world = scenario_of("rl4rs-session", {.link = ResponseLink::saturated});
  const Trajectories all_wanted = play(world, GreedySlates(world.users(), world.spec(), {}));
  const Trajectories one_miss =
      play(world, GreedySlates(world.users(), world.spec(), {.worth = worth_of(world)}));
  CHECK(mean_return(all_wanted) == Approx(9.9).epsilon(0.02));
  CHECK(mean_return(one_miss) > 14.5);
  for (const float r : one_miss.episode_return) CHECK(r <= 15.6445F);
  for (const std::int32_t n : one_miss.length) CHECK(n <= 16);
}

TEST_CASE("what is no slate is refused, with lane and slot") {
  const SlateScenario world = scenario_of("rl4rs-session");
  const auto says = [&](std::vector<ItemId> items, std::initializer_list<const char*> words) {
    const auto policy = std::make_shared<const FixedSlate>(std::move(items));
    try {
      Engine engine(world, policy->spec(), {.rows = 32, .shard_rows = 32, .seed = 5});
      engine.reset();
      engine.step(policy, Mode::greedy);
    } catch (const ConfigError& error) {
      const std::string message = error.what();
      CAPTURE(message);
      for (const char* word : words) CHECK(message.find(word) != std::string::npos);
      return;
    }
    FAIL("accepted");
  };
  says({1, 2, 3, 4, 5, 6, 7, 8, 3}, {"lane 0", "slot 8", "item 3, as in slot 2", "9 distinct items"});
  says({1, 2, 3, 4, 5, 284, 7, 8, 9}, {"lane 0", "slot 5", "item 284", "1 to 283"});
  says({1, 2, 3, 4, 5, 6, 7, 8, no_item}, {"lane 0", "slot 8", "no item"});
  says({-4, 2, 3, 4, 5, 6, 7, 8, 9}, {"slot 0", "item -4"});
  says({1, 2, 3, 4, 5, 6, 7, 8}, {"8 items per step", "9 (scenario slate-v1)"});
}

TEST_CASE("parameters out of range are refused") {
  const auto refuses = [](const auto& change) {
    SlateParameters p = slate_parameters(slate_world("rl4rs-session"), material_of("rl4rs-session"));
    change(p);
    CHECK_THROWS_AS(SlateScenario(std::move(p)), ConfigError);
  };
  refuses([](SlateParameters& p) { p.people = nullptr; });
  refuses([](SlateParameters& p) { p.users = nullptr; });
  refuses([](SlateParameters& p) { p.slots = 0; });
  refuses([](SlateParameters& p) { p.slots = 284; });
  refuses([](SlateParameters& p) { p.history = 0; });
  refuses([](SlateParameters& p) { p.patience = 0.5F; });
  refuses([](SlateParameters& p) { p.reward.cost = -1.0F; });
  refuses([](SlateParameters& p) {
    auto people = *p.people;
    people.starts.clear();
    p.people = std::make_shared<const SlatePeople>(std::move(people));
  });
  CHECK_THROWS_AS(slate_world("ml10m-session"), ConfigError);
}

TEST_CASE("episodes start from the part asked for, and profiles are shown where the world says so") {
  SlateParameters p = slate_parameters(slate_world("rl4rs-session"), material_of("rl4rs-session"),
                                       {.part = Part::validation});
  p.shows_profile = true;
  const SlateScenario world(p);
  CHECK(world.spec().features == 42);
  const auto policy = std::make_shared<const RandomSlates>("random", 283, 9);
  Engine engine(world, policy->spec(), {.rows = 64, .shard_rows = 64, .seed = 5});
  engine.reset();
  engine.step(policy, Mode::sample);
  Shard shard = engine.batch().shard(0);
  for (std::int32_t row = 0; row < 64; ++row) {
    CHECK(p.people->part(shard.user(row)) == Part::validation);
    CHECK(std::ranges::equal(shard.features.row(row), p.people->profile(shard.user(row))));
  }
}

namespace {

const SlateMaterial& doers() {
  static const SlateMaterial made = synthetic_behaviour_material(slate_world("kuaisim-session"), 120);
  return made;
}

}  // namespace

TEST_CASE("kuaisim worlds play people of several behaviours, by clicks and by all they do") {
  for (const char* name : {"kuaisim-session", "kuaisim-request"}) {
    for (const bool all : {false, true}) {
      CAPTURE(name);
      CAPTURE(all);
      const SlateWorldEntry& world = slate_world(name);
      const SlateScenario scenario(slate_parameters(world, doers(), {.all_behaviours = all}));
      const auto policy = std::make_shared<const RandomSlates>("random", scenario.spec().items, 6);
      conformance::check_scenario(scenario, policy);
      const Trajectories t = play(scenario, *policy);
      for (std::int64_t e = 0; e < t.episodes(); ++e) {
        const double depth = t.length[at(e)], reward = double{t.episode_return[at(e)]};
        if (world.patience_cost == PatienceCost::request) {
          CHECK(depth == 20.0);
          // Clicks alone: at most 1 a slate. All but dislikes: at most 6.
          CHECK(reward <= (all ? 120.0 : 20.0));
        } else if (!all) {
          CHECK(2.0 * depth - reward > 19.0 - 1e-3);
          CHECK(2.0 * depth - reward <= 21.0 + 1e-3);
        } else {
          // A slate takes 2 - r of patience, but never more than 2.
          CHECK(2.0 * depth - reward <= 21.0 + 1e-3);
          CHECK(depth >= 10.0);
        }
      }
    }
  }
}

TEST_CASE("what behaviours weigh, and what is no world of behaviours") {
  const BehaviourModel& model = *doers().behaviours;
  const SlateReward session = reward_of_behaviours(slate_world("kuaisim-session"), model);
  const SlateReward request = reward_of_behaviours(slate_world("kuaisim-request"), model);
  for (std::size_t b = 0; b < model.sizes.behaviours.size(); ++b) {
    const auto place = static_cast<std::size_t>(model.sizes.behaviours[b]);
    const bool dislike = model.sizes.behaviours[b] == Behaviour::dislike;
    CHECK(session.weights[place] == (dislike ? -model.odds[b] : model.odds[b]));
    CHECK(request.weights[place] == (dislike ? 0.0F : 1.0F));
  }
  CHECK(session.weights[static_cast<std::size_t>(Behaviour::gift)] == 0.0F);
  CHECK_THROWS_AS(slate_parameters(slate_world("ml1m-session"), doers(), {.all_behaviours = true}),
                  ConfigError);
  const SlateMaterial clickers = synthetic_slate_material(slate_world("kuaisim-session"), {}, 50);
  CHECK_THROWS_AS(slate_parameters(slate_world("kuaisim-session"), clickers, {.all_behaviours = true}),
                  ConfigError);
  // Who may stay for ever is cut.
  auto pleased = std::make_shared<BehaviourModel>(model);
  pleased->odds[0] = 3.0F;
  SlateMaterial material = doers();
  material.behaviours = pleased;
  const SlateParameters p =
      slate_parameters(slate_world("kuaisim-session"), material, {.all_behaviours = true});
  CHECK(SlateScenario(p).spec().horizon == longest_pleased_session);
}

}  // namespace veer
