#include "simulators/fitting/fit_scorer.h"

#include <torch/types.h>

#include "env/nn/training/sequence_forward_net.h"

namespace veer {

void SequenceScorer::score(View<const ItemId> history, std::span<const std::int32_t> history_size,
                           View<float> out) const {
  const torch::InferenceMode inference;
  const nn::SequenceNet& net = model_.net();
  const std::int64_t rows = history.rows();
  const torch::Tensor ids = torch::from_blob(const_cast<ItemId*>(history.data()), {rows, history.width()},
                                             {history.stride(), 1}, torch::kInt32);
  torch::Tensor last = torch::empty({rows}, torch::kInt64);
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t size = history_size[static_cast<std::size_t>(row)];
    last.data_ptr<std::int64_t>()[row] = row * history.width() + (size > 0 ? size - 1 : 0);
  }
  const torch::Device device(net.device);
  const torch::Tensor hidden = nn::encode(net, ids.to(torch::kInt64).to(device));
  const torch::Tensor read = hidden.reshape({-1, hidden.size(2)}).index_select(0, last.to(device));
  torch::Tensor scores =
      torch::from_blob(out.data(), {rows, out.width()}, {out.stride(), 1}, torch::kFloat32);
  scores.copy_(torch::matmul(read, net.at("item_embedding").t()));
}

}  // namespace veer
