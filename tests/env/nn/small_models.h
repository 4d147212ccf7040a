// Small networks and random histories for tests. Weights larger than fresh ones, so that logits differ
// visibly.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/nn/sequence_model.h"
#include "env/random.h"
#include "env/types.h"

namespace veer::nn {

inline SequenceModel small_model(const std::string& kind, std::int32_t items, std::uint64_t seed = 7,
                                 std::int32_t positions = 12, const std::string& device = "cpu") {
  SequenceConfig config = kind == "gru4rec" ? SequenceConfig::gru4rec(items) : SequenceConfig::sasrec(items);
  config.hidden = 32;
  config.inner = kind == "gru4rec" ? 48 : 64;
  config.positions = positions;
  const SequenceModel fresh = SequenceModel::initialise(config, seed, "cpu");
  const NamedArrays arrays = fresh.to_arrays();
  NamedArrays larger;
  for (const auto& [name, array] : arrays.all()) {
    const std::span<const float> from = arrays.get<float>(name);
    std::vector<float> values(from.begin(), from.end());
    if (kind == "sasrec" && name.ends_with(".weight") && array.shape.size() == 2) {
      for (float& value : values) value *= 8.0F;
    }
    if (name == "item_embedding" || name == "position_embedding") {
      for (float& value : values) value *= kind == "sasrec" ? 20.0F : 8.0F;
    }
    larger.set<float>(name, values, array.shape);
  }
  return SequenceModel::from_arrays(config, larger, device);
}

inline ItemId random_item(std::int32_t items, std::uint64_t row, std::uint32_t lane, std::uint64_t seed = 5) {
  return static_cast<ItemId>(
             uniform_below(static_cast<std::uint32_t>(items), {seed, row, 0}, Stream::generate, lane)) +
         1;
}

}  // namespace veer::nn
