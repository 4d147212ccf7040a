// Sixteen floats at a time, and the elementary functions the hand-written kernels need, for any CPU.
//
// Built on the vector types of GCC and Clang, which the compiler lowers to whatever the target has. A kernel
// marked VEER_KERNEL is compiled for three x86-64 levels and the best one is picked when the program starts,
// so a row's bits may differ between CPU families but never between two runs on one machine. Include from
// .cpp files only.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

// Dispatch by ifunc runs before a sanitizer's runtime is up, and Clang refuses to inline vector code into
// clones: plain code there (give -march to get more) and on other processors.
#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define VEER_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VEER_KERNEL
#endif

// Functions over vectors must be inlined into the kernels: passed through registers they would tie every
// clone to the calling convention of the oldest one.
#define VEER_LANES_INLINE [[gnu::always_inline]] inline

// Nothing here crosses a call, so the calling convention of wide vectors does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace veer::nn {

using Lanes = float __attribute__((vector_size(64)));
using IntLanes = std::int32_t __attribute__((vector_size(64)));
inline constexpr std::int32_t lane_count = 16;

VEER_LANES_INLINE Lanes splat(float value) noexcept { return Lanes{} + value; }

VEER_LANES_INLINE Lanes load(const float* from) noexcept {
  Lanes value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
VEER_LANES_INLINE void store(float* to, const Lanes& value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

/// The first `count` of sixteen floats, the others set to `fill`. REQUIRES: 0 <= count <= 16.
VEER_LANES_INLINE Lanes load_part(const float* from, std::int32_t count, float fill) noexcept {
  if (count == lane_count) return load(from);
  Lanes value = splat(fill);
  std::memcpy(&value, from, sizeof(float) * static_cast<std::size_t>(count));
  return value;
}
VEER_LANES_INLINE void store_part(float* to, const Lanes& value, std::int32_t count) noexcept {
  std::memcpy(to, &value,
              count == lane_count ? sizeof value : sizeof(float) * static_cast<std::size_t>(count));
}

VEER_LANES_INLINE Lanes larger(const Lanes& a, const Lanes& b) noexcept { return a > b ? a : b; }
VEER_LANES_INLINE Lanes smaller(const Lanes& a, const Lanes& b) noexcept { return a < b ? a : b; }

/// Sum of the lanes, pairwise, in one fixed order.
VEER_LANES_INLINE float sum_of(const Lanes& value) noexcept {
  float v[lane_count];
  std::memcpy(v, &value, sizeof v);
  for (int i = 0; i < 8; ++i) v[i] += v[i + 8];
  for (int i = 0; i < 4; ++i) v[i] += v[i + 4];
  return (v[0] + v[2]) + (v[1] + v[3]);
}
VEER_LANES_INLINE float largest_of(const Lanes& value) noexcept {
  float v[lane_count];
  std::memcpy(v, &value, sizeof v);
  for (int i = 0; i < 8; ++i) v[i] = v[i] > v[i + 8] ? v[i] : v[i + 8];
  for (int i = 0; i < 4; ++i) v[i] = v[i] > v[i + 4] ? v[i] : v[i + 4];
  const float a = v[0] > v[2] ? v[0] : v[2];
  const float b = v[1] > v[3] ? v[1] : v[3];
  return a > b ? a : b;
}
VEER_LANES_INLINE std::int32_t sum_of(const IntLanes& value) noexcept {
  std::int32_t v[lane_count];
  std::memcpy(v, &value, sizeof v);
  std::int32_t total = 0;
  for (int i = 0; i < lane_count; ++i) total += v[i];
  return total;
}

/// 2^k (1 + r + r^2 q(r)) where x = k ln 2 + r and |r| <= ln(2) / 2 (Cody and Waite's reduction); q is the
/// polynomial of degree 4 through the Chebyshev nodes: its own error is 0.2 units in the last place.
/// REQUIRES: -87.4 <= x <= 88.3.
VEER_LANES_INLINE Lanes exponential_in_range(const Lanes& x) noexcept {
  // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits of the sum.
  const Lanes shifted = x * 1.44269504F + 12582912.0F;
  const Lanes k = shifted - 12582912.0F;
  const Lanes r = (x - k * 0.693359375F) + k * 2.12194440e-4F;
  Lanes q = r * 0.00139263256F + 0.00836329275F;
  q = q * r + 0.0416665538F;
  q = q * r + 0.166665763F;
  q = q * r + 0.5F;
  const Lanes p = q * (r * r) + r + 1.0F;
  IntLanes bits, exponent;
  std::memcpy(&bits, &p, sizeof bits);
  std::memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << 23;
  Lanes result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

/// e^x within 2 units in the last place for -87.3 <= x <= 88.3; 0 below, e^88.3 above.
VEER_LANES_INLINE Lanes exponential(const Lanes& x) noexcept {
  const Lanes inside = exponential_in_range(smaller(larger(x, splat(-87.3F)), splat(88.3F)));
  return x < -87.3F ? Lanes{} : inside;
}

/// The same for x <= 0 where 1e-38 is as good as nothing: what lies below -87.3 becomes e^-87.3.
VEER_LANES_INLINE Lanes exponential_of_deficit(const Lanes& x) noexcept {
  return exponential_in_range(larger(x, splat(-87.3F)));
}

/// 2^x within 3 units in the last place: x = k + r with |r| <= 1/2, and Taylor's polynomial for 2^r brought
/// down to degree 5 by Chebyshev's. REQUIRES: -126 <= x <= 126.
VEER_LANES_INLINE Lanes power_of_two_in_range(const Lanes& x) noexcept {
  const Lanes shifted = x + 12582912.0F;
  const Lanes r = x - (shifted - 12582912.0F);
  Lanes p = r * 0.00134002888F + 0.00967589231F;
  p = p * r + 0.05550327453F;
  p = p * r + 0.24022109166F;
  p = p * r + 0.69314720663F;
  p = p * r + 1.0F;
  IntLanes bits, exponent;
  std::memcpy(&bits, &p, sizeof bits);
  std::memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << 23;
  Lanes result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

VEER_LANES_INLINE Lanes sigmoid_of(const Lanes& x) noexcept { return 1.0F / (1.0F + exponential(-x)); }

/// Within 2e-7 of tanh(x).
VEER_LANES_INLINE Lanes tanh_of(const Lanes& x) noexcept { return 1.0F - 2.0F / (exponential(x + x) + 1.0F); }

/// Within 2e-7 of erf(x): Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
VEER_LANES_INLINE Lanes error_function(const Lanes& x) noexcept {
  const Lanes magnitude = x < 0.0F ? -x : x;
  const Lanes t = 1.0F / (magnitude * 0.3275911F + 1.0F);
  Lanes p = t * 1.061405429F - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const Lanes y = 1.0F - p * t * exponential(-(x * x));
  return x < 0.0F ? -y : y;
}

/// Gaussian error linear unit in its exact form, x Phi(x).
VEER_LANES_INLINE Lanes gelu_of(const Lanes& x) noexcept {
  return 0.5F * x * (1.0F + error_function(x * 0.707106781F));
}

}  // namespace veer::nn
