#include "rewards/summary.h"

#include <cmath>
#include <vector>

#include "env/random.h"
#include "tests/test.h"

namespace veer {
namespace {

using doctest::Approx;

TEST_CASE("mean and standard error by hand; undefined values are skipped") {
  const std::vector<float> values = {1, 2, NAN, 3, 6};
  const Summary s = summarise(values, {.interval = Interval::normal});
  CHECK(s.count == 4);
  CHECK(s.mean == Approx(3.0));
  // Squared deviations 4 + 1 + 0 + 9 = 14, over 3, over 4.
  CHECK(s.standard_error == Approx(std::sqrt(14.0 / 12.0)));
  CHECK(s.low == Approx(3.0 - 1.959964 * s.standard_error));
  CHECK(s.high == Approx(3.0 + 1.959964 * s.standard_error));
  CHECK(s.interval == Interval::normal);
}

TEST_CASE("episodes of one person stay together: mean, standard error and resampled means by hand") {
  // Person 5 has 1 and 3, person 2 has 8, person 9 nothing that is defined.
  const std::vector<float> values = {1, 8, NAN, 3, NAN};
  const std::vector<UserId> people = {5, 2, 5, 5, 9};
  const Summary s = summarise(values, {.interval = Interval::normal}, people);
  CHECK(s.count == 3);
  CHECK(s.people == 2);
  CHECK(s.mean == Approx(4.0));
  // Residual sums: 4 - 2 x 4 = -4 and 8 - 4 = 4; squares 32, times 2 / 1, over 3 squared.
  CHECK(s.standard_error == Approx(std::sqrt(64.0) / 3.0));
  // Two people drawn from two: (5, 5) gives 4 / 2, (5, 2) gives 12 / 3, (2, 2) gives 16 / 2.
  const Summary b = summarise(values, {.interval = Interval::bootstrap}, people);
  CHECK(b.low == Approx(2.0));
  CHECK(b.high == Approx(8.0));
  const Summary one = summarise(values, {}, std::vector<UserId>(5, 7));
  CHECK(one.count == 3);
  CHECK(one.people == 1);
  CHECK(std::isnan(one.low));
}

TEST_CASE("people with one value each are the same as no people at all") {
  std::vector<float> values(50);
  std::vector<UserId> people(50);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = normal({3, i, 0}, Stream::generate);
    people[i] = static_cast<UserId>(1000 - i);
  }
  for (const Interval interval : {Interval::bootstrap, Interval::normal}) {
    const Summary with = summarise(values, {.interval = interval}, people);
    const Summary without = summarise(values, {.interval = interval});
    CHECK(with.low == without.low);
    CHECK(with.high == without.high);
    CHECK(with.people == 50);
  }
}

TEST_CASE("the same episode ten times over is no more evidence") {
  std::vector<float> once(40), often(400);
  std::vector<UserId> people(400);
  for (std::size_t i = 0; i < often.size(); ++i) {
    once[i % 40] = normal({4, i % 40, 0}, Stream::generate);
    often[i] = once[i % 40];
    people[i] = static_cast<UserId>(i % 40);
  }
  const Summary honest = summarise(once), clustered = summarise(often, {}, people);
  CHECK(clustered.low == Approx(honest.low));
  CHECK(clustered.high == Approx(honest.high));
  const Summary deceived = summarise(often);
  CHECK(deceived.high - deceived.low < 0.5 * (honest.high - honest.low));
}

TEST_CASE("a summariser of many columns says the same as one call per column") {
  Summariser summarise_next({.seed = 9});
  std::vector<float> values(30);
  std::vector<UserId> people(30);
  for (std::size_t i = 0; i < values.size(); ++i) people[i] = static_cast<UserId>(i % 12);
  for (const std::size_t missing : {0U, 3U, 0U, 7U, 11U, 3U}) {  // more numbers of people than are kept
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] =
          i % 12 < missing ? NAN : normal({5, i, static_cast<std::uint32_t>(missing)}, Stream::generate);
    }
    const Summary next = summarise_next(values, people), alone = summarise(values, {.seed = 9}, people);
    CHECK(next.people == static_cast<std::int64_t>(12 - missing));
    CHECK(next.mean == alone.mean);
    if (missing == 11) {
      CHECK(std::isnan(next.low));
      continue;
    }
    CHECK(next.low == alone.low);
    CHECK(next.high == alone.high);
    CHECK(next.low <= next.mean);
    CHECK(next.mean <= next.high);
  }
}

TEST_CASE("too few values have no interval") {
  const std::vector<float> one = {2.0F}, none = {NAN};
  CHECK(summarise(one).mean == 2.0);
  CHECK(std::isnan(summarise(one).low));
  CHECK(std::isnan(summarise(none).mean));
  CHECK(summarise(none).count == 0);
}

TEST_CASE("bootstrap intervals reproduce, depend on the seed, and agree with the normal ones") {
  std::vector<float> values(400);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 2.0F + 3.0F * normal({8, i, 0}, Stream::generate);
  const Summary a = summarise(values), b = summarise(values);
  CHECK(a.interval == Interval::bootstrap);
  CHECK(a.low == b.low);
  CHECK(a.high == b.high);
  CHECK(summarise(values, {.seed = 2}).low != a.low);
  const Summary n = summarise(values, {.interval = Interval::normal});
  // The ends of 1,000 replicates scatter by about a tenth of a standard error.
  CHECK(std::abs(a.low - n.low) < 0.5 * n.standard_error);
  CHECK(std::abs(a.high - n.high) < 0.5 * n.standard_error);
}

TEST_CASE("the 95 % interval holds the true mean about 95 times in 100") {
  int covered = 0;
  for (std::uint64_t trial = 0; trial < 200; ++trial) {
    std::vector<float> values(60);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = normal({trial, i, 0}, Stream::generate);
    const Summary s = summarise(values, {.replicates = 400});
    if (s.low <= 0.0 && s.high >= 0.0) ++covered;
  }
  // Binomial(200, 0.95) has a standard deviation of 3.1; the percentile bootstrap covers a little less at 60
  // values.
  CHECK(covered >= 177);
  CHECK(covered <= 199);
}

TEST_CASE("paired differences are sharper than two separate intervals") {
  std::vector<float> a(200), b(200);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const float person = 10.0F * normal({1, i, 0}, Stream::generate);
    a[i] = person + 1.0F + 0.1F * normal({1, i, 1}, Stream::generate);
    b[i] = person + 0.1F * normal({1, i, 2}, Stream::generate);
  }
  b[7] = NAN;
  const Summary difference = summarise(difference_of(a, b));
  CHECK(difference.count == 199);
  CHECK(difference.low > 0.9);
  CHECK(difference.high < 1.1);
  const Summary alone = summarise(a);
  CHECK(alone.high - alone.low > 1.0);
}

TEST_CASE("many people use the normal interval unless told otherwise; many episodes of few do not") {
  const std::vector<float> values(20001, 1.0F);
  CHECK(summarise(values).interval == Interval::normal);
  std::vector<UserId> people(20001);
  for (std::size_t i = 0; i < people.size(); ++i) people[i] = static_cast<UserId>(i % 100);
  CHECK(summarise(values, {}, people).interval == Interval::bootstrap);
  CHECK(name_of(Interval::normal) == "normal");
}

}  // namespace
}  // namespace veer
