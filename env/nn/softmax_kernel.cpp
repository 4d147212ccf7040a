#include "env/nn/softmax_kernel.h"

#include <cmath>
#include <cstring>

// Sanitizers start before the resolver of clones could run.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VEER_NN_CLONES __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define VEER_NN_CLONES
#endif

namespace veer::nn {
namespace {

/// Sixteen lanes whatever the registers' width, so that sums are associated the same way everywhere.
constexpr std::int64_t lanes = 16;
typedef float Lanes __attribute__((vector_size(64), aligned(4), may_alias));
typedef std::uint32_t LaneBits __attribute__((vector_size(64), aligned(4), may_alias));

// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2; exp(r) by its Taylor polynomial of degree 7,
// relative error below 2e-8 before rounding. Arguments are at most 0; below `lowest` the result would be
// denormal.
constexpr float log2_e = 1.44269504088896341F;
constexpr float ln2_high = 0.693359375F;
constexpr float ln2_low = -2.12194440e-4F;
constexpr float round_magic = 12582912.0F;  // 1.5 * 2^23: adding it leaves round(x) in the low mantissa bits
constexpr float lowest = -87.0F;
constexpr float c2 = 1.0F / 2.0F;
constexpr float c3 = 1.0F / 6.0F;
constexpr float c4 = 1.0F / 24.0F;
constexpr float c5 = 1.0F / 120.0F;
constexpr float c6 = 1.0F / 720.0F;
constexpr float c7 = 1.0F / 5040.0F;

/// One row: x becomes exp(x - max) * weight / sum; `maximum` and `sum` come back for the loss.
VEER_NN_CLONES void softmax_row(float* x, std::int64_t columns, float weight, float* maximum,
                                float* sum) noexcept {
  const std::int64_t whole = columns / lanes * lanes;
  float top = x[0];
  if (whole > 0) {
    Lanes most = *reinterpret_cast<const Lanes*>(x);
    for (std::int64_t j = lanes; j < whole; j += lanes) {
      const Lanes v = *reinterpret_cast<const Lanes*>(x + j);
      most = v > most ? v : most;
    }
    for (std::int64_t l = 0; l < lanes; ++l) top = most[l] > top ? most[l] : top;
  }
  for (std::int64_t j = whole; j < columns; ++j) top = x[j] > top ? x[j] : top;

  Lanes sums = {};
  for (std::int64_t j = 0; j < whole; j += lanes) {
    Lanes v = *reinterpret_cast<const Lanes*>(x + j) - top;
    const Lanes floor = Lanes{} + lowest;
    v = v > floor ? v : floor;
    const Lanes shifted = v * log2_e + round_magic;
    const Lanes n = shifted - round_magic;
    const Lanes r = (v - n * ln2_high) - n * ln2_low;
    const Lanes p = 1.0F + r * (1.0F + r * (c2 + r * (c3 + r * (c4 + r * (c5 + r * (c6 + r * c7))))));
    // 2^n enters through the exponent field; what the shift drops of the magic number's own bits does not
    // matter.
    LaneBits bits;
    LaneBits exponent;
    std::memcpy(&bits, &p, sizeof bits);
    std::memcpy(&exponent, &shifted, sizeof exponent);
    bits += exponent << 23;
    Lanes e;
    std::memcpy(&e, &bits, sizeof e);
    *reinterpret_cast<Lanes*>(x + j) = e;
    sums += e;
  }
  float total = 0.0F;
  for (std::int64_t l = 0; l < lanes; ++l) total += sums[l];
  for (std::int64_t j = whole; j < columns; ++j) {
    x[j] = std::exp(x[j] - top);
    total += x[j];
  }
  const float scale = weight / total;
  for (std::int64_t j = 0; j < whole; j += lanes) *reinterpret_cast<Lanes*>(x + j) *= scale;
  for (std::int64_t j = whole; j < columns; ++j) x[j] *= scale;
  *maximum = top;
  *sum = total;
}

}  // namespace

double cross_entropy_rows(std::span<float> logits, std::int64_t columns,
                          std::span<const std::int64_t> targets, float weight) noexcept {
  double loss = 0.0;
  float* row = logits.data();
  for (const std::int64_t target : targets) {
    const float score = row[target];
    float maximum = 0.0F;
    float sum = 0.0F;
    softmax_row(row, columns, weight, &maximum, &sum);
    row[target] -= weight;
    loss += std::log(static_cast<double>(sum)) + static_cast<double>(maximum) - static_cast<double>(score);
    row += columns;
  }
  return loss;
}

}  // namespace veer::nn
