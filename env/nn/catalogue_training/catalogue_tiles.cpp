#include "env/nn/catalogue_training/catalogue_tiles_net.h"

namespace veer::nn::catalogue {

torch::Tensor padded_vectors(const CatalogueWeights& table, const Tile& tile) {
  if (tile.count % 32 == 0) return vectors(table, tile);
  torch::Tensor padded = torch::zeros({rounded_up(tile.count), table.width()}, torch::kFloat32);
  padded.narrow(0, 0, tile.count).copy_(vectors(table, tile));
  return padded;
}

torch::Tensor packed_states(View<const float> states, std::int32_t first, std::int32_t count) {
  torch::Tensor packed = torch::empty({rounded_up(count), states.width()}, torch::kFloat32);
  float* to = packed.data_ptr<float>();
  for (std::int32_t r = 0; r < count; ++r, to += states.width()) {
    std::copy_n(states.row(first + r).data(), states.width(), to);
  }
  std::fill(to, packed.data_ptr<float>() + packed.numel(), 0.0F);
  return packed;
}

}  // namespace veer::nn::catalogue
