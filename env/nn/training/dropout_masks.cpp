#include <algorithm>
#include <span>

#include "env/dropout_mask.h"
#include "env/nn/training/dropout_masks_net.h"

namespace veer::nn {

StepKey DropoutMasks::key_of(std::int64_t row) const noexcept {
  if (!rows_.empty()) return rows_[static_cast<std::size_t>(row)];
  return {key_->seed, key_->first_example + static_cast<std::uint64_t>(row), key_->update};
}

torch::Tensor DropoutMasks::operator()(const torch::Tensor& values, float rate) {
  if (off() || rate == 0.0F) return values;
  const std::int64_t rows = values.size(0);
  const std::int64_t width = values.numel() / std::max<std::int64_t>(rows, 1);
  torch::Tensor mask = torch::empty(values.sizes(), torch::kFloat32);
  float* data = mask.data_ptr<float>();
  for (std::int64_t row = 0; row < rows; ++row) {
    fill_dropout_mask(key_of(row), next_block_, rate, {data + row * width, static_cast<std::size_t>(width)});
  }
  next_block_ += dropout_blocks(width);
  return values * (device_ == "cpu" ? mask : mask.to(torch::Device(device_)));
}

torch::Tensor DropoutMasks::packed(const torch::Tensor& values, float rate) {
  return (*this)(values.reshape({1, -1}), rate).view(values.sizes());
}

}  // namespace veer::nn
