// Figures of slates, by hand.
#include "rewards/slate_score.h"

#include <cmath>
#include <vector>

#include "tests/test.h"

using namespace veer;

TEST_CASE("reward, depth, clicks and diversity of slates, by hand") {
  Trajectories all;
  all.slots = 2;
  all.items = {1, 2, 1, 3, 2, 2};  // two slates of the first person, one of the second
  all.feedback = {1, 0, 1, 1, 0, 0};
  all.episode = {0, 0, 1};
  all.episode_id = {0, 1};
  all.first_step = {0, 2};
  all.length = {2, 1};
  all.episode_return = {1.5F, -0.1F};
  all.episode_user = {7, 9};
  const std::vector<float> vectors{0, 0, 1, 0, 0, 2, 3, 3};  // items at right angles, and one between them
  const SlateScores scores = score_slates(all, {vectors.data(), 4, 2});
  CHECK(scores.of(SlateMetric::reward)[0] == 1.5F);
  CHECK(scores.of(SlateMetric::depth)[0] == 2.0F);
  CHECK(scores.of(SlateMetric::per_slate)[0] == 0.75F);
  CHECK(scores.of(SlateMetric::click_rate)[0] == 0.75F);
  CHECK(scores.of(SlateMetric::click_rate)[1] == 0.0F);
  CHECK(scores.of(SlateMetric::diversity)[0] == doctest::Approx((1.0 + (1.0 - std::sqrt(0.5))) / 2.0));
  CHECK(scores.of(SlateMetric::diversity)[1] == doctest::Approx(0.0));
  CHECK(std::isnan(score_slates(all).of(SlateMetric::diversity)[0]));
}

TEST_CASE("the worst people are found by the mean of their episodes") {
  const std::vector<float> values{1, 9, 2, 2, 8, 10};
  const std::vector<UserId> people{0, 0, 1, 1, 2, 3};  // means 5, 2, 8, 10
  CHECK(worst_people(values, people, 0.25) == 2.0);
  CHECK(worst_people(values, people, 0.5) == 3.5);
  CHECK(worst_people(values, people, 0.01) == 2.0);
  CHECK(std::isnan(worst_people({}, {}, 0.2)));
}
