#include "rewards/slate.h"

#include <array>
#include <vector>

#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

constexpr SlateReward with_cost{.kind = SlateRewardKind::mean_with_cost};
constexpr SlateReward sweet{.kind = SlateRewardKind::sweet_point};
constexpr SlateReward clicks_alone{.kind = SlateRewardKind::mean_of_clicks};

/// Slates with the same number of clicks until patience is over.
struct Session {
  std::int32_t depth = 0;
  double total = 0.0;
  double consumed = 0.0;
};
Session constant_session(const SlateReward& reward, PatienceCost cost, std::int32_t clicks,
                         std::int32_t slots) {
  Session session;
  float patience = 20.0F;
  while (!patience_is_over(patience)) {
    const float r = slate_reward(reward, clicks, slots), taken = patience_taken(cost, r, clicks, slots);
    patience -= taken;
    session.total += double{r};
    session.consumed += double{taken};
    ++session.depth;
  }
  return session;
}

}  // namespace

TEST_CASE("a slate of nine earns and costs what the published table says, for every number of clicks") {
  struct Row {
    double reward, taken;
    std::int32_t depth;
    double total;
  };
  // Worked out by hand from the formulas: m = (c - 0.1 (9 - c)) / 9 and 10 - 9 r.
  const std::array<Row, 10> cost_table = {{{-0.1, 10.9, 2, -0.2},
                                           {0.0222222, 9.8, 2, 0.0444444},
                                           {0.1444444, 8.7, 3, 0.4333333},
                                           {0.2666667, 7.6, 3, 0.8},
                                           {0.3888889, 6.5, 3, 1.1666667},
                                           {0.5111111, 5.4, 4, 2.0444444},
                                           {0.6333333, 4.3, 5, 3.1666667},
                                           {0.7555556, 3.2, 6, 4.5333333},
                                           {0.8777778, 2.1, 10, 8.7777778},
                                           {1.0, 1.0, 20, 20.0}}};
  const std::array<Row, 10> sweet_table = {{{0.0, 10.0, 2, 0.0},
                                            {0.1222222, 8.9, 3, 0.3666667},
                                            {0.2444444, 7.8, 3, 0.7333333},
                                            {0.3666667, 6.7, 3, 1.1},
                                            {0.4888889, 5.6, 4, 1.9555556},
                                            {0.6111111, 4.5, 5, 3.0555556},
                                            {0.7333333, 3.4, 6, 4.4},
                                            {0.8555556, 2.3, 9, 7.7},
                                            {0.9777778, 1.2, 16, 15.6444444},
                                            {0.9, 1.9, 11, 9.9}}};
  for (std::int32_t c = 0; c <= 9; ++c) {
    CAPTURE(c);
    for (const bool is_sweet : {false, true}) {
      const SlateReward& kind = is_sweet ? sweet : with_cost;
      const Row& row = is_sweet ? sweet_table[at(c)] : cost_table[at(c)];
      const float r = slate_reward(kind, c, 9);
      CHECK(double{r} == Approx(row.reward).epsilon(1e-5));
      CHECK(double{patience_taken(PatienceCost::shortfall, r, c, 9)} == Approx(row.taken).epsilon(1e-5));
      const Session session = constant_session(kind, PatienceCost::shortfall, c, 9);
      CHECK(session.depth == row.depth);
      CHECK(session.total == Approx(row.total).epsilon(1e-5));
      // What was taken follows from depth and total reward, and ends between 19 and 19 plus one slate's.
      CHECK(9.0 * (session.depth - session.total) + session.depth == Approx(session.consumed).epsilon(1e-5));
      CHECK(session.consumed > 19.0);
      CHECK(session.consumed <= 19.0 + row.taken + 1e-4);
    }
  }
}

TEST_CASE("the longest sessions: twenty slates of nine clicks, sixteen of eight") {
  CHECK(constant_session(with_cost, PatienceCost::shortfall, 9, 9).total == Approx(20.0));
  const Session best = constant_session(sweet, PatienceCost::shortfall, 8, 9);
  CHECK(best.depth == 16);
  CHECK(best.total == Approx(15.644).epsilon(1e-4));
}

TEST_CASE("dissatisfied people stay ten to twenty slates, and their reward follows from that") {
  for (std::int32_t c = 0; c <= 6; ++c) {
    CAPTURE(c);
    const Session session = constant_session(clicks_alone, PatienceCost::dissatisfaction, c, 6);
    CHECK(session.depth >= 10);
    CHECK(session.depth <= 20);
    const double shortfall = 2.0 * session.depth - session.total;
    CHECK(shortfall > 19.0);
    CHECK(shortfall <= 21.0 + 1e-4);
  }
  for (const std::int32_t c : {0, 3, 6}) {
    CHECK(constant_session(clicks_alone, PatienceCost::request, c, 6).depth == 20);
  }
}

TEST_CASE("only shown items that were accepted count as clicks") {
  const std::vector<ItemId> items{4, 9, no_item, 2, /**/ 1, 2, 3, 5};
  const std::vector<std::uint8_t> answers{feedback::accepted, feedback::refused,  feedback::accepted,
                                          feedback::accepted, feedback::accepted, feedback::accepted,
                                          feedback::accepted, feedback::accepted};
  CHECK(clicks_of(std::span(items).first(4), std::span(answers).first(4)) == 2);
  RewardInputs in;
  in.items = {items.data(), 2, 4};
  in.feedback = {answers.data(), 2, 4};
  std::vector<float> out(2);
  const RewardTerm term = slate_term(with_cost, 2.0F);
  term.evaluate(in, out);
  CHECK(term.weight == 2.0F);
  CHECK(double{out[0]} == Approx((2.0 - 0.1 * 2.0) / 4.0));
  CHECK(double{out[1]} == Approx(1.0));
}

TEST_CASE("several behaviours earn and please by their weights") {
  SlateReward reward{.kind = SlateRewardKind::mean_of_behaviours};
  reward.weights[static_cast<std::size_t>(Behaviour::click)] = 0.5F;
  reward.weights[static_cast<std::size_t>(Behaviour::like)] = 2.0F;
  reward.weights[static_cast<std::size_t>(Behaviour::dislike)] = -0.25F;
  const std::uint8_t click = bit_of(Behaviour::click), like = bit_of(Behaviour::like),
                     dislike = bit_of(Behaviour::dislike);
  const auto both = static_cast<std::uint8_t>(click | like);
  const std::vector<ItemId> items{4, 9, 2, no_item};
  const auto earned = [&](std::vector<std::uint8_t> answers) {
    return double{slate_reward(reward, items, answers)};
  };
  const auto taken = [&](PatienceCost cost, std::vector<std::uint8_t> answers) {
    return double{patience_taken(cost, reward, items, answers)};
  };
  CHECK(earned({0, 0, 0, 0}) == 0.0);
  CHECK(earned({click, both, dislike, both}) == Approx((0.5 + 2.5 - 0.25) / 4.0));  // nothing was in slot 3
  CHECK(taken(PatienceCost::dissatisfaction, {click, 0, 0, 0}) == Approx(2.0 - 0.125));
  CHECK(taken(PatienceCost::dissatisfaction, {dislike, 0, 0, 0}) == Approx(2.0));  // never more
  CHECK(taken(PatienceCost::dissatisfaction, {both, both, both, 0}) == Approx(2.0 - 7.5 / 4.0));
  CHECK(taken(PatienceCost::request, {both, 0, 0, 0}) == Approx(1.0));
  // With every item clicked and liked a slate takes nothing: 2.5 each.
  CHECK(double{least_patience_taken(PatienceCost::dissatisfaction, reward, 3)} == 0.0);
  reward.weights[static_cast<std::size_t>(Behaviour::like)] = 0.3F;
  CHECK(double{least_patience_taken(PatienceCost::dissatisfaction, reward, 3)} == Approx(1.2));
  CHECK(double{least_patience_taken(PatienceCost::request, reward, 3)} == Approx(1.0));
  CHECK(double{least_patience_taken(PatienceCost::shortfall, {}, 9)} == Approx(1.0));
  // Clicks alone are what they were.
  const std::vector<std::uint8_t> answers{click, both, like, 0};
  CHECK(double{slate_reward({.kind = SlateRewardKind::mean_of_clicks}, items, answers)} == Approx(0.5));
  CHECK(double{slate_reward(reward, 2, 4)} == Approx(0.25));
}

}  // namespace veer
