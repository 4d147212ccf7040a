// The steps between matrix products, on whichever device the tensors are: fused kernels on the CPU, LibTorch
// operations elsewhere or when `portable` asks for them. Needs LibTorch: include from .cpp files only. Pure
// functions.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "env/nn/sequence_net.h"

namespace veer::nn {

/// The device and the arithmetic of one network.
struct SequenceOps {
  torch::Device device = torch::kCPU;
  bool portable = false;

  torch::TensorOptions floats() const { return torch::dtype(torch::kFloat32).device(device); }
  torch::Tensor indices(const std::vector<std::int32_t>& values) const;  ///< int64 on the device
  torch::Tensor upload(const float* from, std::int64_t rows, std::int64_t width, std::int64_t stride,
                       std::int64_t padded_rows) const;  ///< packed rows, then zero rows
};

constexpr std::int64_t padded_rows(std::int64_t rows) noexcept { return (rows + 31) / 32 * 32; }

struct Norm {
  torch::Tensor gain, offset;
};
inline constexpr double norm_epsilon = 1e-12;  // as in training/sequence_forward.cpp

/// Attention keys and values of every layer: [slots, positions, d] each.
struct KeyValues {
  std::vector<torch::Tensor> keys, values;
  std::int32_t positions = 0;

  bool empty() const noexcept { return keys.empty(); }
};

/// What queries read: row r looks at the first length[r] positions of slot[r].
struct Reach {
  std::vector<std::int32_t> slot, length;
};

/// LayerNorm(items[item] + positions[position]) in padded_rows(n) rows, the last ones zero.
torch::Tensor embed(const SequenceOps& ops, const torch::Tensor& items, const torch::Tensor& positions,
                    const Norm& norm, const std::vector<std::int32_t>& item,
                    const std::vector<std::int32_t>& position);

/// x[0..n) = LayerNorm(y + bias + x)
void add_and_normalise(const SequenceOps& ops, const torch::Tensor& y, const torch::Tensor& bias,
                       const Norm& norm, std::int64_t n, torch::Tensor& x);

/// x[0..n) = gelu(x + bias)
void add_gelu(const SequenceOps& ops, const torch::Tensor& bias, std::int64_t n, torch::Tensor& x);

/// Writes rows 0..n-1 of the products [., 2d] (keys, then values) plus `bias` to (slot[r], at[r]) of one
/// layer.
void store_keys(const SequenceOps& ops, const torch::Tensor& products, const torch::Tensor& bias,
                const std::vector<std::int32_t>& slot, const std::vector<std::int32_t>& at,
                torch::Tensor& keys, torch::Tensor& values);

/// What becomes of products of queries and keys before the softmax, see AttentionForm.
struct ScoreForm {
  float scale = 1.0F;
  torch::Tensor bias{};  ///< [heads, most places back] or undefined
};

/// out[0..n) = RMSNorm of x, rows past n zero. Another tensor than x.
torch::Tensor rms_normalise(const SequenceOps& ops, const torch::Tensor& x, const torch::Tensor& gain,
                            double epsilon, std::int64_t n);

/// Attention of queries[0..n) over `shared` (may be null), then `own`. Same shape as queries; rows past n are
/// zero.
torch::Tensor attend(const SequenceOps& ops, const torch::Tensor& queries, std::int32_t heads,
                     const ScoreForm& form, std::size_t layer, const KeyValues* shared,
                     const Reach& shared_reach, const KeyValues& own, const Reach& reach);

/// state[0..n) after one GRU step; input and hidden are the products [., 3f].
void gru_update(const SequenceOps& ops, const torch::Tensor& input, const torch::Tensor& hidden,
                std::int64_t n, torch::Tensor& state);

/// Rows of `from` in padded_rows(n) rows, the last ones zero.
torch::Tensor gather_rows(const SequenceOps& ops, const torch::Tensor& from,
                          const std::vector<std::int32_t>& rows);

}  // namespace veer::nn
