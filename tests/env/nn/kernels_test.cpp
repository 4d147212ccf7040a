#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "env/nn/kernels/score_kernels.h"
#include "env/nn/kernels/sequence_kernels.h"
#include "env/random.h"
#include "tests/test.h"

namespace veer::nn {
namespace {

std::vector<float> normals(std::size_t count, std::uint64_t seed, float scale = 1.0F) {
  std::vector<float> values(count);
  fill_normal({seed, 0, 0}, Stream::generate, values);
  for (float& value : values) value *= scale;
  return values;
}

TEST_SUITE("kernels") {
  TEST_CASE("the exponential is within two units in the last place") {
    std::vector<float> in, out;
    for (int i = 0; i <= 400000; ++i) in.push_back(-87.3F + 175.6F * static_cast<float>(i) / 400000.0F);
    out.resize(in.size());
    exponentials(in, out);
    double worst = 0.0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const double exact = std::exp(static_cast<double>(in[i]));
      worst = std::max(worst, std::abs(out[i] - exact) / std::ldexp(1.0, std::ilogb(exact) - 23));
    }
    CHECK(worst < 2.0);
    const std::vector<float> far = {-88.0F, -1e30F, -INFINITY};
    std::vector<float> nothing(3, 1.0F);
    exponentials(far, nothing);
    CHECK(nothing == std::vector<float>(3, 0.0F));
  }

  TEST_CASE("a tile adds its mass and counts what is above, whatever its length") {
    const std::vector<float> logits = normals(700, 3, 4.0F);
    for (const std::int32_t count : {1, 15, 16, 17, 31, 32, 33, 512, 700}) {
      LogSum sum;
      const std::int32_t above = reduce_tile(logits.data(), count, 1.0F, sum);
      const auto end = logits.begin() + count;
      double exact = 0.0;
      for (auto s = logits.begin(); s != end; ++s) exact += std::exp(static_cast<double>(*s));
      CHECK(above == std::count_if(logits.begin(), end, [](float s) { return s > 1.0F; }));
      CHECK(sum.value() == doctest::Approx(std::log(exact)).epsilon(1e-6));
      CHECK(argmax(logits.data(), count) == std::max_element(logits.begin(), end) - logits.begin());
      std::vector<float> masses(11);
      const float largest = block_masses(logits.data(), count, masses);
      double total = 0.0;
      for (std::int32_t b = 0; b * mass_block < count; ++b) total += masses[static_cast<std::size_t>(b)];
      CHECK(largest + std::log(total) == doctest::Approx(std::log(exact)).epsilon(1e-6));
      for (const std::int32_t wanted : {1, 9, 16}) {
        const float bound = below_best(logits.data(), count, wanted);
        const auto above_it = std::count_if(logits.begin(), end, [&](float s) { return s > bound; });
        if (count < 16 * 16) {
          CHECK((std::isinf(bound) || above_it >= wanted));
        } else {
          CHECK(above_it >= wanted);
          CHECK(above_it < count / 4);
        }
      }
      std::vector<std::int32_t> found(static_cast<std::size_t>(count));
      found.resize(static_cast<std::size_t>(indices_above(logits.data(), count, 2.0F, found)));
      std::vector<std::int32_t> wanted;
      for (std::int32_t i = 0; i < count; ++i) {
        if (logits[static_cast<std::size_t>(i)] > 2.0F) wanted.push_back(i);
      }
      CHECK(found == wanted);
    }
  }

  TEST_CASE("a log-sum-exp of tiles survives logits far apart") {
    LogSum sum;
    const std::vector<float> low(20, -500.0F), high(20, 700.0F);
    reduce_tile(low.data(), 20, 0.0F, sum);
    reduce_tile(high.data(), 20, 0.0F, sum);
    reduce_tile(low.data(), 20, 0.0F, sum);
    CHECK(sum.value() == doctest::Approx(700.0 + std::log(20.0)).epsilon(1e-9));
  }

  TEST_CASE("gelu and the GRU update follow their definitions") {
    std::vector<float> x;
    for (int i = 0; i < 1003; ++i) x.push_back(-8.0F + 16.0F * static_cast<float>(i) / 1002.0F);
    const std::vector<float> bias(x.size(), 0.25F);
    std::vector<float> y = x;
    add_gelu(y.data(), bias.data(), 1, static_cast<std::int32_t>(x.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = x[i] + 0.25;
      CHECK(std::abs(y[i] - 0.5 * v * (1.0 + std::erf(v / std::sqrt(2.0)))) <
            2e-7 * std::max(1.0, std::abs(v)));
    }
    const std::int32_t width = 21;
    const std::vector<float> input = normals(3 * 21, 5, 2.0F), hidden = normals(3 * 21, 6, 2.0F);
    std::vector<float> state = normals(21, 7);
    const std::vector<float> old = state;
    gru_update(input.data(), hidden.data(), 1, width, state.data());
    for (std::size_t c = 0; c < 21; ++c) {
      const double r = 1.0 / (1.0 + std::exp(-double{input[c]} - hidden[c]));
      const double z = 1.0 / (1.0 + std::exp(-double{input[21 + c]} - hidden[21 + c]));
      const double n = std::tanh(input[42 + c] + r * hidden[42 + c]);
      CHECK(std::abs(state[c] - ((1.0 - z) * n + z * old[c])) < 1e-6);
    }
  }

  TEST_CASE("attention over shared and own keys equals attention over all of them, bit for bit") {
    const std::int32_t width = 40, heads = 2;  // heads of 20 columns: not a whole number of vectors
    const std::vector<float> keys = normals(9 * 40, 11), values = normals(9 * 40, 12),
                             query = normals(40, 13);
    const std::int32_t zero = 0;
    std::vector<float> together(40), apart(40), scratch(64);
    const AttentionForm form{1.0F / std::sqrt(20.0F)};
    for (std::int32_t cut = 0; cut <= 9; ++cut) {
      const std::int32_t nine = 9, rest = 9 - cut;
      attend(query.data(), 1, width, heads, form, {}, {keys.data(), values.data(), 9, &zero, &nine},
             scratch.data(), together.data());
      attend(query.data(), 1, width, heads, form, {keys.data(), values.data(), 9, &zero, &cut},
             {keys.data() + cut * 40, values.data() + cut * 40, rest, &zero, &rest}, scratch.data(),
             apart.data());
      CHECK(together == apart);
    }
    for (std::size_t head = 0; head < 2; ++head) {
      std::vector<double> weight;
      for (std::size_t t = 0; t < 9; ++t) {
        double score = 0.0;
        for (std::size_t c = 0; c < 20; ++c)
          score += double{query[head * 20 + c]} * keys[t * 40 + head * 20 + c];
        weight.push_back(std::exp(score / std::sqrt(20.0)));
      }
      const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
      for (std::size_t c = 0; c < 20; ++c) {
        double expected = 0.0;
        for (std::size_t t = 0; t < 9; ++t) expected += weight[t] / total * values[t * 40 + head * 20 + c];
        CHECK(std::abs(together[head * 20 + c] - expected) < 1e-6);
      }
    }
  }

  TEST_CASE("normalised rows have the mean and spread of the offset and gain") {
    const std::int32_t width = 50;
    const std::vector<float> y = normals(50, 21), bias = normals(50, 22);
    std::vector<float> x = normals(50, 23, 3.0F), gain(50, 2.0F), offset(50, 1.0F);
    const std::vector<float> before = x;
    add_and_normalise(y.data(), bias.data(), 1, width, gain.data(), offset.data(), 1e-12F, x.data());
    double mean = 0.0, square = 0.0;
    for (std::size_t c = 0; c < 50; ++c) mean += (y[c] + bias[c] + before[c]) / 50.0;
    for (std::size_t c = 0; c < 50; ++c) square += std::pow(y[c] + bias[c] + before[c] - mean, 2) / 50.0;
    for (std::size_t c = 0; c < 50; ++c) {
      CHECK(std::abs(x[c] - ((y[c] + bias[c] + before[c] - mean) / std::sqrt(square) * 2.0 + 1.0)) < 1e-5);
    }
  }
}

}  // namespace
}  // namespace veer::nn
