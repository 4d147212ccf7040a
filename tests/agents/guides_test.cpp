// The guiders that re-rank a next-item network, against scores worked out by hand on a handful of vectors.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "agents/guidance/averaged_person.h"
#include "agents/guidance/best_few.h"
#include "agents/guidance/guide_entries.h"
#include "agents/guidance/intents.h"
#include "agents/guidance/preference_guide.h"
#include "agents/guidance/reranked_next_item.h"
#include "agents/policy_registry.h"
#include "env/data/dataset.h"
#include "env/error.h"
#include "env/random.h"
#include "tests/agents/desk.h"
#include "tests/agents/last_item_person.h"
#include "tests/test.h"

namespace veer {
namespace {

using testing::Desk;
using testing::LastItemPerson;
using Items = std::vector<ItemId>;

/// Points of a plane as an item table: item 1 is the first.
struct Plane {
  Plane(std::initializer_list<std::pair<float, float>> points) : values(2, 0.0F) {
    for (const auto& [x, y] : points) values.insert(values.end(), {x, y});
  }
  View<const float> table() const { return {values.data(), static_cast<std::int32_t>(values.size() / 2), 2}; }
  std::shared_ptr<const PersonVectors> people() const { return std::make_shared<LastItemPerson>(table()); }
  std::vector<float> values;
};

VectorGuideOptions guide(const char* name, bool allow_target = false) {
  return {.name = name, .horizon = 6, .allow_target = allow_target};
}

std::string message(const auto& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("IPG multiplies the chance of being taken by the step towards the target") {
  const Plane plane{{1, 0}, {0, 1}, {1, 1}, {2, 0}, {-1, 0}, {0, 0}};
  const PreferenceGuide policy(plane.people(), plane.table(), {.guide = guide("ipg")});
  Desk desk(policy, 1, 8);
  desk.seat(0, 1, 2, Items{1});
  // From (1, 0) to (0, 1): only item 3 leads there, sigmoid(1) * 0.7071 = 0.517; the others score 0.
  // From (1, 1), which is closer than all that is left: sigmoid(-1) * -0.7071 = -0.190 for item 5, before
  // -0.354 for item 6 and -0.623 for item 4.
  // From (-1, 0): 0 for both, the lower id.
  CHECK(desk.walk(5) == Items{3, 5, 4, 6, no_item});

  const PreferenceGuide showing(plane.people(), plane.table(), {.guide = guide("ipg", true)});
  Desk other(showing, 1, 8);
  other.seat(0, 1, 2, Items{3});
  CHECK(other.walk(1) == Items{2});  // sigmoid(1) * (1 - 0.7071), the only gain

  // Without a target: the greatest sigmoid(u . e).
  desk.seat(0, 1, no_item, Items{1});
  CHECK(desk.walk(1) == Items{4});
}

TEST_CASE("The papers' inner products and the codes' cosines choose differently") {
  const Plane plane{{1, 0}, {0.1F, 1}, {1, 1}, {2, -0.5F}};
  // From (1, 0) to (1, 1). Inner products: sigmoid(0.1) * (1.1 - 1) = 0.053 for item 2, sigmoid(2) * (1.5 -
  // 1) = 0.440 for item 4. Cosines: sigmoid(0.1) * (0.7740 - 0.7071) = 0.035, sigmoid(2) * (0.5145 - 0.7071)
  // < 0.
  for (const auto& [similarity, expected] :
       {std::pair{Similarity::dot, ItemId{4}}, std::pair{Similarity::cosine, ItemId{2}}}) {
    const PreferenceGuide policy(plane.people(), plane.table(),
                                 {.guide = guide("ipg"), .similarity = similarity});
    Desk desk(policy, 1, 8);
    desk.seat(0, 1, 3, Items{1});
    CHECK(desk.walk(1) == Items{expected});
  }
}

TEST_CASE("Guiders show nothing twice when it is refused, and follow the history when it is not") {
  const Plane plane{{1, 0}, {0, 1}, {1, 1}, {2, 0}, {-1, 0}, {0, 0}};
  const PreferenceGuide policy(plane.people(), plane.table(), {.guide = guide("ipg")});
  Desk desk(policy, 1, 8);
  desk.seat(0, 1, 2, Items{1});
  // She stays at (1, 0): after item 3 everything scores 0, so ids ascend.
  CHECK(desk.walk(5, false) == Items{3, 4, 5, 6, no_item});
}

TEST_CASE("ITMPRec adds what the person's intention says about an item's") {
  const Plane plane{{1, 0}, {0, 1}, {1, 0.9F}, {0.9F, 1}};
  const std::vector<float> centres{3, 0, 0, 3};
  const ItemSpace space(plane.table(), false);
  const auto first = [&](float weight) {
    const PreferenceGuide policy(plane.people(), plane.table(),
                                 {.guide = guide("itmprec"), .intent_weight = weight},
                                 Intents({centres.data(), 2, 2}, space));
    Desk desk(policy, 1, 8);
    desk.seat(0, 1, 2, Items{1});
    return desk.walk(1).front();
  };
  // Guiding values 0.6690 and 0.7433, chances 0.7311 and 0.7109; the person and item 3 are of the first
  // intention: sigmoid(9) = 0.9999 against sigmoid(0) = 0.5.
  CHECK(first(0.0F) == 4);   // 0.489 < 0.528: IPG
  CHECK(first(0.05F) == 4);  // 0.523 < 0.547
  CHECK(first(0.5F) == 3);   // 0.824 > 0.714
  CHECK(message([&] {
          PreferenceGuide(plane.people(), plane.table(), {.guide = guide("itmprec"), .intent_weight = 0.1F});
        }).find("without intentions") != std::string::npos);
}

TEST_CASE("Intentions: the centre at the smallest angle, and how two centres agree") {
  const Plane plane{{5, 1}, {0.1F, 0.2F}, {0, 0}};
  const std::vector<float> centres{1, 0, 0, 4};
  const Intents intents({centres.data(), 2, 2}, ItemSpace(plane.table(), false));
  CHECK(intents.size() == 2);
  CHECK(intents.of_item(1) == 0);
  CHECK(intents.of_item(2) == 1);
  CHECK(intents.of_item(3) == 0);                       // no direction
  CHECK(intents.of(std::vector<float>{1, 0.9F}) == 0);  // though nearer to the longer centre by product
  CHECK(intents.agreement(0)[0] == doctest::Approx(1.0 / (1.0 + std::exp(-1.0))));
  CHECK(intents.agreement(0)[1] == doctest::Approx(0.5));
  CHECK(intents.agreement(1)[1] == doctest::Approx(1.0 / (1.0 + std::exp(-16.0))));
}

TEST_CASE("The best few of a stream are those that sorting finds, lower ids first between equals") {
  std::vector<float> scores(500);
  fill_uniform({9, 0, 0}, Stream::generate, scores);
  for (float& score : scores) score = std::floor(score * 40.0F);  // many equals
  scores[7] = -HUGE_VALF;
  Items order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](ItemId a, ItemId b) { return scores[at(a)] > scores[at(b)]; });
  for (const std::int32_t k : {1, 2, 13, 100, 499, 600}) {
    BestFew few(k);
    for (std::size_t i = 0; i < scores.size(); ++i) few.offer(static_cast<ItemId>(i), scores[i]);
    Items found;
    for (const ScoredItem& item : few.items()) found.push_back(item.item);
    Items expected(order.begin(), order.begin() + std::min<std::ptrdiff_t>(k, 499));
    std::ranges::sort(found);
    std::ranges::sort(expected);
    CHECK(found == expected);
  }
}

TEST_CASE("Re-ranking takes the closest to the target among the k likeliest") {
  const Plane plane{{1, 0}, {0, 1}, {2, 0.1F}, {1.5F, 1}, {1, 3}, {0.5F, 4}};
  // From (1, 0) to (0, 1): likeliest first 3, 4, 5, 6; closest to the target first 6, 5, 4, 3.
  for (const auto& [k, expected] : {std::pair{1, 3}, {2, 4}, {3, 5}, {4, 6}, {100, 6}}) {
    const RerankedNextItem policy(plane.people(), plane.table(), {.guide = guide("rerank"), .candidates = k});
    Desk desk(policy, 1, 8);
    desk.seat(0, 1, 2, Items{1});
    CHECK(desk.walk(1) == Items{expected});
  }
  const Plane scaled{{1, 0}, {0, 1}, {3, 1.2F}, {1.9F, 1}};
  for (const auto& [similarity, expected] :
       {std::pair{Similarity::dot, ItemId{3}}, std::pair{Similarity::cosine, ItemId{4}}}) {
    const RerankedNextItem policy(scaled.people(), scaled.table(),
                                  {.guide = guide("rerank"), .candidates = 2, .similarity = similarity});
    Desk desk(policy, 1, 8);
    desk.seat(0, 1, 2, Items{1});
    CHECK(desk.walk(1) == Items{expected});
  }
  // The target is one of the k where it may be shown; without a target the likeliest.
  const RerankedNextItem showing(plane.people(), plane.table(),
                                 {.guide = guide("rerank", true), .candidates = 100});
  Desk desk(showing, 1, 8);
  desk.seat(0, 1, 2, Items{1});
  CHECK(desk.walk(3) == Items{2, 6, 5});
  desk.seat(0, 1, no_item, Items{1});
  CHECK(desk.walk(1) == Items{3});
  CHECK_THROWS_AS(
      RerankedNextItem(plane.people(), plane.table(), {.guide = guide("rerank"), .candidates = 0}),
      ConfigError);
}

TEST_CASE("A catalogue of several tiles is searched to its end") {
  // Item i at (i, 1): the last one is the likeliest from (1, 0), the first of the ones left the closest.
  constexpr std::int32_t items = 2 * ItemSpace::tile + 5;
  std::vector<float> values{0, 0, 1, 0, 0, 1};
  for (std::int32_t i = 3; i <= items; ++i) values.insert(values.end(), {static_cast<float>(i), 1.0F});
  const View<const float> table(values.data(), items + 1, 2);
  const auto people = std::make_shared<LastItemPerson>(table);
  const RerankedNextItem few(people, table, {.guide = guide("rerank"), .candidates = 3});
  Desk desk(few, 1, 8);
  desk.seat(0, 1, 2, Items{1});
  CHECK(desk.walk(1) == Items{items - 2});
}

TEST_CASE("An averaged person moves towards what she takes, and only that") {
  const Plane plane{{1, 0}, {0, 1}, {1, 1}, {2, 0}, {-1, 0}};
  const AveragedPerson people(plane.people(), plane.table(), {.inertia = 0.8F});
  Batch batch({.rows = 1, .shard_rows = 1, .history_capacity = 8, .policy_state = people.state_width()}, 1);
  Shard shard = batch.shard(0);
  const auto workspace = people.make_workspace({.rows = 1, .history_capacity = 8});
  const std::int32_t rows[] = {0};
  shard.active(0) = 1;
  shard.target(0) = 2;
  append_history(shard, 0, 1);
  const auto stands = [&](float x, float y) {
    CHECK(shard.policy_state(0, 0) == doctest::Approx(x));
    CHECK(shard.policy_state(0, 1) == doctest::Approx(y));
  };
  const auto answer = [&](ItemId item, bool accepted, std::uint32_t steps = 1) {
    shard.items(0) = item;
    shard.feedback(0) = accepted ? feedback::accepted : feedback::refused;
    if (accepted) append_history(shard, 0, item);
    shard.step(0) += steps;
    people.follow(rows, observe(shard), shard.policy_state, *workspace);
  };
  people.begin(rows, observe(shard), shard.policy_state, *workspace);
  stands(1, 0);
  people.follow(rows, observe(shard), shard.policy_state, *workspace);
  stands(1, 0);
  answer(3, true);
  stands(1.0F, 0.2F);
  answer(5, false);
  stands(1.0F, 0.2F);
  answer(4, true);
  stands(1.2F, 0.16F);
  answer(5, true, 2);  // steps that nobody followed: from the history again
  stands(-1, 0);

  // Arousal. At (1, 0) with item 1 in the history the two favourites are 4 and 3, at cosines 0 and 0.7071 of
  // the target: 1 - 0.3536, or 1 - 0.5 where that is the least.
  shard.history_size(0) = 0;
  append_history(shard, 0, 1);
  const std::vector<float> here{1, 0};
  const auto inertia = [&](float least) {
    return AveragedPerson(plane.people(), plane.table(), {.favourites = 2, .least_arousal = least})
        .inertia(0, observe(shard), here);
  };
  CHECK(inertia(0.2F) == doctest::Approx(1.0 - 0.353553));
  CHECK(inertia(0.5F) == doctest::Approx(0.5));
  shard.target(0) = no_item;
  CHECK(inertia(0.2F) == 0.8F);
  CHECK_THROWS_AS(AveragedPerson(plane.people(), plane.table(), {.inertia = 1.5F}), ConfigError);
}

TEST_CASE("Bad parameters of guiders are refused by name") {
  const Plane plane{{1, 0}, {0, 1}, {1, 1}};
  PolicyRegistry registry;
  const auto load = [&](const PolicyContext&, const std::string& file) {
    std::vector<float> table = plane.values;
    if (file == "short") table.resize(6);
    return GuideModel{plane.people(), table};
  };
  for (PolicyEntry& entry : guide_entries(load)) registry.add(std::move(entry));
  const Dataset data;
  PolicyContext context;
  context.world.items = 3;
  context.world.horizon = 4;
  context.data = &data;
  const auto says = [&](const std::string& option, const std::string& part) {
    CAPTURE(option);
    const std::string text = message([&] { registry.make(option, context); });
    CAPTURE(text);
    CHECK(text.find("policy " + option.substr(0, option.find(':'))) != std::string::npos);
    CHECK(text.find(part) != std::string::npos);
  };
  for (const std::string option :
       {"ipg:model=m", "ipg:model=m,gamma=0.5,user=average,similarity=dot", "itmprec:model=m",
        "itmprec:model=m,intents=2,lambda=3,seed=7,user=average", "rerank:model=m,k=2"}) {
    CAPTURE(option);
    CHECK(registry.make(option, context)->spec().name == option);
  }
  says("ipg", "model");
  says("rerank:k=3", "model");
  says("ipg:model=m,gamma=2", "gamma");
  says("ipg:model=m,user=both", "user");
  says("ipg:model=m,similarity=near", "similarity");
  says("ipg:model=m,k=2", "\"k\"");
  says("ipg:model=short", "3 item vectors");
  says("itmprec:model=m,intents=0", "intents");
  says("itmprec:model=m,intents=4", "from 1 to 3");
  says("itmprec:model=m,lambda=-1", "lambda");
  says("itmprec:model=m,arousal=-0.1", "arousal");
  says("itmprec:model=m,favourites=0", "favourites");
  says("rerank:model=m,k=0", "k");
  says("rerank:model=m,allow_target=perhaps", "allow_target");
}

}  // namespace veer
