// What CatalogueScorer does, in LibTorch operations on the table's device: the way of a GPU, and the
// yardstick of the fused kernels on a CPU. Needs LibTorch: include from .cpp files only. Pure functions;
// arguments as in catalogue_scorer.h. Draws use the same uniforms as the CPU's, so the two differ only where
// rounding moves a boundary past a uniform; among equal logits best() takes whichever LibTorch finds first.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>

#include "env/types.h"

namespace veer::nn::portable {

void measure(const torch::Tensor& table, View<const float> readouts, std::span<const ItemId> target,
             std::span<float> interest, std::span<std::int32_t> rank);

void best(const torch::Tensor& table, View<const float> readouts, View<const ItemId> excluded,
          View<ItemId> out);

void pick(const torch::Tensor& table, View<const float> readouts, View<const ItemId> excluded,
          std::span<const float> uniforms, std::span<ItemId> out, std::span<float> log_prob);

}  // namespace veer::nn::portable
