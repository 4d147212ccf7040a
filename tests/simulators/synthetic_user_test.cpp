#include "simulators/synthetic/synthetic_user.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "env/error.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

/// Three items over two topics: each topic alone, and (0.6, 0.8).
SyntheticUser tiny_users(TasteRates rates) {
  SyntheticParameters p;
  p.items = 3;
  p.topics = 2;
  p.scale = 2.0F;
  p.bias = -1.0F;
  p.temperature = 0.5F;
  p.rates = rates;
  return SyntheticUser(std::make_shared<const SyntheticWorld>(p, std::vector<float>{1, 0, 0, 1, 0.6F, 0.8F},
                                                              std::vector<float>{0.5F, 0.0F, -0.25F}));
}

Batch make_batch(const SyntheticUser& users, std::int32_t rows, std::int32_t modifiers = 0,
                 std::int32_t slots = 1) {
  return Batch({.rows = rows,
                .shard_rows = 32,
                .history_capacity = 12,
                .slots = slots,
                .user_state = users.state_width(),
                .modifiers = modifiers},
               9);
}

TEST_CASE("utility, acceptance, interest and rank by hand") {
  const SyntheticUser users = tiny_users({});
  // Taste (0.6, 0.8), boredom (0.1, 0): utilities 2 u.v + q - 1 - b.v.
  const std::array<float, 4> state = {0.6F, 0.8F, 0.1F, 0.0F};
  std::array<float, 3> utilities;
  users.utilities(state, utilities);
  CHECK(utilities[0] == Approx(1.2 + 0.5 - 1 - 0.1));
  CHECK(utilities[1] == Approx(1.6 - 1));
  CHECK(utilities[2] == Approx(2.0 - 0.25 - 1 - 0.06));
  CHECK(users.acceptance(state, 3) == Approx(1.0 / (1.0 + std::exp(-0.69))).epsilon(1e-6));
  const double total = std::exp(1.2) + std::exp(1.2) + std::exp(1.38);
  const ItemStanding third = users.standing(state, 3);
  CHECK(third.log_probability == Approx(1.38 - std::log(total)).epsilon(1e-6));
  CHECK(third.rank == 1);
  CHECK(users.standing(state, 2).log_probability == Approx(1.2 - std::log(total)).epsilon(1e-6));
  CHECK(users.standing(state, no_item).rank == 0);
  CHECK(users.standing(state, no_item).log_probability == 0.0F);
}

TEST_CASE("one shown item moves taste and boredom as documented") {
  const TasteRates rates{.shift = 0.5F, .boredom_growth = 0.3F, .boredom_decay = 0.25F, .drift = 0.0F};
  const SyntheticUser users = tiny_users(rates);
  std::array<float, 4> state = {1.0F, 0.0F, 0.4F, 0.2F};
  users.show(state, 2, true, rates, {});
  // Taste half way to (0, 1) is (0.5, 0.5), back to length 1.
  CHECK(state[0] == Approx(std::sqrt(0.5)));
  CHECK(state[1] == Approx(std::sqrt(0.5)));
  CHECK(state[2] == Approx(0.3));
  CHECK(state[3] == Approx(0.15 + 0.3));
  users.show(state, 1, false, rates, {});
  CHECK(state[0] == Approx(std::sqrt(0.5)));  // refused: the taste stays
  CHECK(state[2] == Approx(0.225 + 0.3));     // but seeing it tires
}

TEST_CASE("drift is a normal step per topic, keyed by episode and step") {
  std::vector<float> a(16, 0.25F), b = a, c = a;
  drift_taste(a, 0.1F, {1, 2, 3});
  drift_taste(b, 0.1F, {1, 2, 3});
  drift_taste(c, 0.1F, {1, 2, 4});
  CHECK(a == b);
  CHECK(a != c);
  CHECK(std::inner_product(a.begin(), a.end(), a.begin(), 0.0F) == Approx(1.0).epsilon(1e-5));
  std::vector<float> still(16, 0.25F);
  drift_taste(still, 0.0F, {1, 2, 3});
  CHECK(still == std::vector<float>(16, 0.25F));
}

TEST_CASE("interest is a distribution and ranks agree with sorting, for any catalogue size") {
  for (const std::int32_t items : {2, 31, 32, 33, 300, 1024, 1025, 2500}) {
    SyntheticParameters p;
    p.items = items;
    const SyntheticUser users(std::make_shared<const SyntheticWorld>(p));
    std::vector<float> state(static_cast<std::size_t>(users.state_width()));
    users.start(3, state);
    std::vector<float> utilities(static_cast<std::size_t>(items));
    users.utilities(state, utilities);
    double sum = 0.0;
    for (ItemId item = 1; item <= items; ++item) {
      const float own = utilities[static_cast<std::size_t>(item) - 1];
      const ItemStanding standing = users.standing(state, item);
      CHECK(standing.rank == 1 + std::ranges::count_if(utilities, [&](float u) { return u > own; }));
      sum += std::exp(double{standing.log_probability});
      double total = 0.0;
      for (const float u : utilities) total += std::exp((double{u} - double{own}) / double{p.temperature});
      CHECK(standing.log_probability == Approx(-std::log(total)).epsilon(2e-6));
    }
    CHECK(sum == Approx(1.0).epsilon(1e-5));
  }
}

TEST_CASE("very unlikely targets keep a finite log-probability") {
  SyntheticParameters p;
  p.items = 40;
  p.temperature = 0.01F;
  const SyntheticUser users(std::make_shared<const SyntheticWorld>(p));
  std::vector<float> state(static_cast<std::size_t>(users.state_width()));
  users.start(0, state);
  for (ItemId item = 1; item <= p.items; ++item) {
    CHECK(std::isfinite(users.standing(state, item).log_probability));
  }
}

TEST_CASE("begin replays the history; one more item in it is one more step") {
  SyntheticParameters p;
  p.rates.drift = 0.0F;
  const SyntheticUser users(std::make_shared<const SyntheticWorld>(p));
  Batch batch = make_batch(users, 2);
  Shard shard = batch.shard(0);
  const auto workspace = users.make_workspace({});
  for (const std::int32_t row : {0, 1}) {
    shard.user(row) = 5;
    shard.target(row) = 42;
    const std::array<ItemId, 4> history = {7, 100, 12, 250};
    for (std::size_t i = 0; i < (row == 0 ? 3U : 4U); ++i) append_history(shard, row, history[i]);
  }
  const std::array<std::int32_t, 2> rows = {0, 1};
  users.begin(rows, shard, *workspace);
  CHECK(!std::ranges::equal(shard.user_state.row(0), shard.user_state.row(1)));
  shard.items(0) = 250;
  shard.feedback(0) = feedback::accepted;
  users.advance(std::span(rows).first(1), shard, *workspace);
  CHECK(std::ranges::equal(shard.user_state.row(0), shard.user_state.row(1)));
}

TEST_CASE("answers are drawn with the stated probability") {
  const SyntheticUser users(std::make_shared<const SyntheticWorld>(SyntheticParameters{}));
  Batch batch = make_batch(users, 32);
  Shard shard = batch.shard(0);
  const auto workspace = users.make_workspace({});
  std::vector<std::int32_t> rows(32);
  std::iota(rows.begin(), rows.end(), 0);
  for (const std::int32_t row : rows) {
    shard.user(row) = row;
    shard.items(row) = 1 + row * 9;
  }
  users.begin(rows, shard, *workspace);
  double expected = 0.0, variance = 0.0, accepted = 0.0;
  for (std::uint32_t trial = 0; trial < 500; ++trial) {
    for (const std::int32_t row : rows) shard.episode(row) = static_cast<EpisodeId>(trial * 32 + row);
    users.choose(rows, shard, *workspace);
    for (const std::int32_t row : rows) {
      const double p = double{shard.probability(row)};
      expected += p;
      variance += p * (1 - p);
      accepted += shard.feedback(row);
    }
  }
  // 16,000 independent answers: four standard deviations.
  CHECK(std::abs(accepted - expected) < 4.0 * std::sqrt(variance));
}

TEST_CASE("modifiers scale the rates of their row only") {
  const SyntheticUser plain(std::make_shared<const SyntheticWorld>(SyntheticParameters{}));
  const std::vector<std::string> names = {"unrelated", "boredom_scale", "drift_scale", "shift_scale",
                                          "recovery_scale"};
  const SyntheticUser users = plain.with_modifiers(names);
  Batch batch = make_batch(users, 3, static_cast<std::int32_t>(names.size()));
  Shard shard = batch.shard(0);
  const auto workspace = users.make_workspace({});
  const std::array<std::int32_t, 3> rows = {0, 1, 2};
  for (const std::int32_t row : rows) {
    shard.user(row) = 1;
    shard.items(row) = 10;
    shard.feedback(row) = feedback::accepted;
    std::ranges::fill(shard.modifiers.row(row), 1.0F);
  }
  shard.modifiers(1, 0) = 50.0F;  // no knob of this model
  for (std::int32_t knob = 1; knob < 5; ++knob) shard.modifiers(2, knob) = 0.0F;
  users.begin(rows, shard, *workspace);
  const std::vector<float> start(shard.user_state.row(2).begin(), shard.user_state.row(2).end());
  users.advance(rows, shard, *workspace);
  CHECK(std::ranges::equal(shard.user_state.row(0), shard.user_state.row(1)));
  CHECK(std::ranges::equal(shard.user_state.row(2), start));  // all rates off: nothing moves
  CHECK(!std::ranges::equal(shard.user_state.row(0), start));
}

TEST_CASE("exhaustive search on a tiny world agrees with scored paths") {
  // Every path of length 2 over 3 items, stepped by hand through show(), against score_paths.
  const TasteRates rates{.shift = 0.3F, .boredom_growth = 0.4F, .boredom_decay = 0.1F, .drift = 0.05F};
  const SyntheticUser users = tiny_users(rates);
  const std::vector<ItemId> history = {1, 2}, target = {3};
  const std::vector<std::int32_t> history_size = {2}, prompt(9, 0), length(9, 2);
  const std::vector<UserId> user = {4};
  const std::vector<EpisodeId> episode = {77};
  std::vector<ItemId> items;
  std::vector<std::uint8_t> accepted;
  for (ItemId a = 1; a <= 3; ++a) {
    for (ItemId b = 1; b <= 3; ++b) {
      items.insert(items.end(), {a, b});
      accepted.insert(accepted.end(), {static_cast<std::uint8_t>(a != 2), 1});
    }
  }
  std::vector<float> acceptance(18), interest(18), start_interest(1);
  std::vector<std::int32_t> rank(18), start_rank(1);
  const auto workspace = users.make_workspace({});
  users.score_paths({.seed = 5,
                     .history = {history.data(), 1, 2},
                     .history_size = history_size,
                     .user = user,
                     .target = target,
                     .episode = episode,
                     .prompt = prompt,
                     .items = {items.data(), 9, 2},
                     .accepted = {accepted.data(), 9, 2},
                     .length = length},
                    {.acceptance = {acceptance.data(), 9, 2},
                     .interest = {interest.data(), 9, 2},
                     .rank = {rank.data(), 9, 2},
                     .start_interest = start_interest,
                     .start_rank = start_rank},
                    *workspace);
  TasteRates without_drift = rates;
  without_drift.drift = 0.0F;
  for (std::size_t path = 0; path < 9; ++path) {
    std::array<float, 4> state;
    users.start(4, state);
    for (const ItemId item : history) users.show(state, item, true, without_drift, {});
    CHECK(start_interest[0] == users.standing(state, 3).log_probability);
    for (std::uint32_t k = 0; k < 2; ++k) {
      const std::size_t i = path * 2 + k;
      CHECK(acceptance[i] == users.acceptance(state, items[i]));
      users.show(state, items[i], accepted[i] != 0, rates, {5, 77, k});
      CHECK(interest[i] == users.standing(state, 3).log_probability);
      CHECK(rank[i] == users.standing(state, 3).rank);
    }
  }
}

TEST_CASE("synthetic users keep the contract of user models") {
  SUBCASE("without drift") {
    SyntheticParameters p;
    p.items = 120;
    p.rates.drift = 0.0F;
    const SyntheticUser users(std::make_shared<const SyntheticWorld>(p));
    conformance::check_user_model(users, {});
  }
  SUBCASE("with drift") {
    SyntheticParameters p;
    p.items = 50;
    p.topics = 5;
    p.rates.drift = 0.1F;
    const SyntheticUser users(std::make_shared<const SyntheticWorld>(p));
    conformance::check_user_model(users, {.deterministic_state = false});
  }
}

TEST_CASE("proposals are the best by the stated score, ties by id") {
  const SyntheticUser users(std::make_shared<const SyntheticWorld>(SyntheticParameters{}));
  Batch batch = make_batch(users, 1);
  Shard shard = batch.shard(0);
  const auto workspace = users.make_workspace({});
  shard.user(0) = 2;
  shard.target(0) = 17;
  const std::array<std::int32_t, 1> rows = {0};
  users.begin(rows, shard, *workspace);
  std::vector<ItemId> few(10), all(300);
  users.propose(rows, shard, *workspace, {few.data(), 1, 10});
  users.propose(rows, shard, *workspace, {all.data(), 1, 300});
  CHECK(std::equal(few.begin(), few.end(), all.begin()));
  const auto score = [&](ItemId item) {
    const auto goal = users.world().topics_of(17), topics = users.world().topics_of(item);
    return double{users.acceptance(shard.user_state.row(0), item)} *
           std::inner_product(goal.begin(), goal.end(), topics.begin(), 0.0);
  };
  for (std::size_t i = 1; i < all.size(); ++i) CHECK(score(all[i - 1]) >= score(all[i]) - 1e-6);
  std::ranges::sort(all);
  CHECK(std::ranges::adjacent_find(all) == all.end());
  CHECK(all.front() == 1);
  CHECK(all.back() == 300);
}

TEST_CASE("people differ, worlds reproduce, item vectors have length 1") {
  SyntheticParameters p;
  const SyntheticWorld a(p), b(p);
  p.seed = 2;
  const SyntheticWorld other(p);
  CHECK(std::ranges::equal(a.all_topics(), b.all_topics()));
  CHECK(!std::ranges::equal(a.all_topics(), other.all_topics()));
  for (ItemId item = 1; item <= a.items(); ++item) {
    const auto v = a.topics_of(item);
    CHECK(std::inner_product(v.begin(), v.end(), v.begin(), 0.0) == Approx(1.0).epsilon(1e-5));
    CHECK(!a.main_topics_of(item).empty());
  }
  std::vector<float> first(16), second(16);
  a.taste_of(0, first);
  a.taste_of(1, second);
  CHECK(first != second);
}

TEST_CASE("any two items are joined by a chain of items that share topics") {
  const SyntheticWorld world{SyntheticParameters{}};
  std::vector<std::uint8_t> topic_seen(16, 0), item_seen(301, 0);
  std::vector<ItemId> queue = {1};
  item_seen[1] = 1;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    for (const std::int32_t topic : world.main_topics_of(queue[i])) {
      if (std::exchange(topic_seen[static_cast<std::size_t>(topic)], 1) != 0) continue;
      for (ItemId item = 1; item <= 300; ++item) {
        const auto topics = world.main_topics_of(item);
        if (item_seen[static_cast<std::size_t>(item)] == 0 && std::ranges::count(topics, topic) > 0) {
          item_seen[static_cast<std::size_t>(item)] = 1;
          queue.push_back(item);
        }
      }
    }
  }
  CHECK(queue.size() == 300);
}

TEST_CASE("a model file rebuilds the same people and notices damage") {
  SyntheticParameters p;
  p.items = 30;
  p.topics = 4;
  p.rates.drift = 0.03F;
  const SyntheticUser users(std::make_shared<const SyntheticWorld>(p));
  ModelFile file = synthetic_model_file(users, "f00d", "toy");
  CHECK(file.manifest.kind == "synthetic");
  CHECK(file.manifest.parameters == 30 * 4 + 30);
  const auto again = synthetic_user_from(file);
  std::vector<float> a(8), b(8);
  users.start(12, a);
  again->start(12, b);
  CHECK(a == b);
  CHECK(users.standing(a, 5).log_probability == again->standing(b, 5).log_probability);

  ModelFile other_kind = file;
  other_kind.manifest.kind = "sasrec";
  CHECK_THROWS_AS(synthetic_user_from(other_kind), FormatError);
  ModelFile damaged = file;
  std::vector<float> quality(30, 1.0F);
  damaged.parameters.set<float>("item_quality", quality);
  CHECK_THROWS_AS(synthetic_user_from(damaged), VerificationError);
  ModelFile missing = file;
  missing.manifest.hyper_parameters.erase("scale");
  CHECK_THROWS_AS(synthetic_user_from(missing), FormatError);
  ModelFile nonsense = file;
  nonsense.manifest.hyper_parameters["temperature"] = "-1";
  CHECK_THROWS_AS(synthetic_user_from(nonsense), FormatError);
  ModelFile cut = file;
  cut.parameters.set<float>("item_quality", std::span<const float>(quality).first(7));
  CHECK_THROWS_AS(synthetic_user_from(cut), FormatError);
}

TEST_CASE("parameters out of range are named") {
  const auto with = [](auto change) {
    SyntheticParameters p;
    change(p);
    return p;
  };
  CHECK_THROWS_AS(SyntheticWorld(with([](auto& p) { p.items = 1; })), ConfigError);
  CHECK_THROWS_AS(SyntheticWorld(with([](auto& p) { p.topics = 65; })), ConfigError);
  CHECK_THROWS_AS(SyntheticWorld(with([](auto& p) { p.temperature = 0.0F; })), ConfigError);
  CHECK_THROWS_AS(SyntheticWorld(with([](auto& p) { p.rates.shift = 1.5F; })), ConfigError);
  CHECK_THROWS_AS(SyntheticWorld(with([](auto& p) { p.scale = NAN; })), ConfigError);
  CHECK_THROWS_WITH_AS(SyntheticWorld(with([](auto& p) { p.bridge_share = 0.9F; })),
                       doctest::Contains("bridge_share"), ConfigError);
}

TEST_CASE("a million people with a history of 50 fit into two gigabytes") {
  const SyntheticUser users(std::make_shared<const SyntheticWorld>(SyntheticParameters{}));
  Batch batch({.rows = 128,
               .history_capacity = 50,
               .user_state = users.spec().state_width,
               .modifiers = 4,
               .reward_terms = 4},
              1);
  std::size_t bytes = 0;
  batch.for_each_column([&](std::string_view, std::span<std::byte> column) { bytes += column.size(); });
  CHECK(bytes / 128 * 1'000'000 < std::size_t{2} << 30);
}

}  // namespace
}  // namespace veer
