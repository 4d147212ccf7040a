// Agents of mixed pages on logs whose best answer is known.
#include "agents/ads/cross_dqn.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "agents/ads/page_baselines.h"
#include "env/error.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer::ads {
namespace {

using doctest::Approx;

constexpr PageLayout small_page{.slots = 3, .candidates = 4, .state = 2};

class PageTable final : public TransitionSource {
 public:
  explicit PageTable(Transitions all) : all_(std::move(all)) {}
  std::int64_t size() const noexcept override { return all_.count; }
  void gather(std::span<const std::int64_t> indices, Transitions& out) const override {
    out.resize(static_cast<std::int32_t>(indices.size()), all_);
    for (std::size_t i = 0; i < indices.size(); ++i)
      out.copy_from(all_, indices[i], static_cast<std::int64_t>(i));
  }

 private:
  Transitions all_;
};

struct LoggedPage {
  std::span<float> observed, next_observed, terms;
  std::int32_t mask;
  std::span<const std::int32_t> order;
  float& reward;
  EndReason& end;
};

/// Pages of random candidates under random masks and orders; `tell` writes what came of each.
template <class Tell>
PageTable random_log(std::int32_t count, const Tell& tell) {
  Transitions log;
  log.resize(count, BatchShape{.rows = count,
                               .slots = 3,
                               .reals = small_page.reals(),
                               .features = small_page.features(),
                               .reward_terms = 2});
  const auto features = at(small_page.features());
  for (std::int32_t i = 0; i < count; ++i) {
    const StepKey key{11, static_cast<EpisodeId>(i), 0};
    const std::span<float> observed = std::span(log.observed).subspan(at(i) * features, features);
    fill_uniform(key, Stream::generate, observed);
    observed[0] = observed[1] = 0.0F;
    std::vector<std::int32_t> order{0, 1, 2, 3};
    shuffle(key, Stream::shuffle, order);
    const auto mask = static_cast<std::int32_t>(uniform_below(8, key, Stream::policy));
    write_action(small_page, mask, order,
                 std::span(log.action_reals).subspan(at(i) * at(small_page.reals()), at(small_page.reals())));
    tell(i, LoggedPage{observed, std::span(log.next_observed).subspan(at(i) * features, features),
                       std::span(log.terms).subspan(at(i) * 2, 2), mask, order, log.reward[at(i)],
                       log.end[at(i)]});
  }
  return PageTable(std::move(log));
}

std::int32_t best_mask(const CrossDqnLearner& learner, float first, float second) {
  std::vector<float> features(at(small_page.features()), 0.5F);
  features[0] = first;
  features[1] = second;
  const std::vector<float> q = learner.mask_values(features);
  return static_cast<std::int32_t>(std::ranges::max_element(q) - q.begin());
}

CrossDqnOptions small_agent(float discount) {
  CrossDqnOptions o;
  o.layout = small_page;
  o.discount = discount;
  o.rate = 3e-3F;
  o.target_rate = 0.02F;
  return o;
}

TEST_CASE("actions are written and read back") {
  std::vector<float> reals(at(small_page.reals()));
  const std::vector<std::int32_t> best{2, 0};
  write_action(small_page, 0b101, best, reals);
  CHECK(reals == std::vector<float>{1.0F, -1.0F, 1.0F, 0.75F, 0.0F, 1.0F, 0.0F});
  std::vector<std::int32_t> order;
  CHECK(read_action(small_page, reals, order) == 0b101);
  CHECK(order == std::vector<std::int32_t>{2, 0, 1, 3});
}

TEST_CASE("gradients of the values of masks and items are those of differences") {
  const AdValues ads(small_page, 6);
  const ItemValues items(small_page, 6);
  std::vector<float> p(ads.parameters()), r(items.parameters());
  ads.initialise(3, p);
  items.initialise(3, r);
  std::vector<float> features(at(small_page.features()));
  fill_uniform({1, 2, 3}, Stream::generate, features);
  const std::vector<std::int32_t> order{3, 1, 0, 2};
  std::vector<float> all(8);
  ads.masks(p, features, order, all);
  constexpr float h = 2e-3F;
  for (const std::int32_t mask : {0, 2, 5, 7}) {
    CHECK(all[at(mask)] == Approx(ads.value(p, features, order, mask)));
    std::vector<float> gradient(p.size(), 0.0F);
    ads.add_gradient(p, features, order, mask, 2.0F, gradient);
    for (std::size_t i = 0; i < p.size(); i += 5) {
      std::vector<float> moved = p;
      moved[i] += h;
      const double up = double{ads.value(moved, features, order, mask)};
      moved[i] -= 2 * h;
      const double slope = (up - double{ads.value(moved, features, order, mask)}) / double{h};
      CHECK(std::abs(double{gradient[i]} - slope) < 5e-3 + 0.02 * std::abs(slope));
    }
  }
  const PageRequest request(small_page, features);
  DenseNetwork::Pass pass;
  const std::vector<std::int32_t> greedy = items.order(r, request);
  REQUIRE(greedy.size() == 3);
  for (std::int32_t c = 0; c < 4; ++c) {
    CHECK(items.value(r, request, greedy[0], 0, pass) >= items.value(r, request, c, 0, pass));
  }
}

TEST_CASE("one page: the mask that earns most, which depends on the person") {
  // In state (0, .) an ad in the second slot alone is best, in state (1, .) ads everywhere but there.
  const PageTable log = random_log(3000, [](std::int32_t i, const LoggedPage& page) {
    const bool other = i % 2 == 1;
    page.observed[0] = other ? 1.0F : 0.0F;
    const auto wrong = std::popcount(static_cast<unsigned>(page.mask ^ (other ? 0b101 : 0b010)));
    page.reward = 1.0F - 0.3F * static_cast<float>(wrong);
    page.end = EndReason::user_left;
  });
  CrossDqnLearner learner(small_agent(0.95F), 1);
  for (int u = 0; u < 1500; ++u) (void)learner.update(log);
  CHECK(best_mask(learner, 0.0F, 0.0F) == 0b010);
  CHECK(best_mask(learner, 1.0F, 0.0F) == 0b101);
  std::vector<float> features(at(small_page.features()), 0.5F);
  features[0] = features[1] = 0.0F;
  const std::vector<float> q = learner.mask_values(features);
  CHECK(q[0b010] == Approx(1.0).epsilon(0.1));
  CHECK(q[0b101] == Approx(0.1).epsilon(1.0));
}

TEST_CASE("what a page costs later is seen by an agent that bootstraps, and by no other") {
  // First page: every ad earns 0.3 and people leave if there was one; who stays has a page that earns 1.
  const PageTable log = random_log(3000, [](std::int32_t i, const LoggedPage& page) {
    const bool second = i % 2 == 1;
    page.observed[1] = second ? 1.0F : 0.0F;
    page.reward = second ? 1.0F : 0.3F * static_cast<float>(std::popcount(static_cast<unsigned>(page.mask)));
    page.end = second || page.mask != 0 ? EndReason::user_left : EndReason::running;
    std::ranges::copy(page.observed, page.next_observed.begin());
    page.next_observed[1] = 1.0F;
  });
  CrossDqnLearner looks_ahead(small_agent(0.95F), 1), as_released(small_agent(0.0F), 1);
  for (int u = 0; u < 1500; ++u) {
    (void)looks_ahead.update(log);
    (void)as_released.update(log);
  }
  // 0 + 0.95 * 1 against 0.9 at once; without the second page 0 against 0.9.
  CHECK(best_mask(looks_ahead, 0.0F, 0.0F) == 0);
  CHECK(best_mask(as_released, 0.0F, 0.0F) == 0b111);
}

TEST_CASE("the other agent orders items by what is good for people, or also by what they earn") {
  // Only the first item counts: its worth for the experience, its chance of a click for the revenue.
  const PageTable log = random_log(3000, [](std::int32_t, const LoggedPage& page) {
    const PageRequest request(small_page, page.observed);
    const bool shown = page.mask != 0b111;
    page.terms[0] = shown ? 3.0F * request.item(page.order[0]).click : 0.0F;
    page.terms[1] = shown ? request.item(page.order[0]).worth : 0.0F;
    page.end = EndReason::user_left;
  });
  for (const float coupling : {0.0F, 1.0F}) {
    CrossDqnOptions options = small_agent(0.95F);
    options.coupling = coupling;
    CrossDqnLearner learner(options, 1);
    for (int u = 0; u < 1500; ++u) (void)learner.update(log);
    // Of four items in random requests, the first of the order is the best one.
    int right = 0;
    for (std::uint32_t i = 0; i < 100; ++i) {
      Batch batch({.rows = 1, .shard_rows = 1, .slots = 3, .reals = 7, .features = small_page.features()}, 1);
      Shard shard = batch.shard(0);
      fill_uniform({99, i, 0}, Stream::generate, shard.features.row(0));
      shard.features(0, 0) = shard.features(0, 1) = 0.0F;
      Workspace none;
      PolicyState state{shard.policy_state, none};
      Actions actions{shard.items, {}, shard.reals, shard.log_prob};
      const std::vector<std::int32_t> rows{0};
      learner.snapshot()->act(rows, observe(shard), state, actions, Mode::greedy);
      std::vector<std::int32_t> order;
      read_action(small_page, shard.reals.row(0), order);
      const PageRequest request(small_page, shard.features.row(0));
      const auto goal = [&](std::int32_t c) {
        return request.item(c).worth + coupling * 3.0F * request.item(c).click;
      };
      std::int32_t best = 0;
      for (std::int32_t c = 1; c < 4; ++c) best = goal(c) > goal(best) ? c : best;
      right += order[0] == best ? 1 : 0;
    }
    CAPTURE(coupling);
    CHECK(right >= 80);
  }
}

TEST_CASE("an agent that leaves the items alone shows them by chance of a click") {
  CrossDqnOptions options = small_agent(0.9F);
  options.orders_items = false;
  options.exploration = 0.0F;
  const CrossDqnLearner learner(options, 1);
  Batch batch({.rows = 1, .shard_rows = 1, .slots = 3, .reals = 7, .features = small_page.features()}, 1);
  Shard shard = batch.shard(0);
  fill_uniform({5, 5, 5}, Stream::generate, shard.features.row(0));
  Workspace none;
  PolicyState state{shard.policy_state, none};
  Actions actions{shard.items, {}, shard.reals, shard.log_prob};
  learner.snapshot()->act(std::vector<std::int32_t>{0}, observe(shard), state, actions, Mode::greedy);
  std::vector<std::int32_t> order;
  read_action(small_page, shard.reals.row(0), order);
  CHECK(order == by_clicks(small_page, PageRequest(small_page, shard.features.row(0))));
}

TEST_CASE("a learner goes on from its file as if nothing had happened, and refuses other pages") {
  const PageTable log = random_log(200, [](std::int32_t, const LoggedPage& page) {
    page.reward = page.terms[1] = static_cast<float>(page.mask);
    page.end = EndReason::running;
  });
  CrossDqnLearner one(small_agent(0.5F), 4), two(small_agent(0.5F), 5);
  for (int u = 0; u < 3; ++u) (void)one.update(log);
  NamedArrays file;
  one.save(file);
  two.load(file);
  CrossDqnLearner same(small_agent(0.5F), 4);
  same.load(file);
  CHECK(one.update(log) == same.update(log));
  const std::vector<float> features(at(small_page.features()), 0.3F);
  CHECK(one.mask_values(features) == same.mask_values(features));
  CrossDqnOptions wide = small_agent(0.5F);
  wide.layout.slots = 4;
  CrossDqnLearner other(wide, 1);
  CHECK_THROWS_WITH_AS((void)other.update(log), doctest::Contains("layout"), ConfigError);
  CHECK_THROWS_WITH_AS(other.load(file), doctest::Contains("ads"), FormatError);
  CrossDqnOptions wrong = small_agent(1.0F);
  CHECK_THROWS_WITH_AS(CrossDqnLearner(wrong, 1), doctest::Contains("discount"), ConfigError);
}

}  // namespace
}  // namespace veer::ads
