#include "simulators/behaviours/behaviour_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

[[noreturn]] void reject_behaviour_size(const std::string& name, const std::string& found,
                                        const std::string& expected) {
  throw ConfigError({.file = {}, .line = 0, .field = "model of behaviours: " + name}, {found, expected, {}});
}

void check_behaviour_size(const std::string& name, std::int32_t value, std::int32_t least, std::int32_t most,
                          std::int32_t multiple = 1) {
  if (value >= least && value <= most && value % multiple == 0) return;
  std::string expected = std::to_string(least) + " to " + std::to_string(most);
  if (multiple > 1) expected = "a multiple of " + std::to_string(multiple) + " from " + expected;
  reject_behaviour_size(name, std::to_string(value), expected);
}

}  // namespace

std::int32_t BehaviourSizes::profile() const noexcept {
  return std::accumulate(profile_blocks.begin(), profile_blocks.end(), 0);
}
std::int32_t BehaviourSizes::features() const noexcept {
  return std::accumulate(feature_blocks.begin(), feature_blocks.end(), 0);
}

void check_behaviour_sizes(const BehaviourSizes& s) {
  constexpr std::int32_t most = 1 << 16;
  for (const auto& [name, blocks] :
       {std::pair("profile", &s.profile_blocks), std::pair("item features", &s.feature_blocks)}) {
    if (blocks->empty()) reject_behaviour_size(name, "no blocks", "at least one");
    for (const std::int32_t width : *blocks) check_behaviour_size(name, width, 1, most);
  }
  check_behaviour_size("items", s.items, 1, 100'000'000);
  check_behaviour_size("people", s.people, 0, 100'000'000);
  check_behaviour_size("history", s.history, 1, 10'000);
  check_behaviour_size("latent", s.latent, 1, 1024);
  check_behaviour_size("encoding", s.encoding, 16, 1024, 16);
  check_behaviour_size("layers", s.layers, 1, 32);
  check_behaviour_size("heads", s.heads, 1, 64);
  if (s.heads * s.head() != s.width() || (s.head() != 16 && s.head() != 32)) {
    reject_behaviour_size("heads", std::to_string(s.heads) + " of a width of " + std::to_string(s.width()),
                          "heads of 16 or 32 values each");
  }
  check_behaviour_size("inner", s.inner, 16, 4096, 16);
  check_behaviour_size("hidden", s.hidden, 16, 4096, 16);
  check_behaviour_size("queries", s.queries, 1, 64);
  if (s.behaviours.empty() || s.behaviours.front() != Behaviour::click) {
    reject_behaviour_size("behaviours", "no click in the first place", "the click, then others");
  }
  for (std::size_t b = 0; b < s.behaviours.size(); ++b) {
    const auto end = s.behaviours.begin() + static_cast<std::ptrdiff_t>(b);
    if (at(static_cast<std::int32_t>(s.behaviours[b])) >= behaviour_names.size() ||
        std::find(s.behaviours.begin(), end, s.behaviours[b]) != end) {
      reject_behaviour_size("behaviours", "number " + std::to_string(b) + " again, or unknown",
                            "each behaviour once");
    }
  }
}

std::vector<BehaviourPart> behaviour_parts(const BehaviourSizes& s) {
  std::vector<BehaviourPart> parts;
  std::size_t offset = 0;
  const auto add = [&](std::string name, BehaviourPartKind kind, std::int32_t rows, std::int32_t columns) {
    parts.push_back({std::move(name), kind, rows, columns, offset});
    offset += parts.back().size();
  };
  const auto map = [&](const std::string& name, std::int32_t outputs, std::int32_t inputs) {
    add(name + "/weight", BehaviourPartKind::weight, outputs, inputs);
    add(name + "/offset", BehaviourPartKind::offset, outputs, 1);
  };
  const auto norm = [&](const std::string& name, std::int32_t values) {
    add(name + "/gain", BehaviourPartKind::gain, values, 1);
    add(name + "/offset", BehaviourPartKind::offset, values, 1);
  };
  if (s.people > 0) add("user_ids", BehaviourPartKind::table, s.people, s.latent);
  for (std::size_t b = 0; b < s.profile_blocks.size(); ++b) {
    map("profile" + std::to_string(b), s.latent, s.profile_blocks[b]);
  }
  if (s.item_ids) add("item_ids", BehaviourPartKind::table, s.items + 1, s.latent);
  for (std::size_t b = 0; b < s.feature_blocks.size(); ++b) {
    map("feature" + std::to_string(b), s.latent, s.feature_blocks[b]);
  }
  norm("user_norm", s.latent);
  norm("item_norm", s.latent);
  map("user_map", s.encoding, s.latent);
  map("item_map", s.encoding, s.latent);
  norm("encoding_norm", s.encoding);
  add("positions", BehaviourPartKind::table, s.history, s.encoding);
  map("behaviour_map", s.encoding, s.count());
  const std::int32_t d = s.width();
  for (std::int32_t l = 0; l < s.layers; ++l) {
    const std::string layer = "layer" + std::to_string(l) + "/";
    map(layer + "in", 3 * d, d);
    map(layer + "out", d, d);
    norm(layer + "norm1", d);
    map(layer + "inner1", s.inner, d);
    map(layer + "inner2", d, s.inner);
    norm(layer + "norm2", d);
  }
  map("state1", s.hidden, d + s.encoding);
  norm("state_norm", s.hidden);
  map("state2", s.count() * s.queries * s.encoding, s.hidden);
  norm("query_norm", s.encoding);
  return parts;
}

std::size_t behaviour_parameters(const BehaviourSizes& sizes) {
  const std::vector<BehaviourPart> parts = behaviour_parts(sizes);
  return parts.back().offset + parts.back().size();
}

std::size_t dense_behaviour_parameters(const BehaviourSizes& sizes) {
  std::size_t sum = 0;
  for (const BehaviourPart& part : behaviour_parts(sizes)) {
    if (part.name != "user_ids" && part.name != "item_ids") sum += part.size();
  }
  return sum;
}

std::span<const float> BehaviourModel::part(std::string_view name) const {
  for (const BehaviourPart& part : behaviour_parts(sizes)) {
    if (part.name == name) return std::span(weights).subspan(part.offset, part.size());
  }
  throw std::out_of_range("model of behaviours: no part " + std::string(name));
}

std::span<float> BehaviourModel::part(std::string_view name) {
  const std::span<const float> found = std::as_const(*this).part(name);
  return std::span(weights).subspan(at(found.data() - weights.data()), found.size());
}

BehaviourModel initial_behaviour_model(const BehaviourSizes& sizes, ItemFeatures features,
                                       std::uint64_t seed) {
  check_behaviour_sizes(sizes);
  if (features.width != sizes.features() || features.items() != sizes.items) {
    reject_behaviour_size(
        "item features",
        std::to_string(features.items()) + " items with " + std::to_string(features.width) + " values",
        std::to_string(sizes.items) + " with " + std::to_string(sizes.features()));
  }
  BehaviourModel model{.sizes = sizes,
                       .weights = std::vector<float>(behaviour_parameters(sizes), 0.0F),
                       .features = std::move(features),
                       .offsets = std::vector<float>(at(sizes.count()), 0.0F),
                       .odds = std::vector<float>(at(sizes.count()), 1.0F)};
  std::uint64_t number = 0;
  for (const BehaviourPart& part : behaviour_parts(sizes)) {
    const StepKey key{seed, number++, 0};
    const std::span<float> values = std::span(model.weights).subspan(part.offset, part.size());
    switch (part.kind) {
      case BehaviourPartKind::offset:
        break;
      case BehaviourPartKind::gain:
        std::ranges::fill(values, 1.0F);
        break;
      case BehaviourPartKind::table:
        fill_normal(key, Stream::initialise, values);
        break;
      case BehaviourPartKind::weight: {
        fill_uniform(key, Stream::initialise, values);
        const float bound = 1.0F / std::sqrt(static_cast<float>(part.columns));
        for (float& value : values) value = (2.0F * value - 1.0F) * bound;
      }
    }
  }
  return model;
}

}  // namespace veer
