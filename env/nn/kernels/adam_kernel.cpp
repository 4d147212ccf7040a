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

}  // namespace

VEER_KERNEL void adam_values(const AdamFactors& factors, float keep1, float keep2, float shrink,
                             std::int64_t count, const float* gradient, float* first_moment,
                             float* second_moment, float* values) noexcept {
  const float new1 = 1.0F - keep1;
  const float new2 = 1.0F - keep2;
  for (std::int64_t i = 0; i < count; i += lane_count) {
    const auto part = static_cast<std::int32_t>(std::min<std::int64_t>(lane_count, count - i));
    const Lanes g = gradient == nullptr ? Lanes{} : load_part(gradient + i, part, 0.0F);
    const Lanes m = load_part(first_moment + i, part, 0.0F) * keep1 + g * new1;
    const Lanes v = load_part(second_moment + i, part, 0.0F) * keep2 + g * g * new2;
    const Lanes w = load_part(values + i, part, 0.0F);
    store_part(first_moment + i, m, part);
    store_part(second_moment + i, v, part);
    store_part(values + i, w * shrink - m * factors.rate / (root_of(v) * factors.root + factors.epsilon),
               part);
  }
}

}  // namespace veer::nn
