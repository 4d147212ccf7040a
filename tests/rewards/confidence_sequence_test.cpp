#include "rewards/confidence_sequence.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer {
namespace {

constexpr float none = std::numeric_limits<float>::quiet_NaN();

/// Skewed values with mean 1: exp(z - 1/2) of a person's taste plus noise, three episodes of each person
/// spread over the looks, so that people come back.
struct Stream3 {
  std::vector<float> values;
  std::vector<UserId> people;

  Stream3(std::uint64_t key, std::size_t episodes) {
    for (std::size_t e = 0; e < episodes; ++e) {
      const auto person =
          uniform_below(static_cast<std::uint32_t>(episodes / 3), {key, e, 0}, Stream::begin_episode);
      people.push_back(static_cast<UserId>(person));
      const float taste = normal({key, person, 1}, Stream::generate);
      values.push_back(std::exp(0.8F * taste - 0.32F) + normal({key, e, 2}, Stream::generate));
    }
  }
};

struct Held {
  int everywhere = 0, at_stop = 0, one_look = 0;
};

/// How often the mean 1 lies in all intervals, in the one at which a half-width of 0.25 is reached, and, for
/// contrast, in all plain 95 % intervals.
Held repeat(std::uint64_t repetitions) {
  Held held;
  for (std::uint64_t r = 0; r < repetitions; ++r) {
    const Stream3 stream(r, 3000);
    ConfidenceSequence sequence;
    bool all = true, plain = true, stopped = false;
    for (std::size_t at = 0; at < 3000; at += 100) {
      sequence.add(std::span(stream.values).subspan(at, 100), std::span(stream.people).subspan(at, 100));
      const Look look = sequence.look();
      const bool here = look.low <= 1.0 && 1.0 <= look.high;
      all = all && here;
      plain = plain && std::abs(look.mean - 1.0) <= 1.96 * look.standard_error;
      if (!stopped && (look.halfwidth() <= 0.25 || at == 2900)) {
        stopped = true;
        held.at_stop += here ? 1 : 0;
      }
    }
    held.everywhere += all ? 1 : 0;
    held.one_look += plain ? 1 : 0;
  }
  return held;
}

TEST_CASE("the interval is the mixture bound of its source, tightest where it was asked to be") {
  std::vector<float> values;
  std::vector<UserId> people;
  for (int i = 0; i < 100; ++i) {
    values.push_back(i % 2 == 0 ? 1.0F : -1.0F);
    people.push_back(-1);
  }
  ConfidenceSequence sequence({.miss = 0.05, .tightest_at = 1.0});
  sequence.add(values, people);
  const Look look = sequence.look();
  CHECK(look.count == 100);
  CHECK(look.people == 100);
  CHECK(look.mean == 0.0);
  // V = 100 * 100 / 99; the factor of its root at the tightest point solves x - ln x = 1 - 2 ln a at
  // x = 9.2126 and is sqrt(x).
  CHECK(look.standard_error == doctest::Approx(std::sqrt(10000.0 / 99.0) / 100.0));
  CHECK(look.high / look.standard_error ==
        doctest::Approx(std::sqrt(9.2126)).epsilon(1e-4));
  CHECK(look.low == -look.high);
  CHECK(look.halfwidth() == look.high);
  // Four times the variance, later: h stays what the first look made it.
  for (int k = 0; k < 3; ++k) sequence.add(values, people);
  const double h = 10000.0 / 99.0 / 8.2126, v = 400.0 * 400.0 / 399.0;
  CHECK(sequence.look().high ==
        doctest::Approx(std::sqrt((v + h) * std::log((v + h) / (h * 0.0025))) / 400.0).epsilon(1e-4));
}

TEST_CASE("episodes of one person count together; undefined ones do not count; too little says nothing") {
  ConfidenceSequence pairs({.least_people = 2}), alone({.least_people = 2});
  std::vector<float> values;
  std::vector<UserId> twice, once;
  for (int i = 0; i < 60; ++i) {
    values.push_back(static_cast<float>(i / 2 % 2));
    twice.push_back(i / 2);
    once.push_back(-1);
  }
  pairs.add(values, twice);
  alone.add(values, once);
  const Look two = pairs.look(), one = alone.look();
  CHECK(two.people == 30);
  CHECK(one.people == 60);
  CHECK(two.halfwidth() > 1.3 * one.halfwidth());  // equal pairs hold half as much

  ConfidenceSequence few;
  const std::vector<float> some{1, none, 2};
  const std::vector<UserId> three{1, 2, 3};
  few.add(some, three);
  CHECK(few.look().count == 2);
  CHECK(few.look().mean == 1.5);
  CHECK(std::isinf(few.look().halfwidth()));
  // Values that never differ tell nothing of how much they could: no interval, rather than one of width 0.
  ConfidenceSequence constant;
  constant.add(std::vector<float>(200, 3.0F), std::vector<UserId>(200, -1));
  CHECK(std::isinf(constant.look().halfwidth()));
  CHECK(std::isnan(ConfidenceSequence().look().mean));
  CHECK_THROWS_AS(ConfidenceSequence({.miss = 0.0}), ConfigError);
  CHECK_THROWS_AS(ConfidenceSequence({.miss = 1.0}), ConfigError);
  CHECK_THROWS_AS(ConfidenceSequence({.tightest_at = 0.0}), ConfigError);
  CHECK_THROWS_AS(ConfidenceSequence({.least_people = 1}), ConfigError);
}

TEST_CASE(
    "all looks together and the stopping time: 95 % of sequences, where plain intervals are peeked away") {
  const Held held = repeat(200);
  MESSAGE(fmt::format("of 200: {} at all looks, {} when stopped; plain intervals at all looks {}",
                      held.everywhere, held.at_stop, held.one_look));
  CHECK(held.everywhere >= 190);
  CHECK(held.at_stop >= 190);
  CHECK(held.one_look < 190);
}

TEST_CASE("1,000 sequences [slow]" * doctest::skip()) {
  const Held held = repeat(1000);
  MESSAGE(fmt::format("of 1,000: {} at all looks, {} when stopped; plain intervals at all looks {}",
                      held.everywhere, held.at_stop, held.one_look));
  CHECK(held.everywhere >= 950);
  CHECK(held.at_stop >= 950);
}

}  // namespace
}  // namespace veer
