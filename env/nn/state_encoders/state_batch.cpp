#include "env/nn/state_encoders/state_batch.h"

#include <algorithm>

namespace veer::nn {

void StateBatch::resize(std::int32_t rows) {
  items_.resize(at(rows) * at(state_length_), no_item);
  lengths_.resize(at(rows), 1);
}

void StateBatch::set(std::int32_t row, std::span<const ItemId> history) {
  const std::size_t used = std::min(history.size(), at(state_length_));
  const auto begin = items_.begin() + std::ptrdiff_t{row} * state_length_;
  const auto end = std::copy(history.end() - static_cast<std::ptrdiff_t>(used), history.end(), begin);
  std::fill(end, begin + state_length_, no_item);
  lengths_[at(row)] = static_cast<std::int32_t>(std::max<std::size_t>(used, 1));
}

}  // namespace veer::nn
