#include <array>
#include <cmath>
#include <vector>

#include "env/error.h"
#include "simulators/panel.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

std::shared_ptr<const UserModel> people(std::uint64_t seed, std::int32_t items = 40) {
  SyntheticParameters p;
  p.items = items;
  p.seed = seed;
  return std::make_shared<const SyntheticUser>(std::make_shared<const SyntheticWorld>(p));
}

Trajectories two_paths() {
  Trajectories t;
  t.seed = 1;
  t.history_width = 3;
  t.episode = {0, 0, 1};
  t.step = {0, 1, 0};
  t.user = {3, 3, 4};
  t.target = {9, 9, 8};
  t.items = {5, 9, 7};
  t.feedback = {1, 0, 1};
  t.probability = {1, 1, 1};
  t.log_prob = {0, 0, 0};
  t.episode_id = {0, 1};
  t.first_step = {0, 2};
  t.length = {2, 1};
  t.episode_user = {3, 4};
  t.episode_target = {9, 8};
  t.history = {1, 2, 3, 4, 5, no_item};
  t.history_size = {3, 2};
  t.end = {EndReason::horizon, EndReason::horizon};
  t.episode_return = {0, 0};
  return t;
}

TEST_CASE("a panel appends one score per judge, in order") {
  const Panel panel(
      {{"one", "truth", people(1)}, {"two", "truth", people(2)}, {"one again", "truth", people(1)}});
  Trajectories paths = two_paths();
  panel.judge(paths);
  REQUIRE(paths.judges.size() == 3);
  CHECK(paths.judges[1].judge == "two");
  CHECK(paths.judges[0].interest.size() == 3);
  CHECK(paths.judges[0].interest == paths.judges[2].interest);
  CHECK(paths.judges[0].interest != paths.judges[1].interest);
  CHECK_THROWS_AS(panel.judge(paths), ConfigError);
}

TEST_CASE("a panel rejects what it cannot seat") {
  CHECK_THROWS_AS(Panel({}), ConfigError);
  CHECK_THROWS_AS(Panel({{"a", "", nullptr}}), ConfigError);
  CHECK_THROWS_WITH_AS(Panel({{"a", "", people(1)}, {"a", "", people(2)}}), doctest::Contains("'a'"),
                       ConfigError);
  CHECK_THROWS_AS(Panel({{"a", "", people(1)}, {"b", "", people(2, 41)}}), ConfigError);
}

TEST_CASE("spread between judges by hand") {
  const std::vector<float> values = {1, 2, 5,    //
                                     3, 2, NAN,  //
                                     8, 2, 1};
  const std::vector<Spread> spread = spread_between_judges({values.data(), 3, 3});
  CHECK(spread[0].mean == Approx(4.0));
  CHECK(spread[0].range == Approx(7.0));
  CHECK(spread[0].deviation == Approx(std::sqrt(26.0 / 3.0)));
  CHECK(spread[1].range == 0.0F);
  CHECK(spread[1].deviation == 0.0F);
  CHECK(std::isnan(spread[2].mean));
  CHECK(std::isnan(spread[2].range));
}

TEST_CASE("rank correlation by hand, with ties") {
  const std::array<float, 4> a = {1, 2, 3, 4}, scaled = {10, 20, 30, 400}, reversed = {9, 5, 2, 1};
  CHECK(rank_correlation(a, scaled) == Approx(1.0));
  CHECK(rank_correlation(a, reversed) == Approx(-1.0));
  const std::array<float, 4> swapped = {1, 3, 2, 4};
  CHECK(rank_correlation(a, swapped) == Approx(1.0 - 6.0 * 2.0 / (4.0 * 15.0)));
  // Ranks 1.5, 1.5, 3, 4 against 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
  const std::array<float, 4> tied = {1, 1, 2, 3};
  CHECK(rank_correlation(a, tied) == Approx(4.5 / std::sqrt(4.5 * 5.0)));
  const std::array<float, 4> constant = {2, 2, 2, 2};
  CHECK(std::isnan(rank_correlation(a, constant)));
}

TEST_CASE("judges agree or not about the order of policies") {
  const std::vector<float> means = {0.1F, 0.5F, 0.9F, 1.0F, 5.0F, 9.0F, 3.0F, 2.0F, 1.0F};
  const std::vector<double> agreement = judge_agreement({means.data(), 3, 3});
  CHECK(agreement[0 * 3 + 1] == Approx(1.0));
  CHECK(agreement[0 * 3 + 2] == Approx(-1.0));
  CHECK(agreement[1 * 3 + 1] == Approx(1.0));
}

}  // namespace
}  // namespace veer
