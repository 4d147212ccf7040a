#include "simulators/response/response_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

constexpr std::int32_t most_values = 1 << 16;  ///< of a profile, an item's features, a history

void check_size(const char* name, std::int32_t value, std::int32_t most, std::int32_t multiple = 1) {
  if (value >= 1 && value <= most && value % multiple == 0) return;
  throw ConfigError(
      {.file = {}, .line = 0, .field = std::string("response model: ") + name},
      {std::to_string(value),
       multiple == 1 ? "1 to " + std::to_string(most)
                     : "a multiple of " + std::to_string(multiple) + " up to " + std::to_string(most),
       {}});
}

}  // namespace

void check_response_sizes(const ResponseSizes& sizes) {
  check_size("profile", sizes.profile, most_values);
  check_size("features", sizes.features, most_values);
  check_size("history", sizes.history, most_values);
  check_size("hidden", sizes.hidden, most_values, 16);
}

std::vector<ResponsePart> response_parts(const ResponseSizes& s) {
  constexpr std::int32_t w = ResponseSizes::width;
  std::vector<ResponsePart> parts;
  std::size_t offset = 0;
  const auto add = [&](std::string_view weight, std::string_view shift, std::int32_t rows,
                       std::int32_t columns) {
    parts.push_back({weight, rows, columns, offset});
    parts.push_back({shift, rows, 1, offset + parts.back().size()});
    offset = parts.back().offset + parts.back().size();
  };
  add("profile1/weight", "profile1/offset", s.hidden, s.profile);
  add("profile2/weight", "profile2/offset", w, s.hidden);
  add("item/weight", "item/offset", w, s.features);
  add("self_in/weight", "self_in/offset", 3 * w, w);
  add("self_out/weight", "self_out/offset", w, w);
  add("cross_in/weight", "cross_in/offset", 3 * w, w);
  add("cross_out/weight", "cross_out/offset", w, w);
  if (s.merges_profile) add("merge/weight", "merge/offset", w, 2 * w);
  return parts;
}

std::size_t response_parameters(const ResponseSizes& sizes) {
  const std::vector<ResponsePart> parts = response_parts(sizes);
  return parts.back().offset + parts.back().size();
}

std::span<const float> ResponseModel::part(std::string_view name) const {
  for (const ResponsePart& part : response_parts(sizes)) {
    if (part.name == name) return std::span(weights).subspan(part.offset, part.size());
  }
  throw std::out_of_range("response model: no part " + std::string(name));
}

std::span<float> ResponseModel::part(std::string_view name) {
  const std::span<const float> found = std::as_const(*this).part(name);
  return std::span(weights).subspan(at(found.data() - weights.data()), found.size());
}

ResponseModel initial_response_model(const ResponseSizes& sizes, ItemFeatures features, std::uint64_t seed) {
  check_response_sizes(sizes);
  if (features.width != sizes.features || features.items() < 1) {
    throw ConfigError({.file = {}, .line = 0, .field = "response model: item features"},
                      {std::to_string(std::max(features.items(), 0)) + " items with " +
                           std::to_string(features.width) + " values",
                       "at least one item with " + std::to_string(sizes.features),
                       {}});
  }
  ResponseModel model{sizes, std::vector<float>(response_parameters(sizes), 0.0F), std::move(features)};
  std::uint64_t number = 0;
  for (const ResponsePart& part : response_parts(sizes)) {
    const StepKey key{seed, number++, 0};
    if (part.name.ends_with("/offset")) continue;
    const std::span<float> values = std::span(model.weights).subspan(part.offset, part.size());
    fill_uniform(key, Stream::initialise, values);
    const float bound = 1.0F / std::sqrt(static_cast<float>(part.columns));
    for (float& value : values) value = (2.0F * value - 1.0F) * bound;
  }
  return model;
}

}  // namespace veer
