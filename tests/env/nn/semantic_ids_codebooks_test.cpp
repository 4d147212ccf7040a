// Codebooks against the greedy walk written out: fits, balanced fits, and what travels through arrays.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/nn/semantic_ids/semantic_id_codebooks.h"
#include "env/random.h"
#include "tests/env/nn/clouds.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::nn;

TEST_CASE("codes do not depend on the build or the processor") {
  // Uniform numbers, which are exact in every build, and a digest of the codes found first.
  Cloud vectors{601, 24, std::vector<float>(601 * 24)};
  for (std::int32_t p = 0; p < 601; ++p) {
    for (std::uint32_t j = 0; j < 24; ++j) {
      vectors.values[at(p) * 24 + j] =
          uniform({3, static_cast<EpisodeId>(p), 0}, Stream::generate, j) +
          2.0F * uniform({3, static_cast<EpisodeId>(p % 23), 1}, Stream::generate, j);
    }
  }
  for (const bool balanced : {false, true}) {
    CAPTURE(balanced);
    CodebookOptions options;
    options.k_means.clusters = 40;
    options.k_means.restarts = 2;
    options.k_means.balanced = balanced;
    std::uint64_t digest = 14695981039346656037U;  // FNV-1a
    for (const std::int32_t code : fit_codebooks(vectors.view(), options).codes) {
      digest = (digest ^ static_cast<std::uint64_t>(code)) * 1099511628211U;
    }
    CHECK(digest == (balanced ? 12466394168721840149U : 4747624856367844624U));
  }
}

TEST_CASE("codebooks encode by the greedy walk, and fitted items get the codes of the walk") {
  const Cloud vectors = cloud(301, 12, 40, 70);
  CodebookOptions options;
  options.levels = 3;
  options.k_means.clusters = 16;
  std::vector<double> told;
  options.progress = [&](std::int32_t level, const KMeansResult& result) {
    CHECK(at(level) == told.size());
    told.push_back(result.distortion / 300.0);
  };
  const CodebookFit fit = fit_codebooks(vectors.view(), options);
  CHECK(fit.codebooks.levels() == 3);
  CHECK(fit.codebooks.width() == 12);
  REQUIRE(fit.residual.size() == 4);
  REQUIRE(told.size() == 3);
  for (std::size_t level = 0; level < 3; ++level) {
    CHECK(fit.residual[level + 1] < fit.residual[level]);
    CHECK(fit.residual[level + 1] == doctest::Approx(told[level]).epsilon(1e-4));
  }
  double left_after = 0.0;
  for (ItemId item = 1; item <= 300; ++item) {
    const auto vector = vectors.view().row(item);
    std::vector<std::int32_t> codes(3);
    fit.codebooks.encode(vector, codes);
    std::vector<float> residual(vector.begin(), vector.end());
    for (std::int32_t level = 0; level < 3; ++level) {
      REQUIRE(codes[at(level)] == fit.codes[at(item) * 3 + at(level)]);
      const View<const float> book = fit.codebooks.centres(level);
      const double own = squared(residual, book.row(codes[at(level)]));
      for (std::int32_t c = 0; c < book.rows(); ++c)
        REQUIRE(own <= squared(residual, book.row(c)) * (1 + 1e-5));
      for (std::size_t j = 0; j < 12; ++j) residual[j] -= book.row(codes[at(level)])[j];
    }
    std::vector<float> sum(12);
    fit.codebooks.decode(codes, sum);
    left_after += squared(vector, sum);
  }
  CHECK(left_after / 300.0 == doctest::Approx(fit.residual.back()).epsilon(1e-4));
  // The padding row is nobody's: whatever it holds.
  Cloud other = vectors;
  std::fill_n(other.values.begin(), 12, std::numeric_limits<float>::quiet_NaN());
  options.progress = {};
  CHECK(fit_codebooks(other.view(), options).codes == fit.codes);
}

TEST_CASE("balanced codebooks keep to the capacity at every level and cost some distortion") {
  const Cloud vectors = cloud(257, 8, 3, 9);
  CodebookOptions options;
  options.k_means.clusters = 10;
  const CodebookFit plain = fit_codebooks(vectors.view(), options);
  options.k_means.balanced = true;
  const CodebookFit balanced = fit_codebooks(vectors.view(), options);
  for (std::size_t level = 0; level < 3; ++level) {
    std::vector<std::int32_t> size(10), plain_size(10);
    for (std::size_t item = 1; item <= 256; ++item) {
      ++size[at(balanced.codes[item * 3 + level])];
      ++plain_size[at(plain.codes[item * 3 + level])];
    }
    CHECK(*std::max_element(size.begin(), size.end()) <= 26);  // ceil(256 / 10)
    CHECK(*std::max_element(plain_size.begin(), plain_size.end()) > 26);
  }
  CHECK(balanced.residual[1] > plain.residual[1]);
}

TEST_CASE("vectors and options that cannot be fitted are refused in words") {
  Cloud vectors = cloud(6, 3, 1);
  vectors.values[4 * 3 + 1] = std::numeric_limits<float>::infinity();
  try {
    fit_codebooks(vectors.view(), {});
    FAIL("an infinite vector was taken");
  } catch (const DataError& error) {
    CHECK(std::string(error.what()).find("item 4") != std::string::npos);
  }
  CHECK_THROWS_AS(fit_codebooks(View<const float>(vectors.values.data(), 1, 3), {}), DataError);
  vectors = cloud(6, 3, 1);
  CodebookOptions options;
  options.levels = 0;
  CHECK_THROWS_AS(fit_codebooks(vectors.view(), options), ConfigError);
  options.levels = 16;
  CHECK_THROWS_AS(fit_codebooks(vectors.view(), options), ConfigError);
}

TEST_CASE("codebooks travel through arrays; damaged ones are format errors") {
  const CodebookFit fit = fit_codebooks(cloud(40, 4, 6).view(), [] {
    CodebookOptions options;
    options.levels = 2;
    options.k_means.clusters = 50;  // more than items: levels use 39 and 1
    return options;
  }());
  CHECK(fit.codebooks.centres(0).rows() == 39);
  CHECK(fit.codebooks.centres(1).rows() == 1);
  const NamedArrays sound = fit.codebooks.to_arrays();
  const SemanticIdCodebooks back = SemanticIdCodebooks::from_arrays(sound);
  CHECK(back.codes() == 50);
  for (std::int32_t level = 0; level < 2; ++level) {
    const View<const float> a = fit.codebooks.centres(level), b = back.centres(level);
    REQUIRE(a.rows() == b.rows());
    CHECK(std::equal(a.data(), a.data() + a.rows() * 4, b.data()));
  }
  const auto refused = [&](const auto& damage) {
    NamedArrays arrays = sound;
    damage(arrays);
    CHECK_THROWS_AS(SemanticIdCodebooks::from_arrays(arrays), FormatError);
  };
  using Ints = std::vector<std::int32_t>;
  refused([](NamedArrays& a) { a = {}; });
  refused([](NamedArrays& a) { a.set_scalar<std::int32_t>("codes", 0); });
  refused([](NamedArrays& a) { a.set_scalar<std::int32_t>("codes", 38); });
  refused([](NamedArrays& a) { a.set<std::int32_t>("used", Ints{39}); });
  refused([](NamedArrays& a) { a.set<std::int32_t>("used", Ints{40, 1}); });
  refused([](NamedArrays& a) { a.set<std::int32_t>("used", Ints{39, 0}); });
  refused([](NamedArrays& a) { a.set<std::int32_t>("used", Ints{39, -5}); });
  refused([](NamedArrays& a) { a.set<float>("centres", std::vector<float>(312)); });
  refused([](NamedArrays& a) { a.set<float>("centres", {}, {2, 39, 0}); });
  refused([](NamedArrays& a) {
    std::vector<float> values(312, std::numeric_limits<float>::quiet_NaN());
    a.set<float>("centres", values, {2, 39, 4});
  });
}
