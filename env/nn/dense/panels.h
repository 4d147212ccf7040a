// Products of matrices that stay in cache: small networks are trained on batches of a few hundred rows, where
// a BLAS spends as long on preparing its operands as on multiplying. The right-hand matrix is cut into
// panels once and used by many products; what follows a product (bias, ReLU, the mask of its gradient)
// happens while the values are still in registers. Torch-free.
//
// Thread-safety: pure functions over the caller's memory; Panels may be read by many threads once packed.
// Determinism: each value is one sum over the inner dimension in its order, so a row's bits depend on that
// row and the right-hand matrix alone, wherever it stands.
#pragma once

#include <cstdint>
#include <vector>

namespace veer::nn {

inline constexpr std::int32_t panel_columns = 32;

/// A matrix [rows, columns] as panels of 32 columns, the last one filled up with zeros. Reused without
/// allocating while sizes do not grow.
class Panels {
 public:
  /// Value (p, j) is from[p * row_stride + j * column_stride].
  void pack(const float* from, std::int64_t row_stride, std::int64_t column_stride, std::int32_t rows,
            std::int32_t columns);

  std::int32_t rows() const noexcept { return rows_; }
  std::int32_t columns() const noexcept { return columns_; }
  /// Panel j begins with column 32 j: [rows, 32], 64-byte aligned.
  const float* panel(std::int32_t j) const noexcept;

 private:
  struct alignas(64) Line {
    float values[16];
  };
  float* data() noexcept;

  std::int32_t rows_ = 0, columns_ = 0;
  std::vector<Line> lines_;
};

/// What becomes of a product before it is stored, in this order.
struct ProductEnd {
  bool add = false;                ///< what stands in `out` is added
  const float* bias = nullptr;     ///< [n] added to every row
  bool relu = false;               ///< negative values become 0
  const float* mask = nullptr;     ///< laid out as `out`: where it is not above 0, out becomes 0
  const float* factors = nullptr;  ///< laid out as `out`: multiplied onto it (dropout)
};

/// out [m, n] = a [m, k] b, where value (i, p) of `a` is a[i * row_stride + p * column_stride], b is [k, n]
/// and rows of `out` are `out_stride` apart.
void multiply(const float* a, std::int64_t row_stride, std::int64_t column_stride, std::int32_t m,
              const Panels& b, const ProductEnd& end, float* out, std::int64_t out_stride) noexcept;

/// out[i] = a[i] . x + bias for the rows of `a` [m, k], contiguous.
void multiply_vector(const float* a, std::int32_t m, std::int32_t k, const float* x, float bias,
                     float* out) noexcept;

}  // namespace veer::nn
