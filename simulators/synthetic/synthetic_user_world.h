// The truth behind the synthetic world: items as mixtures of topics, people as tastes over the same topics.
//
// Topics lie on a ring; most items mix a topic with one of its neighbours and a few bridge distant topics, so
// between any two items there is a chain of items that share topics: guidance has something to find.
// Thread-safety: immutable after construction. Everything is a function of the parameters (Philox,
// Stream::initialise).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/types.h"
#include "simulators/dynamics/taste.h"

namespace veer {

/// What makes a synthetic world. Checked by the constructor of SyntheticWorld.
struct SyntheticParameters {
  std::int32_t items = 300;  ///< N >= 2
  std::int32_t topics = 16;  ///< 2..64
  std::uint64_t seed = 1;    ///< of items and people

  // Items: topic vectors of unit length, entries >= 0.
  float neighbour_share = 0.7F;  ///< share of items that mix in a neighbouring topic
  float bridge_share = 0.15F;    ///< share of items that mix in any topic
  float quality_spread = 0.5F;   ///< standard deviation of an item's quality

  // Utility of item v: scale * taste.v + quality + bias - boredom.v; accepted with probability
  // sigmoid(utility).
  float scale = 6.0F;
  float bias = -2.5F;
  float temperature = 1.0F;  ///< interest is softmax(utility / temperature); > 0

  TasteRates rates{.shift = 0.08F, .boredom_growth = 0.2F, .boredom_decay = 0.25F, .drift = 0.02F};
};

class SyntheticWorld {
 public:
  /// Draws the items. Throws ConfigError naming the parameter that is out of range.
  explicit SyntheticWorld(const SyntheticParameters& parameters);
  /// A world with these items: `topics` holds N x T values row by row, `quality` N values; both finite.
  /// Throws ConfigError when sizes do not fit the parameters. Topic vectors may have any length up to 1.
  SyntheticWorld(const SyntheticParameters& parameters, std::vector<float> topics,
                 std::vector<float> quality);

  const SyntheticParameters& parameters() const noexcept { return parameters_; }
  std::int32_t items() const noexcept { return parameters_.items; }
  std::int32_t topics() const noexcept { return parameters_.topics; }

  /// [T]. REQUIRES: 1 <= item <= items().
  std::span<const float> topics_of(ItemId item) const noexcept {
    const auto width = static_cast<std::size_t>(parameters_.topics);
    return std::span(topics_).subspan((static_cast<std::size_t>(item) - 1) * width, width);
  }
  float quality(ItemId item) const noexcept { return quality_[static_cast<std::size_t>(item) - 1]; }
  /// All topic vectors, [N, T], and qualities, [N]: what a model file stores.
  std::span<const float> all_topics() const noexcept { return topics_; }
  std::span<const float> all_qualities() const noexcept { return quality_; }

  /// The person's long-term taste, unit length, entries >= 0. `out` has T values. Any user id >= 0 has one.
  void taste_of(UserId user, std::span<float> out) const noexcept;

  /// Topics that make up at least 0.3 of the item's vector, ascending; at least one. Its attributes in a
  /// catalogue.
  std::vector<std::int32_t> main_topics_of(ItemId item) const;

 private:
  SyntheticParameters parameters_;
  std::vector<float> topics_;
  std::vector<float> quality_;
};

/// A readable name of topic t, 0-based ("Astronomy").
std::string synthetic_topic_name(std::int32_t topic);

}  // namespace veer
