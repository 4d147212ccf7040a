#include <algorithm>
#include <numeric>
#include <vector>

#include "agents/slate/latent/latent_values_net.h"
#include "agents/slate/networks/value_network_net.h"

namespace veer::slate {

torch::Tensor item_values(const nn::NetworkParameters& critic, const torch::Tensor& states,
                          const torch::Tensor& items, float rate, nn::DropoutMasks& dropout) {
  const torch::Tensor beside = states.unsqueeze(1).expand({items.size(0), items.size(1), states.size(1)});
  return value_of(critic, "value", torch::cat({beside, items}, 2), rate, dropout);
}

torch::Tensor choice_shares(const torch::Tensor& scores) {
  const torch::Tensor none = torch::zeros({scores.size(0), 1});
  return torch::softmax(torch::cat({scores, none}, 1), 1).narrow(1, 0, scores.size(1));
}

void pick_by_value(const LatentOptions& options, const nn::NetworkParameters& critic,
                   const torch::Tensor& table, const torch::Tensor& states, View<const ItemId> candidates,
                   View<ItemId> out) {
  std::vector<std::int64_t> ids;
  for (std::int32_t r = 0; r < candidates.rows(); ++r) {
    for (const ItemId item : candidates.row(r)) ids.push_back(item);
  }
  const torch::Tensor index =
      torch::from_blob(ids.data(), {static_cast<std::int64_t>(ids.size())}, torch::kInt64);
  const torch::Tensor items =
      table.index_select(0, index).view({candidates.rows(), candidates.width(), table.size(1)});
  const std::string device = "cpu";
  nn::DropoutMasks off(nullptr, device);
  torch::Tensor value = item_values(critic, states, items, 0.0F, off);
  if (options.kind == LatentKind::slateq) {
    value = value * torch::matmul(items, states.unsqueeze(2)).squeeze(2).exp();
  }
  value = value.contiguous();
  std::vector<std::int32_t> order(at(candidates.width()));
  for (std::int32_t r = 0; r < candidates.rows(); ++r) {
    const float* own = value.data_ptr<float>() + std::ptrdiff_t{r} * candidates.width();
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + out.width(), order.end(),
                      [&](std::int32_t a, std::int32_t b) {
                        return own[a] != own[b] ? own[a] > own[b] : candidates(r, a) < candidates(r, b);
                      });
    for (std::int32_t k = 0; k < out.width(); ++k) out(r, k) = candidates(r, order[at(k)]);
  }
}

}  // namespace veer::slate
