// Dropout on tensors. Needs LibTorch: include it from .cpp files only.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <string>

#include "env/random.h"

namespace veer::nn {

/// Where dropout masks come from: Philox keyed by (seed, example, step = epoch, Stream::dropout), so a mask
/// depends on the example and the update, never on threads or on LibTorch's generator.
struct DropoutKey {
  std::uint64_t seed = 0;
  std::uint64_t first_example = 0;  ///< row r of the batch is example first_example + r
  std::uint32_t update = 0;
};

/// Hands out dropout masks in the order of the forward pass; every call takes the next blocks of each row's
/// stream. A null key is evaluation mode: values come back as they are. Not thread-safe.
class DropoutMasks {
 public:
  /// Both must outlive the masks.
  DropoutMasks(const DropoutKey* key, const std::string& device) : key_(key), device_(device) {}
  /// Row r draws from the stream of rows[r]: for rows that are no consecutive examples, such as episodes.
  DropoutMasks(std::span<const StepKey> rows, const std::string& device) : rows_(rows), device_(device) {}

  /// Evaluation mode.
  bool off() const noexcept { return key_ == nullptr && rows_.empty(); }
  /// values [n, ...], masked by row.
  torch::Tensor operator()(const torch::Tensor& values, float rate);
  /// Values that belong to no row: one mask from the stream of the first example.
  torch::Tensor packed(const torch::Tensor& values, float rate);

 private:
  StepKey key_of(std::int64_t row) const noexcept;

  const DropoutKey* key_ = nullptr;
  std::span<const StepKey> rows_;
  const std::string& device_;
  std::uint32_t next_block_ = 0;
};

}  // namespace veer::nn
