#include "env/nn/kernels/adam_kernel.h"

#include <algorithm>
#include <cmath>

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

VEER_LANES_INLINE Lanes root_of(const Lanes& x) noexcept {
  float v[lane_count];
  std::memcpy(v, &x, sizeof v);
  for (float& value : v) value = __builtin_sqrtf(value);
  return load(v);
}

struct Rates {
  float rate, root, epsilon, keep1, new1, keep2, new2, shrink;
};

/// Inlined with a constant count, a whole vector; with a variable one, what is left at the end.
VEER_LANES_INLINE void adam_part(const Rates& by, std::int32_t count, const float* gradient, float* first,
                                 float* second, float* values) noexcept {
  Lanes m = load_part(first, count, 0.0F) * by.keep1;
  Lanes v = load_part(second, count, 0.0F) * by.keep2;
  if (gradient != nullptr) {
    const Lanes g = load_part(gradient, count, 0.0F);
    m += g * by.new1;
    v += g * g * by.new2;
  }
  const Lanes w = load_part(values, count, 0.0F);
  store_part(first, m, count);
  store_part(second, v, count);
  store_part(values, w * by.shrink - m * by.rate / (root_of(v) * by.root + by.epsilon), count);
}

}  // namespace

VEER_KERNEL void adam_values(const AdamFactors& factors, float keep1, float keep2, float shrink,
                             std::int64_t count, const float* gradient, float* first_moment,
                             float* second_moment, float* values) noexcept {
  const Rates by{factors.rate, factors.root, factors.epsilon, keep1,
                 1.0F - keep1, keep2,        1.0F - keep2,    shrink};
  const std::int64_t whole = count - count % lane_count;
  if (gradient == nullptr) {
    for (std::int64_t i = 0; i < whole; i += lane_count) {
      adam_part(by, lane_count, nullptr, first_moment + i, second_moment + i, values + i);
    }
  } else {
    for (std::int64_t i = 0; i < whole; i += lane_count) {
      adam_part(by, lane_count, gradient + i, first_moment + i, second_moment + i, values + i);
    }
  }
  if (whole < count) {
    adam_part(by, static_cast<std::int32_t>(count - whole), gradient == nullptr ? nullptr : gradient + whole,
              first_moment + whole, second_moment + whole, values + whole);
  }
}

}  // namespace veer::nn
