// The forward pass of the history encoder as LibTorch operations that autograd can follow; the one that
// acting uses stands in history_reader_net.h. Needs LibTorch: include it from .cpp files only.
//
// Thread-safety: pure functions. Determinism: a row's state depends on that row alone and on the number of
// rows asked for together.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <string>

#include "agents/slate/networks/history_encoder.h"
#include "env/nn/network_parameters_net.h"
#include "env/nn/training/dropout_masks_net.h"
#include "env/types.h"

namespace veer::slate {

/// Histories as the network reads them: the newest item in the last column.
struct HistoryBatch {
  torch::Tensor vectors;        ///< [n, T, features]
  torch::Tensor first_visible;  ///< int64 [n]: where what is read begins
};

/// Rows [first, first + count) of `history` (oldest first, right-padded, `size` items each) under
/// config.padding. T is config.positions, masked: that of the longest. `vectors`: [N+1, features]. Padding
/// has the vector of `padding_item`; released training code reads the last item there instead of no_item.
HistoryBatch read_histories(const HistoryEncoderConfig& config, View<const float> vectors,
                            View<const ItemId> history, std::span<const std::int32_t> size,
                            std::int32_t first, std::int32_t count, ItemId padding_item = no_item);

/// States [n, width]. Attention has its own kernels unless weights are dropped.
torch::Tensor encode_histories(const nn::NetworkParameters& parameters, const HistoryEncoderConfig& config,
                               const HistoryBatch& batch, nn::DropoutMasks& dropout);

/// item_map of every row of `vectors`, [N+1, width].
torch::Tensor map_items(const nn::NetworkParameters& parameters, View<const float> vectors);

/// Products have rows in multiples of 32, so that a row's bits do not depend on how many there are.
constexpr std::int64_t padded_rows(std::int64_t rows) noexcept { return (rows + 31) / 32 * 32; }

/// x W^T + b and layer norm by name.
torch::Tensor linear(const nn::NetworkParameters& parameters, const std::string& name,
                     const torch::Tensor& x);
torch::Tensor layer_norm(const nn::NetworkParameters& parameters, const std::string& name,
                         const torch::Tensor& x);

}  // namespace veer::slate
