// Names, shapes and initial distributions of a network's parameters. Torch-free value types.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace veer::nn {

/// truncated_normal: what lies further than two deviations from zero is drawn again, as TensorFlow does.
enum class Initial : std::uint8_t { zeros, ones, normal, uniform, truncated_normal, constant };

struct ParameterLayout {
  std::string name;
  std::vector<std::int64_t> shape;
  Initial initial = Initial::zeros;
  float scale = 0.0F;  ///< deviation (before truncation), half the interval around zero, or the constant
  bool first_row_zero = false;  ///< row 0 stands for padding and starts as the zero vector

  std::int64_t size() const noexcept;
};

/// Values in all parameters.
std::int64_t total_size(std::span<const ParameterLayout> layouts) noexcept;

/// Draws parameter number `index` of a network from Philox (Stream::initialise). Rows are keyed by
/// themselves, so an item's first vector does not depend on how many follow. `out` has layout.size() values.
void draw_initial(const ParameterLayout& layout, std::uint64_t seed, std::uint32_t index,
                  std::span<float> out) noexcept;

}  // namespace veer::nn
