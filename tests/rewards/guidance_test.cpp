#include "rewards/guidance.h"

#include <cmath>
#include <numeric>
#include <vector>

#include "rewards/path_score.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

/// Items 1..4: attributes {0}, {0, 1}, {1}, none; and item 5 with attribute 70, in the second word of the
/// table.
Catalogue small_catalogue() {
  Catalogue c;
  c.ids = {"", "a", "b", "c", "d", "e"};
  c.titles = c.ids;
  for (int a = 0; a < 71; ++a) c.attribute_names.push_back("attribute " + std::to_string(a));
  c.attributes = {0, 0, 1, 1, 70};
  c.attribute_offsets = {0, 0, 1, 3, 4, 4, 5};
  return c;
}

Batch make_batch(std::int32_t slots = 1) {
  return Batch({.rows = 4, .shard_rows = 4, .history_capacity = 2, .slots = slots}, 1);
}

std::vector<float> evaluate(const RewardTerm& term, Shard& shard) {
  std::vector<float> out(4, -99.0F);
  term.evaluate(reward_inputs(shard), out);
  return out;
}

TEST_CASE("items share attributes or do not") {
  const AttributeTable table(small_catalogue());
  CHECK(table.share(1, 2));
  CHECK(table.share(2, 3));
  CHECK(!table.share(1, 3));
  CHECK(!table.share(4, 4));  // no attributes: nothing in common even with itself
  CHECK(table.share(5, 5));
  CHECK(!table.share(0, 1));
  CHECK(!table.share(1, 6));
  Catalogue bare;
  bare.ids = {"", "a"};
  bare.attribute_offsets = {0, 0, 0};
  CHECK(!AttributeTable(bare).share(1, 1));
}

TEST_CASE("every step reward by hand") {
  Batch batch = make_batch();
  Shard shard = batch.shard(0);
  // Row 0: accepted, shares with the last item. Row 1: refused. Row 2: the target, accepted, first step. Row
  // 3: nothing shown.
  const ItemId items[] = {2, 2, 3, no_item}, last[] = {1, 1, 2, 1}, target[] = {5, 5, 3, 5};
  const std::uint8_t answers[] = {1, 0, 1, 0};
  for (std::int32_t row = 0; row < 4; ++row) {
    shard.items(row) = items[row];
    shard.last_item(row) = last[row];
    shard.target(row) = target[row];
    shard.feedback(row) = answers[row];
    shard.probability(row) = 0.25F * static_cast<float>(row + 1);
    shard.step(row) = row == 2 ? 0 : 1;
    shard.interest_before(row) = -5.0F;
    shard.interest(row) = -5.0F + static_cast<float>(row);
    shard.rank_before(row) = 40;
    shard.rank(row) = 40 - 10 * row;
    shard.end(row) = row == 1 ? EndReason::user_left : EndReason::running;
  }
  CHECK(evaluate(increase_of_interest(), shard) == std::vector<float>{0, 1, 2, 3});
  CHECK(evaluate(increase_of_rank(), shard) == std::vector<float>{0, 10, 20, 30});
  CHECK(evaluate(click_probability(), shard) == std::vector<float>{0.25F, 0.5F, 0.75F, 0});
  CHECK(evaluate(acceptance(), shard) == std::vector<float>{1, 0, 1, 0});
  CHECK(evaluate(target_accepted(), shard) == std::vector<float>{0, 0, 1, 0});
  CHECK(evaluate(coherence(small_catalogue()), shard) == std::vector<float>{1, 0, 0, 0});
  CHECK(evaluate(abandonment(), shard) == std::vector<float>{0, -1, 0, 0});
  CHECK(increase_of_interest(2.5F).weight == 2.5F);
  CHECK(increase_of_interest().reads_interest);
  CHECK(click_probability().reads_acceptance);
  CHECK(!acceptance().reads_interest);
}

TEST_CASE("slates are averaged over what they show") {
  Batch batch = make_batch(3);
  Shard shard = batch.shard(0);
  const ItemId items[] = {1, 2, no_item};
  for (std::int32_t slot = 0; slot < 3; ++slot) {
    shard.items(0, slot) = items[slot];
    shard.probability(0, slot) = 0.5F + 0.25F * static_cast<float>(slot);
    shard.feedback(0, slot) = slot == 1 ? 1 : 0;
  }
  shard.target(0) = 2;
  CHECK(evaluate(click_probability(), shard)[0] == Approx(0.625));
  CHECK(evaluate(acceptance(), shard)[0] == Approx(0.5));
  CHECK(evaluate(target_accepted(), shard)[0] == 1.0F);
}

/// Three episodes: everything accepted (1, 2, 3; target 3), refusals in between (1, 4 refused, 2; target 5),
/// and nothing shown.
Trajectories three_episodes() {
  Trajectories t;
  t.episode = {0, 0, 0, 1, 1, 1};
  t.step = {0, 1, 2, 0, 1, 2};
  t.items = {1, 2, 3, 1, 4, 2};
  t.feedback = {1, 1, 1, 1, 0, 1};
  t.episode_id = {0, 1, 2};
  t.first_step = {0, 3, 6};
  t.length = {3, 3, 0};
  t.episode_target = {3, 5, 1};
  t.end = {EndReason::target_reached, EndReason::user_left, EndReason::policy_stopped};
  return t;
}

JudgeScores judge_of_three() {
  return {.judge = "by hand",
          .acceptance = {0.5F, 0.25F, 0.75F, 0.5F, 0.5F, 0.2F},
          .interest = {-4.0F, -3.5F, -2.0F, -7.0F, -6.5F, -6.0F},
          .rank = {30, 20, 5, 50, 60, 55},
          .start_interest = {-5.0F, -6.75F, -3.0F},
          .start_rank = {35, 45, 7}};
}

TEST_CASE("path metrics by hand") {
  const EpisodeScores s =
      score_episodes(three_episodes(), judge_of_three(), AttributeTable(small_catalogue()));
  const auto value = [&](PathMetric metric, std::size_t e) { return s.of(metric)[e]; };
  CHECK(value(PathMetric::ioi, 0) == Approx(3.0));
  CHECK(value(PathMetric::ioi, 1) == Approx(0.75));
  CHECK(value(PathMetric::ioi, 2) == 0.0F);
  CHECK(value(PathMetric::ior, 0) == 30.0F);
  CHECK(value(PathMetric::ior, 1) == -10.0F);
  CHECK(value(PathMetric::ior, 2) == 0.0F);
  CHECK(value(PathMetric::ctr, 0) == Approx(0.5));
  CHECK(value(PathMetric::ctr, 1) == Approx(0.4));  // the refused item was shown: it counts
  CHECK(value(PathMetric::ctr, 2) == 0.0F);
  // Episode 0: 1-2 and 2-3 share, and then 3 with the target 3. Episode 1: the path is 1, 2, which share; 2
  // and 5 do not.
  CHECK(value(PathMetric::coherence, 0) == 1.0F);
  CHECK(value(PathMetric::coherence_target, 0) == 1.0F);
  CHECK(value(PathMetric::coherence, 1) == 1.0F);
  CHECK(value(PathMetric::coherence_target, 1) == 0.5F);
  CHECK(std::isnan(value(PathMetric::coherence, 2)));
  CHECK(value(PathMetric::coherence_target, 2) == 0.0F);
  CHECK(value(PathMetric::acceptance_rate, 0) == 1.0F);
  CHECK(value(PathMetric::acceptance_rate, 1) == Approx(2.0 / 3.0));
  CHECK(std::isnan(value(PathMetric::acceptance_rate, 2)));
  CHECK(value(PathMetric::reached, 0) == 1.0F);
  CHECK(value(PathMetric::time_to_target, 0) == 3.0F);
  CHECK(value(PathMetric::reached, 1) == 0.0F);
  CHECK(std::isnan(value(PathMetric::time_to_target, 1)));
  CHECK(value(PathMetric::abandoned, 0) == 0.0F);
  CHECK(value(PathMetric::abandoned, 1) == 1.0F);
  CHECK(value(PathMetric::length, 1) == 3.0F);
  CHECK(value(PathMetric::length, 2) == 0.0F);
  CHECK(value(PathMetric::holds_target, 0) == 1.0F);
  CHECK(value(PathMetric::holds_target, 1) == 0.0F);
  CHECK(name_of(PathMetric::coherence_target) == "coherence_target");
  CHECK(name_of(PathMetric::holds_repeat) == "holds_repeat");
}

TEST_CASE("paths that hold the target, what the person had taken, or an item twice") {
  Trajectories t = three_episodes();
  t.items = {1, 3, 2, 1, 5, 1};  // the target is shown in both, refused in the second
  t.history_width = 2;
  t.history = {2, 7, 9, 1, 8, 8};
  t.history_size = {2, 1, 2};
  const EpisodeScores s = score_episodes(t, judge_of_three(), AttributeTable(small_catalogue()));
  const auto flags = [&](std::size_t e) {
    return std::vector<float>{s.of(PathMetric::holds_target)[e], s.of(PathMetric::holds_history)[e],
                              s.of(PathMetric::holds_repeat)[e]};
  };
  CHECK(flags(0) == std::vector<float>{1, 1, 0});
  CHECK(flags(1) == std::vector<float>{1, 0, 1});  // behind the end of a history stands nothing
  CHECK(flags(2) == std::vector<float>{0, 0, 0});
}

TEST_CASE("disagreement of an ensemble and steps off the data by hand") {
  const AttributeTable attributes(small_catalogue());
  JudgeScores judge = judge_of_three();
  const EpisodeScores alone = score_episodes(three_episodes(), judge, attributes);
  for (const PathMetric metric :
       {PathMetric::disagreement, PathMetric::interest_disagreement, PathMetric::off_data}) {
    for (const float value : alone.of(metric)) CHECK(std::isnan(value));
  }
  judge.acceptance_deviation = {0.1F, 0.2F, 0.3F, 0.0F, 0.0F, 0.3F};
  judge.interest_deviation = {1.0F, 2.0F, 0.0F, 3.0F, 0.0F, 0.0F};
  const std::vector<std::int32_t> support{4, 0, 1, 0, 0, 7};
  const EpisodeScores s = score_episodes(three_episodes(), judge, attributes, support);
  CHECK(s.of(PathMetric::disagreement)[0] == Approx(0.2));
  CHECK(s.of(PathMetric::disagreement)[1] == Approx(0.1));
  CHECK(s.of(PathMetric::interest_disagreement)[0] == Approx(1.0));
  CHECK(s.of(PathMetric::interest_disagreement)[1] == Approx(1.0));
  CHECK(s.of(PathMetric::off_data)[0] == Approx(1.0 / 3.0));
  CHECK(s.of(PathMetric::off_data)[1] == Approx(2.0 / 3.0));
  for (const PathMetric metric :
       {PathMetric::disagreement, PathMetric::interest_disagreement, PathMetric::off_data}) {
    CHECK(std::isnan(s.of(metric)[2]));  // nothing was shown
  }
  CHECK(name_of(PathMetric::off_data) == "off_data");
}

TEST_CASE("one accepted item has a target pair but no pair of its own") {
  Trajectories t = three_episodes();
  t.length = {1, 0, 0};
  t.episode_target = {2, 5, 1};
  const EpisodeScores s = score_episodes(t, judge_of_three(), AttributeTable(small_catalogue()));
  CHECK(std::isnan(s.of(PathMetric::coherence)[0]));
  CHECK(s.of(PathMetric::coherence_target)[0] == 1.0F);
}

TEST_CASE("step rewards sum to path metrics") {
  const Trajectories t = three_episodes();
  const JudgeScores judge = judge_of_three();
  const EpisodeScores s = score_episodes(t, judge, AttributeTable(small_catalogue()));
  Batch batch = make_batch();
  Shard shard = batch.shard(0);
  const RewardTerm share = coherence(small_catalogue());
  for (std::size_t e = 0; e < 2; ++e) {
    float ioi = 0.0F, ior = 0.0F, ctr = 0.0F, pairs = 0.0F;
    ItemId last = 4;  // the newest item of the history
    for (std::int32_t k = 0; k < t.length[e]; ++k) {
      const auto i = static_cast<std::size_t>(t.first_step[e] + k);
      shard.items(0) = t.items[i];
      shard.feedback(0) = t.feedback[i];
      shard.last_item(0) = last;
      shard.step(0) = t.step[i];
      shard.probability(0) = judge.acceptance[i];
      shard.interest_before(0) = k == 0 ? judge.start_interest[e] : judge.interest[i - 1];
      shard.interest(0) = judge.interest[i];
      shard.rank_before(0) = k == 0 ? judge.start_rank[e] : judge.rank[i - 1];
      shard.rank(0) = judge.rank[i];
      ioi += evaluate(increase_of_interest(), shard)[0];
      ior += evaluate(increase_of_rank(), shard)[0];
      ctr += evaluate(click_probability(), shard)[0];
      pairs += evaluate(share, shard)[0];
      if (t.feedback[i] != 0) last = t.items[i];
    }
    CHECK(ioi == Approx(s.of(PathMetric::ioi)[e]));
    CHECK(ior == s.of(PathMetric::ior)[e]);
    CHECK(ctr / static_cast<float>(t.length[e]) == Approx(s.of(PathMetric::ctr)[e]));
    if (e == 0) CHECK(pairs == 2.0F * s.of(PathMetric::coherence)[e]);
  }
}

}  // namespace
}  // namespace veer
