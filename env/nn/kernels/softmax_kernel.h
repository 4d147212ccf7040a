// Softmax cross-entropy over rows of logits that are still in cache: loss and gradient in one visit.
// Torch-free. Thread-safe: pure functions on the caller's memory. Same bits for a given CPU type, whoever
// calls.
#pragma once

#include <cstdint>
#include <span>

namespace veer::nn {

/// Replaces every row x of `logits` [targets.size(), columns], contiguous, by weight * (softmax(x) -
/// onehot(target)), the gradient of weight * cross-entropy, and returns the unweighted sum over rows of -ln
/// softmax(x)[target]. REQUIRES: finite logits, 0 <= target < columns.
double cross_entropy_rows(std::span<float> logits, std::int64_t columns,
                          std::span<const std::int64_t> targets, float weight) noexcept;

}  // namespace veer::nn
