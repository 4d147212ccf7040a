// Gains that stand under one model alone, what natural drift explains, tails, and what pairing is worth.
#include "rewards/trust.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "env/random.h"
#include "tests/test.h"

namespace veer {
namespace {

constexpr std::size_t persons = 60, episodes = 240;
constexpr float none = std::numeric_limits<float>::quiet_NaN();

std::vector<UserId> four_each() {
  std::vector<UserId> people;
  for (std::size_t e = 0; e < episodes; ++e) people.push_back(static_cast<UserId>(e % persons));
  return people;
}

/// Increase of interest per episode under a judge: a mean, what the person and the judge make of it (common
/// to all policies of an episode), and noise of the policy.
std::vector<float> gains(std::uint64_t key, std::uint32_t policy, std::uint32_t judge, float mean) {
  std::vector<float> out;
  for (std::size_t e = 0; e < episodes; ++e) {
    const float person = normal({key, e % persons, 1}, Stream::generate);
    const float view = normal({key, e, 10 + judge}, Stream::generate);
    const float noise = normal({key, e, 100 + 10 * policy + judge}, Stream::generate);
    out.push_back(mean + person + 0.5F * view + 0.7F * noise);
  }
  return out;
}

/// Paired evidence of a candidate with these true gains under its own model and two others.
GainEvidence evidence(const CrossedBootstrap& bootstrap, std::uint64_t key, std::uint32_t policy,
                      const std::vector<float>& truth) {
  GainEvidence out;
  std::vector<double> own;
  for (std::uint32_t judge = 0; judge < truth.size(); ++judge) {
    const std::vector<float> mine = gains(key, policy, judge, truth[judge]), its = gains(key, 0, judge, 0.0F);
    std::vector<double> difference = bootstrap.replicates({mine}, policy);
    const std::vector<double> baseline = bootstrap.replicates({its}, 0);
    for (std::size_t r = 0; r < difference.size(); ++r) difference[r] -= baseline[r];
    if (judge == 0) {
      own = difference;
      out.own = bootstrap.estimate(difference);
      continue;
    }
    out.others.push_back(bootstrap.estimate(difference));
    out.shortfalls.push_back(bootstrap.difference(own, difference));
  }
  return out;
}

}  // namespace

TEST_CASE("verdicts on gains follow their definition") {
  const auto sure = [](double mean) { return Estimate{mean, mean - 0.1, mean + 0.1, 0.0005, 0.05}; };
  const Estimate unsure{0.3, -0.4, 1.0, 0.4, 0.35};
  const std::vector<GainEvidence> candidates{
      {sure(1.0), {sure(0.8), unsure}, {sure(0.2), unsure}},      // another judge sees it
      {sure(1.0), {unsure, sure(-0.5)}, {sure(0.7), sure(1.5)}},  // none does, and all see less
      {sure(1.0), {unsure, unsure}, {sure(0.7), unsure}},         // one cannot tell
      {unsure, {sure(0.8), sure(0.8)}, {unsure, unsure}},         // nothing to explain
      {sure(-1.0), {sure(0.8), sure(0.8)}, {unsure, unsure}},    {sure(1.0), {}, {}}};
  const std::vector<GainVerdict> found = verdicts_on_gains(candidates);
  CHECK(found == std::vector<GainVerdict>{GainVerdict::shared, GainVerdict::own_only, GainVerdict::open,
                                          GainVerdict::no_gain, GainVerdict::no_gain,
                                          GainVerdict::unexamined});
  CHECK(name_of(GainVerdict::own_only) == "own model only");
}

TEST_CASE("a policy that exploits one model is flagged, an honest one is not: 50 seeds") {
  const std::vector<UserId> people = four_each();
  int exploiter = 0, honest = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const CrossedBootstrap bootstrap(people, {.replicates = 600, .seed = seed});
    const std::vector<GainVerdict> found = verdicts_on_gains(std::vector<GainEvidence>{
        evidence(bootstrap, seed, 1, {1.0F, 0.05F, 0.0F}), evidence(bootstrap, seed, 2, {0.7F, 0.4F, 0.5F})});
    exploiter += found[0] == GainVerdict::own_only ? 1 : 0;
    honest += found[1] == GainVerdict::own_only ? 0 : 1;
  }
  MESSAGE(fmt::format("of 50: exploiter flagged {}, honest policy left alone {}", exploiter, honest));
  CHECK(exploiter >= 40);
  CHECK(honest >= 40);
}

TEST_CASE("what a policy caused beyond natural drift lies in its interval in 90 of 100 runs") {
  const std::vector<UserId> people = four_each();
  int caused = 0, share = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    // Left alone these people move by 0.6 towards the target, led by 1.5: 0.9 is caused, 60 %.
    const CrossedBootstrap bootstrap(people, {.replicates = 600, .seed = seed});
    const std::vector<float> led = gains(seed, 1, 0, 1.5F), alone = gains(seed, 0, 0, 0.6F);
    const std::vector<double> a = bootstrap.replicates({led}, 1), b = bootstrap.replicates({alone}, 0);
    const Estimate difference = bootstrap.difference(a, b), part = bootstrap.estimate(share_beyond(a, b));
    caused += difference.low <= 0.9 && 0.9 <= difference.high ? 1 : 0;
    share += part.low <= 0.6 && 0.6 <= part.high ? 1 : 0;
  }
  MESSAGE(fmt::format("of 100: difference covered {}, share of the shift {}", caused, share));
  CHECK(caused >= 90);
  CHECK(share >= 90);
}

TEST_CASE("tails by hand: the worst people and the worst episodes, with a part of the one at the edge") {
  // Means of people: 1 (values 0 and 2), 4, 2; one more without a value.
  const std::vector<UserId> people{5, 5, 6, 7, 8};
  const std::vector<float> values{0, 2, 4, 2, none};
  const CrossedBootstrap bootstrap(people);
  const auto worst = [&](TailUnit unit, double share) {
    return bootstrap.estimate(bootstrap.worst_replicates({values}, 0, unit, share));
  };
  CHECK(worst(TailUnit::people, 1.0 / 3).mean == doctest::Approx(1.0));
  CHECK(worst(TailUnit::people, 0.5).mean == doctest::Approx((1.0 + 0.5 * 2.0) / 1.5));
  CHECK(worst(TailUnit::people, 1.0).mean == doctest::Approx(7.0 / 3));
  CHECK(worst(TailUnit::episodes, 0.25).mean == doctest::Approx(0.0));
  CHECK(worst(TailUnit::episodes, 0.5).mean == doctest::Approx(1.0));
  const Estimate tail = worst(TailUnit::episodes, 0.5);
  CHECK(tail.low <= tail.mean);
  CHECK(tail.high >= tail.mean);
  const std::vector<float> nothing(5, none);
  CHECK(std::isnan(bootstrap.estimate(bootstrap.worst_replicates({nothing}, 0, TailUnit::people, 0.1)).mean));
}

TEST_CASE("what pairing is worth: the variances of two means over that of their difference") {
  const std::vector<UserId> people = four_each();
  const CrossedBootstrap bootstrap(people, {.replicates = 3000});
  // Of a person, four episodes each: 1 + (0.25 + 0.49) / 4 is the variance of a mean, 2 x 0.49 / 4 that of a
  // difference.
  const std::vector<float> a = gains(4, 1, 0, 1.0F), b = gains(4, 2, 0, 0.0F);
  const std::vector<double> x = bootstrap.replicates({a}, 1), y = bootstrap.replicates({b}, 2);
  const double gain = pairing_gain(x, y), expected = 2.0 * 1.185 / 0.245;
  CHECK(gain > 0.7 * expected);
  CHECK(gain < 1.4 * expected);
  CHECK(std::isnan(pairing_gain(x, x)));
  const Estimate mean = bootstrap.estimate(x);
  CHECK(mean.standard_error == doctest::Approx((mean.high - mean.low) / 3.92).epsilon(0.1));
}

}  // namespace veer
