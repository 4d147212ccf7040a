#include <algorithm>

#include "env/nn/kernels/softmax_kernel.h"
#include "env/nn/training/training_net.h"

namespace veer::nn {

double cross_entropy_in_place(torch::Tensor& hidden, const torch::Tensor& table,
                              std::span<const std::int64_t> targets, float weight,
                              torch::Tensor& table_gradient, std::int64_t tile_values) {
  const std::int64_t rows = hidden.size(0);
  const std::int64_t columns = table.size(0);
  const std::int64_t tile =
      std::clamp<std::int64_t>(tile_values / columns, 1, std::max<std::int64_t>(rows, 1));
  torch::Tensor logits = torch::empty({tile, columns}, hidden.options());
  const torch::Tensor transposed = table.t();
  double loss = 0.0;
  for (std::int64_t first = 0; first < rows; first += tile) {
    const std::int64_t count = std::min(tile, rows - first);
    torch::Tensor states = hidden.slice(0, first, first + count);
    torch::Tensor block = logits.slice(0, 0, count);
    at::mm_out(block, states, transposed);
    loss += cross_entropy_rows(
        {block.data_ptr<float>(), static_cast<std::size_t>(count * columns)}, columns,
        targets.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)), weight);
    table_gradient.addmm_(block.t(), states);
    at::mm_out(states, block, table);  // the states have been used for the last time
  }
  return loss;
}

}  // namespace veer::nn
