// Sixteen vectors of sixteen floats, turned over their diagonal in registers. Include from .cpp files only.
#pragma once

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {

/// One step of a transposition: swaps the lanes of `a` with bit s set for those of `b` without.
template <int s>
VEER_LANES_INLINE void exchange(Lanes& a, Lanes& b) noexcept {
#define VEER_LOW(l) ((l)&s ? 16 + (l)-s : (l))
#define VEER_HIGH(l) ((l)&s ? 16 + (l) : (l) + s)
#define VEER_ALL(f) \
  f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15)
  const Lanes low = __builtin_shufflevector(a, b, VEER_ALL(VEER_LOW));
  b = __builtin_shufflevector(a, b, VEER_ALL(VEER_HIGH));
  a = low;
#undef VEER_ALL
#undef VEER_HIGH
#undef VEER_LOW
}

template <int s>
VEER_LANES_INLINE void exchange_all(Lanes* m) noexcept {
#pragma GCC unroll 16
  for (int i = 0; i < lane_count; ++i) {
    if ((i & s) == 0) exchange<s>(m[i], m[i | s]);
  }
}

/// m[i][j] becomes m[j][i].
VEER_LANES_INLINE void transpose(Lanes* m) noexcept {
  exchange_all<8>(m);
  exchange_all<4>(m);
  exchange_all<2>(m);
  exchange_all<1>(m);
}

}  // namespace veer::nn
