#include "env/nn/kernels/softmax_kernel.h"

#include <cmath>

// Sanitizers start before the resolver of clones could run.
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VEER_NN_CLONES __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define VEER_NN_CLONES
#endif

namespace veer::nn {
namespace {

/// Maxima and sums run in this many lanes whatever the registers' width, so that they are associated the same
/// way everywhere. Sixteen would be unrolled before the compiler looks for vectors.
constexpr std::int64_t lanes = 32;

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
  float lane[lanes];
  for (std::int64_t l = 0; l < lanes; ++l) lane[l] = x[0];
  for (std::int64_t j = 0; j < whole; j += lanes) {
    for (std::int64_t l = 0; l < lanes; ++l) lane[l] = x[j + l] > lane[l] ? x[j + l] : lane[l];
  }
  float top = lane[0];
  for (std::int64_t l = 1; l < lanes; ++l) top = lane[l] > top ? lane[l] : top;
  for (std::int64_t j = whole; j < columns; ++j) top = x[j] > top ? x[j] : top;

  // Written out here: a function of its own would not be compiled into the clones.
  for (std::int64_t j = 0; j < columns; ++j) {
    const float below = x[j] - top;
    const float v = below > lowest ? below : lowest;
    const float shifted = v * log2_e + round_magic;
    const float n = shifted - round_magic;
    const float r = (v - n * ln2_high) - n * ln2_low;
    const float p = 1.0F + r * (1.0F + r * (c2 + r * (c3 + r * (c4 + r * (c5 + r * (c6 + r * c7))))));
    // 2^n enters through the exponent field; what the shift drops of the magic number's own bits does not
    // matter.
    const std::uint32_t exponent = __builtin_bit_cast(std::uint32_t, shifted) << 23;
    x[j] = __builtin_bit_cast(float, __builtin_bit_cast(std::uint32_t, p) + exponent);
  }
  for (std::int64_t l = 0; l < lanes; ++l) lane[l] = 0.0F;
  for (std::int64_t j = 0; j < whole; j += lanes) {
    for (std::int64_t l = 0; l < lanes; ++l) lane[l] += x[j + l];
  }
  float total = 0.0F;
  for (std::int64_t l = 0; l < lanes; ++l) total += lane[l];
  for (std::int64_t j = whole; j < columns; ++j) total += x[j];

  const float scale = weight / total;
  for (std::int64_t j = 0; j < columns; ++j) x[j] *= scale;
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
