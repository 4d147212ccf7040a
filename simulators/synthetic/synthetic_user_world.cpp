#include "simulators/synthetic/synthetic_user_world.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string_view>

#include "env/error.h"

namespace veer {
namespace {

// The step of a key tells what is drawn, so that items and people with the same number are independent.
constexpr std::uint32_t item_draws = 1;
constexpr std::uint32_t person_draws = 2;
constexpr std::uint32_t topic_order = 3;

// Lanes of one item's or person's draws.
enum ItemLane : std::uint32_t { mix_kind = 0, mix_weight = 1, mix_topic = 2, side = 3, quality_lane = 4 };
enum PersonLane : std::uint32_t {
  favourite = 0,
  neighbour_weight = 1,
  neighbour_side = 2,
  other_topic = 3,
  other_weight = 4,
  background = 8,
};

void check(bool holds, const char* field, float found, const char* expected) {
  if (holds) return;
  throw ConfigError({.file = {}, .line = 0, .field = std::string("synthetic world: ") + field},
                    {.found = std::to_string(found), .expected = expected, .hint = {}});
}

void check_parameters(const SyntheticParameters& p) {
  check(p.items >= 2, "items", static_cast<float>(p.items), "at least 2");
  check(p.topics >= 2 && p.topics <= 64, "topics", static_cast<float>(p.topics), "2 to 64");
  check(p.neighbour_share >= 0 && p.neighbour_share <= 1, "neighbour_share", p.neighbour_share, "0 to 1");
  check(p.bridge_share >= 0 && p.neighbour_share + p.bridge_share <= 1, "bridge_share", p.bridge_share,
        "0 to 1 - neighbour_share");
  check(p.quality_spread >= 0 && std::isfinite(p.quality_spread), "quality_spread", p.quality_spread,
        "a finite number >= 0");
  check(p.scale >= 0 && std::isfinite(p.scale), "scale", p.scale, "a finite number >= 0");
  check(std::isfinite(p.bias), "bias", p.bias, "a finite number");
  check(p.temperature > 0 && std::isfinite(p.temperature), "temperature", p.temperature,
        "a finite number > 0");
  check(p.rates.shift >= 0 && p.rates.shift <= 1, "shift", p.rates.shift, "0 to 1");
  check(p.rates.boredom_growth >= 0 && std::isfinite(p.rates.boredom_growth), "boredom_growth",
        p.rates.boredom_growth, "a finite number >= 0");
  check(p.rates.boredom_decay >= 0 && p.rates.boredom_decay <= 1, "boredom_decay", p.rates.boredom_decay,
        "0 to 1");
  check(p.rates.drift >= 0 && std::isfinite(p.rates.drift), "drift", p.rates.drift, "a finite number >= 0");
}

std::size_t ring(std::int32_t topic, std::int32_t topics) {
  return static_cast<std::size_t>((topic + topics) % topics);
}

constexpr std::array<std::string_view, 32> topic_names = {
    "Astronomy", "Voyages",  "Harbours",  "Fishing",  "Cooking", "Gardens",   "Forests",    "Wildlife",
    "Mountains", "Winter",   "Folklore",  "Ghosts",   "Mystery", "Espionage", "War",        "Politics",
    "Law",       "Business", "Invention", "Robots",   "Space",   "Time",      "Philosophy", "Religion",
    "Music",     "Dance",    "Theatre",   "Painting", "Romance", "Family",    "School",     "Sport"};

}  // namespace

SyntheticWorld::SyntheticWorld(const SyntheticParameters& parameters) : parameters_(parameters) {
  check_parameters(parameters_);
  const std::int32_t topics = parameters_.topics;
  const auto width = static_cast<std::size_t>(topics);
  const auto count = static_cast<std::size_t>(parameters_.items);
  topics_.assign(count * width, 0.0F);
  quality_.resize(count);

  // Every topic leads equally many items (give or take one), in an order that says nothing.
  std::vector<std::int32_t> leading(count);
  for (std::size_t i = 0; i < count; ++i) leading[i] = static_cast<std::int32_t>(i) % topics;
  shuffle({parameters_.seed, 0, topic_order}, Stream::initialise, leading);

  for (std::size_t i = 0; i < count; ++i) {
    const StepKey key{parameters_.seed, i + 1, item_draws};
    const std::span<float> v = std::span(topics_).subspan(i * width, width);
    v[static_cast<std::size_t>(leading[i])] = 1.0F;
    const float kind = uniform(key, Stream::initialise, mix_kind);
    const float weight = 0.25F + 0.6F * uniform(key, Stream::initialise, mix_weight);
    if (kind < parameters_.neighbour_share) {
      const bool up = uniform(key, Stream::initialise, side) < 0.5F;
      v[ring(leading[i] + (up ? 1 : -1), topics)] += weight;
    } else if (kind < parameters_.neighbour_share + parameters_.bridge_share) {
      v[uniform_below(static_cast<std::uint32_t>(topics), key, Stream::initialise, mix_topic)] += weight;
    }
    normalise(v);
    quality_[i] = parameters_.quality_spread * normal(key, Stream::initialise, quality_lane);
  }
}

SyntheticWorld::SyntheticWorld(const SyntheticParameters& parameters, std::vector<float> topics,
                               std::vector<float> quality)
    : parameters_(parameters), topics_(std::move(topics)), quality_(std::move(quality)) {
  check_parameters(parameters_);
  const std::size_t expected =
      static_cast<std::size_t>(parameters_.items) * static_cast<std::size_t>(parameters_.topics);
  if (topics_.size() != expected || quality_.size() != static_cast<std::size_t>(parameters_.items)) {
    throw ConfigError({.file = {}, .line = 0, .field = "synthetic world: items"},
                      {.found = std::to_string(topics_.size()) + " topic weights and " +
                                std::to_string(quality_.size()) + " qualities",
                       .expected = std::to_string(expected) + " and " + std::to_string(parameters_.items),
                       .hint = {}});
  }
}

void SyntheticWorld::taste_of(UserId user, std::span<float> out) const noexcept {
  const StepKey key{parameters_.seed, static_cast<EpisodeId>(user), person_draws};
  const std::int32_t topics = parameters_.topics;
  // A little of everything, one favourite, some of its neighbourhood, and one interest from anywhere.
  fill_uniform(key, Stream::initialise, out, background);
  for (float& value : out) value *= 0.1F;
  const auto first = static_cast<std::int32_t>(
      uniform_below(static_cast<std::uint32_t>(topics), key, Stream::initialise, favourite));
  const bool up = uniform(key, Stream::initialise, neighbour_side) < 0.5F;
  out[ring(first, topics)] += 1.0F;
  out[ring(first + (up ? 1 : -1), topics)] +=
      0.2F + 0.6F * uniform(key, Stream::initialise, neighbour_weight);
  out[uniform_below(static_cast<std::uint32_t>(topics), key, Stream::initialise, other_topic)] +=
      0.5F * uniform(key, Stream::initialise, other_weight);
  normalise(out);
}

std::vector<std::int32_t> SyntheticWorld::main_topics_of(ItemId item) const {
  const std::span<const float> v = topics_of(item);
  const auto strongest = static_cast<std::int32_t>(std::ranges::max_element(v) - v.begin());
  std::vector<std::int32_t> main;
  for (std::int32_t t = 0; t < parameters_.topics; ++t) {
    if (t == strongest || v[static_cast<std::size_t>(t)] >= 0.3F) main.push_back(t);
  }
  return main;
}

std::string synthetic_topic_name(std::int32_t topic) {
  const auto t = static_cast<std::size_t>(topic);
  return t < topic_names.size() ? std::string(topic_names[t]) : "Topic " + std::to_string(topic + 1);
}

}  // namespace veer
