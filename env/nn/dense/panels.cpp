#include "env/nn/dense/panels.h"

#include <algorithm>

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {
namespace {

/// One tile: R rows of the product and `Wide` vectors of 16 columns. All its sums stay in registers, so R
/// and Wide follow from how many the processor has.
template <int R, int Wide, bool Full>
VEER_LANES_INLINE void product_tile(const float* a, std::int64_t row_stride, std::int64_t column_stride,
                                    const float* b, std::int32_t k, const ProductEnd& end,
                                    std::int64_t offset, std::int64_t out_stride, std::int32_t columns,
                                    float* out) noexcept {
  Lanes sum[R][Wide];
#pragma GCC unroll 16
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
    for (int w = 0; w < Wide; ++w) sum[i][w] = Lanes{};
  }
  for (std::int32_t p = 0; p < k; ++p) {
    Lanes right[Wide];
#pragma GCC unroll 2
    for (int w = 0; w < Wide; ++w) right[w] = load(b + std::int64_t{p} * panel_columns + w * lane_count);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      // Minus nothing is the value itself, plus nothing is not for a negative zero: an instruction saved.
      const Lanes left = a[i * row_stride + p * column_stride] - Lanes{};
#pragma GCC unroll 2
      for (int w = 0; w < Wide; ++w) sum[i][w] += left * right[w];
    }
  }
  // Unrolled, or the sums would have to leave their registers to be counted through.
#pragma GCC unroll 2
  for (int w = 0; w < Wide; ++w) {
    const std::int32_t count = Full ? lane_count : std::min(lane_count, columns - w * lane_count);
    if (count <= 0) break;
    const Lanes bias = end.bias == nullptr ? Lanes{} : load_part(end.bias + w * lane_count, count, 0.0F);
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
      const std::int64_t place = i * out_stride + w * lane_count;
      Lanes value = sum[i][w] + bias;
      if (end.add) value += load_part(out + place, count, 0.0F);
      if (end.relu) value = value > 0.0F ? value : Lanes{};
      if (end.mask != nullptr) {
        const Lanes gate = load_part(end.mask + offset + place, count, 0.0F);
        value = gate > 0.0F ? value : Lanes{};
      }
      if (end.factors != nullptr) value *= load_part(end.factors + offset + place, count, 0.0F);
      store_part(out + place, value, count);
    }
  }
}

struct ProductCall {
  const float* a;
  std::int64_t row_stride, column_stride;
  std::int32_t m;
  const Panels& b;
  const ProductEnd& end;
  float* out;
  std::int64_t out_stride;
};

/// Rows first .. first + R - 1, all columns of the panels.
template <int R, int Wide>
VEER_LANES_INLINE void product_rows(const ProductCall& call, std::int32_t panel,
                                    std::int32_t first) noexcept {
  for (std::int32_t column = 0; column < panel_columns; column += Wide * lane_count) {
    const std::int32_t j = panel * panel_columns + column;
    const std::int32_t columns = std::min(Wide * lane_count, call.b.columns() - j);
    if (columns <= 0) return;
    ProductEnd end = call.end;
    if (end.bias != nullptr) end.bias += j;
    const std::int64_t offset = first * call.out_stride + j;
    const float* a = call.a + first * call.row_stride;
    const float* b = call.b.panel(panel) + column;
    if (columns == Wide * lane_count) {
      product_tile<R, Wide, true>(a, call.row_stride, call.column_stride, b, call.b.rows(), end, offset,
                                  call.out_stride, columns, call.out + offset);
    } else {
      product_tile<R, Wide, false>(a, call.row_stride, call.column_stride, b, call.b.rows(), end, offset,
                                   call.out_stride, columns, call.out + offset);
    }
  }
}

template <int R, int Wide>
VEER_LANES_INLINE void product_of(const ProductCall& call) noexcept {
  const std::int32_t panels = (call.b.columns() + panel_columns - 1) / panel_columns;
  for (std::int32_t panel = 0; panel < panels; ++panel) {
    std::int32_t i = 0;
    for (; i + R <= call.m; i += R) product_rows<R, Wide>(call, panel, i);
    for (; i < call.m; ++i) product_rows<1, Wide>(call, panel, i);
  }
}

using Product = void (*)(const ProductCall&) noexcept;

/// SSE2 has sixteen registers of four floats.
void product_plain(const ProductCall& call) noexcept { product_of<3, 1>(call); }

#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
// Written out rather than VEER_KERNEL, as tiles differ in size.
__attribute__((target("arch=x86-64-v4"))) void product_avx512(const ProductCall& call) noexcept {
  product_of<8, 2>(call);
}
__attribute__((target("arch=x86-64-v3"))) void product_avx2(const ProductCall& call) noexcept {
  product_of<6, 1>(call);
}
Product best_product() noexcept {
  if (__builtin_cpu_supports("x86-64-v4")) return product_avx512;
  if (__builtin_cpu_supports("x86-64-v3")) return product_avx2;
  return product_plain;
}
#else
Product best_product() noexcept { return product_plain; }
#endif

}  // namespace

float* Panels::data() noexcept { return lines_.data()->values; }
const float* Panels::panel(std::int32_t j) const noexcept {
  return lines_.data()->values + std::int64_t{j} * rows_ * panel_columns;
}

void Panels::pack(const float* from, std::int64_t row_stride, std::int64_t column_stride, std::int32_t rows,
                  std::int32_t columns) {
  rows_ = rows;
  columns_ = columns;
  const std::int32_t panels = (columns + panel_columns - 1) / panel_columns;
  const std::size_t lines = static_cast<std::size_t>(panels) * static_cast<std::size_t>(rows) * 2;
  if (lines_.size() < lines) lines_.resize(lines);
  for (std::int32_t panel = 0; panel < panels; ++panel) {
    float* to = data() + std::int64_t{panel} * rows * panel_columns;
    const std::int32_t first = panel * panel_columns, count = std::min(panel_columns, columns - first);
    if (column_stride == 1) {
      for (std::int32_t p = 0; p < rows; ++p) {
        float* row = to + std::int64_t{p} * panel_columns;
        std::memcpy(row, from + p * row_stride + first, sizeof(float) * static_cast<std::size_t>(count));
        std::fill(row + count, row + panel_columns, 0.0F);
      }
      continue;
    }
    // Along the source's rows, which are this matrix's columns: reads are then contiguous.
    for (std::int32_t j = 0; j < panel_columns; ++j) {
      const float* column = from + (first + j) * column_stride;
      for (std::int32_t p = 0; p < rows; ++p) {
        to[std::int64_t{p} * panel_columns + j] = j < count ? column[p * row_stride] : 0.0F;
      }
    }
  }
}

void multiply(const float* a, std::int64_t row_stride, std::int64_t column_stride, std::int32_t m,
              const Panels& b, const ProductEnd& end, float* out, std::int64_t out_stride) noexcept {
  static const Product product = best_product();
  product({a, row_stride, column_stride, m, b, end, out, out_stride});
}

VEER_KERNEL void multiply_vector(const float* a, std::int32_t m, std::int32_t k, const float* x, float bias,
                                 float* out) noexcept {
  const std::int32_t whole = k - k % lane_count;
  for (std::int32_t i = 0; i < m; ++i) {
    const float* row = a + std::int64_t{i} * k;
    Lanes sum = load_part(row + whole, k - whole, 0.0F) * load_part(x + whole, k - whole, 0.0F);
    for (std::int32_t p = 0; p < whole; p += lane_count) sum += load(row + p) * load(x + p);
    out[i] = sum_of(sum) + bias;
  }
}

}  // namespace veer::nn
