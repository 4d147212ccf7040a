// How the heads cut a catalogue: into groups of tiles of items, a group being one task. Needs LibTorch:
// include it from .cpp files only. Pure functions of their arguments.
#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cstdint>

#include "env/nn/catalogue_training/catalogue_table.h"
#include "env/runtime.h"

namespace veer::nn::catalogue {

/// 256 rows x 512 scores are 512 KiB: with the tile's vectors they stay in a core's second-level cache.
inline constexpr std::int32_t tile_items = 512;
inline constexpr std::int32_t block_rows = 256;
inline constexpr std::int32_t group_items = 2 * tile_items;

constexpr std::int32_t groups_of(std::int32_t items) { return (items + group_items - 1) / group_items; }
constexpr std::int32_t rounded_up(std::int32_t count) { return (count + 31) / 32 * 32; }

/// Items [first, first + count) of a table, counted in rows of the table.
struct Tile {
  std::int32_t first = 0;
  std::int32_t count = 0;
};

/// Calls visit(tile) for the tiles of one group, ascending.
template <class Visit>
void for_each_tile(std::int32_t items, std::int64_t group, const Visit& visit) {
  const auto begin = static_cast<std::int32_t>(group) * group_items;
  const std::int32_t end = std::min(begin + group_items, items);
  for (std::int32_t first = begin; first < end; first += tile_items) {
    visit(Tile{first, std::min(tile_items, end - first)});
  }
}

/// Memory of the caller's as a matrix [rows, columns]. Nobody writes through what came in as constant.
inline torch::Tensor matrix(const float* values, std::int64_t rows, std::int64_t columns) {
  return torch::from_blob(const_cast<float*>(values), {rows, columns}, torch::kFloat32);
}

/// The vectors of a tile, [count, W].
inline torch::Tensor vectors(const CatalogueWeights& table, const Tile& tile) {
  return matrix(&table.weight(tile.first), tile.count, table.width());
}

/// The vectors of a tile with zero rows up to a multiple of 32: matrix libraries may round the last odd
/// columns of a product unlike the others, and equal vectors must get equal scores.
torch::Tensor padded_vectors(const CatalogueWeights& table, const Tile& tile);

/// Rows [first, first + count) of `states` packed, with zero rows up to a multiple of 32: a row's scores do
/// not depend on how many others there are.
torch::Tensor packed_states(View<const float> states, std::int32_t first, std::int32_t count);

/// The biases from a row on; null for a head without.
inline const float* bias_at(const CatalogueWeights& head, std::int32_t row) {
  return head.bias.empty() ? nullptr : head.bias.data() + row;
}

/// Scores rows [first, first + count) against the whole catalogue, a group of tiles per task: calls
/// visit(group, tile, scores of the first row, distance between rows).
template <class Visit>
void score_rows(const CatalogueWeights& head, const torch::Tensor& states, const Visit& visit) {
  parallel_for(groups_of(head.rows()), [&](std::int64_t group) {
    const c10::InferenceMode guard;
    torch::Tensor scratch = torch::empty({states.size(0) * tile_items}, torch::kFloat32);
    for_each_tile(head.rows(), group, [&](const Tile& tile) {
      const torch::Tensor vectors = padded_vectors(head, tile);
      torch::Tensor scores =
          scratch.narrow(0, 0, states.size(0) * vectors.size(0)).view({states.size(0), vectors.size(0)});
      at::mm_out(scores, states, vectors.t());
      visit(group, tile, scores.data_ptr<float>(), static_cast<std::ptrdiff_t>(vectors.size(0)));
    });
  });
}

/// Calls visit(first row, rows, packed states) for the blocks of a batch.
template <class Visit>
void for_each_block_of_rows(View<const float> states, const Visit& visit) {
  for (std::int32_t first = 0; first < states.rows(); first += block_rows) {
    const std::int32_t count = std::min(block_rows, states.rows() - first);
    visit(first, count, packed_states(states, first, count));
  }
}

}  // namespace veer::nn::catalogue
