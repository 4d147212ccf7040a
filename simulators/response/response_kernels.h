// The loops of a response model, sixteen floats at a time. Internal to simulators/response.
//
// Thread-safety: pure functions over the caller's memory. Determinism: a person's numbers depend on that
// person alone.
#pragma once

#include <cstdint>

namespace veer::response {

inline constexpr std::int32_t width = 16;
inline constexpr std::int32_t heads = 2;
inline constexpr std::int32_t row_width = 3 * width;  ///< query, key and value of an item

/// Rounded up to whole vectors.
constexpr std::int32_t padded(std::int32_t count) noexcept { return (count + 15) / 16 * 16; }

/// A history as a multiset: `count` entries, the last of which stands for `last_weight` equal ones.
struct Entries {
  const float* const* rows = nullptr;  ///< [count] query, key, value of each: weights are 2^(query . key)
  std::int32_t count = 0;              ///< at least 1
  float last_weight = 1.0F;
  bool shifted = false;  ///< whether products may be too large for 2^x as they are
};

/// Self-attention, heads side by side: contexts [width, padded(count)], entry by entry in the columns.
/// `queries` is scratch of the same size.
void self_attention(const Entries& entries, float* queries, float* contexts) noexcept;

/// What `directions` [heads, width] reads from the contexts: out [heads, width] is the mean context under the
/// softmax of direction . context. scratch: padded(count) floats.
void pool_contexts(const float* contexts, const Entries& entries, const float* directions, float* scratch,
                   float* out) noexcept;

/// out [16 * blocks] = offset + sum over j of x[j] * columns[j, 16 * blocks]; REQUIRES: `count` columns.
void affine(const float* columns, const float* offset, const float* x, std::int32_t count,
            std::int32_t blocks, float* out) noexcept;

/// x = max(x, 0). REQUIRES: size is a multiple of 16, here and below.
void rectify(float* x, std::int32_t size) noexcept;
/// out = a * b, value by value.
void multiply(const float* a, const float* b, std::int32_t size, float* out) noexcept;

/// x = sigmoid(x).
void logistic(float* x, std::int32_t size) noexcept;

/// a . b over 16 values, in one fixed order.
float dot16(const float* a, const float* b) noexcept;

/// Products with items stored 16 by 16: block b holds dimension d of items 16 b .. 16 b + 15 at (b, d, 16).
void block_products(const float* blocks, std::int32_t count, const float* q, float* out) noexcept;

}  // namespace veer::response
