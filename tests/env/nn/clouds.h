// Points and item vectors for tests of semantic ids.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/random.h"
#include "env/types.h"

namespace veer::nn {

struct Cloud {
  std::int32_t points = 0;
  std::int32_t width = 0;
  std::vector<float> values;

  View<const float> view() const { return {values.data(), points, width}; }
};

/// Normal clouds around a few far centres.
inline Cloud cloud(std::int32_t points, std::int32_t width, std::uint64_t seed, std::int32_t groups = 5) {
  Cloud out{points, width, std::vector<float>(at(points) * at(width))};
  for (std::int32_t p = 0; p < points; ++p) {
    for (std::int32_t j = 0; j < width; ++j) {
      const auto lane = static_cast<std::uint32_t>(j);
      const auto group = static_cast<EpisodeId>(p % groups);
      out.values[at(p) * at(width) + at(j)] =
          3.0F * normal({seed, group, 1}, Stream::generate, lane) +
          normal({seed, static_cast<EpisodeId>(p), 0}, Stream::generate, lane);
    }
  }
  return out;
}

inline double squared(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += (double{a[j]} - b[j]) * (double{a[j]} - b[j]);
  return sum;
}

}  // namespace veer::nn
