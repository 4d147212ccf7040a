#include "env/random.h"

#include <cmath>
#include <vector>

#include "tests/test.h"

using namespace veer;

TEST_CASE("Philox reproduces the Random123 known answers") {
  // Random123's kat_vectors, philox4x32 with 10 rounds.
  CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a draw depends on every part of its key") {
  const StepKey key{1, 2, 3};
  const float base = uniform(key, Stream::choice, 0);
  CHECK(base == uniform({1, 2, 3}, Stream::choice, 0));
  CHECK(base != uniform({2, 2, 3}, Stream::choice, 0));
  CHECK(base != uniform({1, 3, 3}, Stream::choice, 0));
  CHECK(base != uniform({1, 2, 4}, Stream::choice, 0));
  CHECK(base != uniform(key, Stream::leave, 0));
  CHECK(base != uniform(key, Stream::choice, 1));
  CHECK(base != uniform({1, 2 + (1ULL << 32), 3}, Stream::choice, 0));
  CHECK(base != uniform({1 + (1ULL << 32), 2, 3}, Stream::choice, 0));
}

TEST_CASE("filling equals drawing one by one, from any first lane") {
  const StepKey key{9, 8, 7};
  for (const std::uint32_t first : {0U, 1U, 3U, 4U, 7U}) {
    std::vector<float> filled(11);
    fill_uniform(key, Stream::policy, filled, first);
    for (std::uint32_t i = 0; i < filled.size(); ++i)
      CHECK(filled[i] == uniform(key, Stream::policy, first + i));
  }
}

TEST_CASE("uniforms and normals have the right moments") {
  constexpr int count = 200000;
  double sum = 0, square = 0, nsum = 0, nsquare = 0, nfourth = 0;
  for (int i = 0; i < count; ++i) {
    const StepKey key{5, static_cast<EpisodeId>(i), 0};
    const double u = uniform(key, Stream::policy);
    const double z = normal(key, Stream::drift, static_cast<std::uint32_t>(i % 2));
    REQUIRE(u >= 0.0);
    REQUIRE(u < 1.0);
    sum += u;
    square += u * u;
    nsum += z;
    nsquare += z * z;
    nfourth += z * z * z * z;
  }
  // Five standard errors of each estimate.
  CHECK(std::abs(sum / count - 0.5) < 5 * std::sqrt(1.0 / 12 / count));
  CHECK(std::abs(square / count - 1.0 / 3) < 5 * std::sqrt(4.0 / 45 / count));
  CHECK(std::abs(nsum / count) < 5 * std::sqrt(1.0 / count));
  CHECK(std::abs(nsquare / count - 1.0) < 5 * std::sqrt(2.0 / count));
  CHECK(std::abs(nfourth / count - 3.0) < 5 * std::sqrt(96.0 / count));
}

TEST_CASE("uniform_below covers its range evenly; shuffle is a permutation") {
  std::vector<int> hits(7, 0);
  for (EpisodeId e = 0; e < 70000; ++e) ++hits[uniform_below(7, {1, e, 0}, Stream::negative)];
  for (const int hit : hits) CHECK(std::abs(hit - 10000) < 500);  // five standard deviations are 463

  std::vector<std::int32_t> order(100);
  std::vector<int> seen(100, 0);
  for (std::int32_t i = 0; i < 100; ++i) order[static_cast<std::size_t>(i)] = i;
  auto other = order;
  shuffle({1, 2, 3}, Stream::shuffle, order);
  shuffle({1, 3, 3}, Stream::shuffle, other);
  CHECK(order != other);
  for (const std::int32_t i : order) ++seen[static_cast<std::size_t>(i)];
  for (const int s : seen) CHECK(s == 1);
}

TEST_CASE("normals in a row are the normals of their lanes") {
  const StepKey key{11, 12, 13};
  for (const std::size_t count : {0, 1, 2, 3, 4, 7, 64}) {
    std::vector<float> filled(count, 9.0F), added(count, 2.0F);
    fill_normal(key, Stream::drift, filled);
    add_normal(key, Stream::drift, 0.5F, added);
    for (std::size_t i = 0; i < count; ++i) {
      const float z = normal(key, Stream::drift, static_cast<std::uint32_t>(i));
      CHECK(filled[i] == z);
      CHECK(added[i] == 2.0F + 0.5F * z);
    }
  }
}
