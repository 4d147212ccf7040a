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

TEST_CASE("many values use the normal interval unless told otherwise") {
  const std::vector<float> values(20001, 1.0F);
  CHECK(summarise(values).interval == Interval::normal);
  CHECK(name_of(Interval::normal) == "normal");
}

}  // namespace
}  // namespace veer
