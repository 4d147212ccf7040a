#include "rewards/crossed.h"

#include <cmath>
#include <limits>

#include "env/error.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer {
namespace {

constexpr float none = std::numeric_limits<float>::quiet_NaN();

/// values[s][e] = seed effect + person effect + noise, with deviations 0.5, 1 and 0.3; two episodes each.
struct Study {
  std::vector<std::vector<float>> values;
  std::vector<UserId> people;

  Study(std::uint64_t key, std::size_t seeds, std::size_t persons, float mean) {
    for (std::size_t e = 0; e < 2 * persons; ++e) people.push_back(static_cast<UserId>(e / 2));
    for (std::size_t s = 0; s < seeds; ++s) {
      auto& row = values.emplace_back();
      const float seed_effect = normal({key, s, 1}, Stream::generate);
      for (std::size_t e = 0; e < people.size(); ++e) {
        row.push_back(mean + 0.5F * seed_effect + normal({key, e / 2, 2}, Stream::generate) +
                      0.3F * normal({key, e, 3 + static_cast<std::uint32_t>(s)}, Stream::generate));
      }
    }
  }
  SeedValues all() const { return {values.begin(), values.end()}; }
};

TEST_CASE("means and differences of values worked out by hand; undefined ones do not count") {
  const std::vector<UserId> people{7, 7, 3, -1, -1};
  const std::vector<float> a{1, 3, none, 5, 7}, b{2, 2, 4, none, 0}, zero{0, 0, 0, 0, 0};
  const CrossedBootstrap study(people);
  CHECK(study.people() == 4);
  const Estimate mean = study.mean({a, b}, 0);
  CHECK(mean.mean == doctest::Approx(24.0 / 8));
  CHECK(mean.low < mean.mean);
  CHECK(mean.high > mean.mean);
  CHECK(study.difference({a}, 0, {b}, 1).mean == doctest::Approx(4.0 - 2.0));
  // The same values under the same people have no difference, however uncertain both are.
  const Estimate none_at_all = study.difference({a}, 0, {a}, 0);
  CHECK(none_at_all.low == 0.0);
  CHECK(none_at_all.high == 0.0);
  CHECK(none_at_all.p == 1.0);
  CHECK(study.mean({zero}, 0).p == 1.0);
  const std::vector<UserId> one{4, 4};
  const std::vector<float> two{1, 2}, nothing{none, none};
  CHECK(std::isnan(CrossedBootstrap(one).mean({two}, 0).low));
  CHECK(std::isnan(CrossedBootstrap(std::vector<UserId>{1, 2}).mean({nothing}, 0).mean));
  CHECK_THROWS_AS(CrossedBootstrap(one, {.replicates = 0}), ConfigError);
}

TEST_CASE("intervals know both people and seeds: width as two crossed random effects have it") {
  const Study study(5, 6, 400, 0.0F);
  const CrossedBootstrap crossed(study.people, {.replicates = 4000});
  const Estimate all = crossed.mean(study.all(), 0);
  // Of the mean: seeds 0.25 / 6, people 1 / 400.
  const double seeds = 0.25 / 6, people = 1.0 / 400;
  const double width = 2 * 1.96 * std::sqrt(seeds + people);
  CHECK(all.high - all.low > 0.5 * width);
  CHECK(all.high - all.low < 1.6 * width);
  const Estimate single = crossed.mean({study.values[0]}, 0);
  CHECK(single.high - single.low == doctest::Approx(2 * 1.96 * std::sqrt(people)).epsilon(0.1));
}

TEST_CASE("a difference of methods is covered about as often as it says, over studies") {
  int covered = 0, false_alarms = 0, found = 0;
  constexpr int studies = 200;
  for (std::uint64_t s = 0; s < studies; ++s) {
    // The same people for both: their effects cancel where the difference is paired.
    const Study a(2 * s + 1000, 10, 60, 0.0F);
    Study b(2 * s + 1001, 10, 60, 0.0F);
    for (std::size_t seed = 0; seed < b.values.size(); ++seed) {
      for (std::size_t e = 0; e < b.people.size(); ++e) {
        b.values[seed][e] += normal({2 * s + 1000, e / 2, 2}, Stream::generate) -
                             normal({2 * s + 1001, e / 2, 2}, Stream::generate);
      }
    }
    const CrossedBootstrap crossed(a.people, {.replicates = 600, .seed = s});
    const Estimate gap = crossed.difference(a.all(), 0, b.all(), 1);
    covered += gap.low <= 0 && gap.high >= 0 ? 1 : 0;
    false_alarms += gap.p < 0.05 ? 1 : 0;
    std::vector<std::vector<float>> better = a.values;
    for (auto& row : better) {
      for (float& value : row) value += 2.0F;
    }
    found += crossed.difference({better.begin(), better.end()}, 0, b.all(), 1).p < 0.05 ? 1 : 0;
  }
  // With ten seeds the percentile bootstrap is a little too sure of itself.
  CHECK(covered > 0.86 * studies);
  CHECK(false_alarms < 0.14 * studies);
  CHECK(found == studies);
}

TEST_CASE("with few seeds their variance is not hidden: the spread of the replicates over studies") {
  for (const std::size_t seeds : {2, 3, 5}) {
    CAPTURE(seeds);
    double spread = 0.0;
    constexpr std::uint64_t studies = 200;
    for (std::uint64_t s = 0; s < studies; ++s) {
      const Study study(s + 5000, seeds, 50, 0.0F);
      std::vector<double> found =
          CrossedBootstrap(study.people, {.replicates = 200, .seed = s}).replicates(study.all(), 0);
      found.pop_back();
      double mean = 0.0, squares = 0.0;
      for (const double value : found) mean += value / static_cast<double>(found.size());
      for (const double value : found) squares += (value - mean) * (value - mean);
      spread += squares / static_cast<double>(found.size() - 1) / static_cast<double>(studies);
    }
    // Seeds 0.25 / S, people 1 / 50.
    CHECK(spread == doctest::Approx(0.25 / static_cast<double>(seeds) + 1.0 / 50).epsilon(0.15));
  }
}

TEST_CASE("Holm's adjustment, worked out by hand") {
  const std::vector<double> p{0.01, std::nan(""), 0.04, 0.03, 0.005};
  const std::vector<double> found = holm_adjusted(p);
  CHECK(found[4] == doctest::Approx(0.02));
  CHECK(found[0] == doctest::Approx(0.03));
  CHECK(found[3] == doctest::Approx(0.06));
  CHECK(found[2] == doctest::Approx(0.06));
  CHECK(std::isnan(found[1]));
  CHECK(holm_adjusted(std::vector<double>{0.7, 0.9}) == std::vector<double>{1.0, 1.0});
}

}  // namespace
}  // namespace veer
