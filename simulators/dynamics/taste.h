// How taste moves: towards what was accepted, away from what has been shown too often, and at random.
// Pure functions over the floats of one person; safe from any thread. Vectors have one value per topic.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

#include "env/random.h"

namespace veer {

/// Rates of one step, after the scenario's knobs. All are shares or amounts per step, >= 0.
struct TasteRates {
  float shift = 0.0F;           ///< share of the way from taste to an accepted item, 0..1
  float boredom_growth = 0.0F;  ///< boredom added along the topics of every shown item
  float boredom_decay = 0.0F;   ///< share of the boredom forgotten, 0..1
  float drift = 0.0F;           ///< standard deviation of the random movement per topic; 0: none
};

/// The two vectors of one person.
struct TasteState {
  std::span<float> taste;    ///< length 1
  std::span<float> boredom;  ///< >= 0
};

/// Scales to length 1; leaves the zero vector alone.
inline void normalise(std::span<float> values) noexcept {
  float squared = 0.0F;
  for (const float value : values) squared += value * value;
  if (squared <= 0.0F) return;
  const float scale = 1.0F / std::sqrt(squared);
  for (float& value : values) value *= scale;
}

/// Taste turns `rate` of the way towards the item. What counts is its direction: the length stays 1, so that
/// someone who has seen a bit of everything is not left without opinions.
inline void shift_taste(std::span<float> taste, std::span<const float> item, float rate) noexcept {
  if (rate <= 0.0F) return;  // not even the rounding of a new length
  for (std::size_t t = 0; t < taste.size(); ++t) taste[t] += rate * (item[t] - taste[t]);
  normalise(taste);
}

inline void decay_boredom(std::span<float> boredom, float decay) noexcept {
  for (float& b : boredom) b *= 1.0F - decay;
}

inline void grow_boredom(std::span<float> boredom, std::span<const float> item, float growth) noexcept {
  for (std::size_t t = 0; t < boredom.size(); ++t) boredom[t] += growth * item[t];
}

/// One step of a random walk on the sphere (Stream::drift of the step's key). Draws nothing when `deviation`
/// is 0.
inline void drift_taste(std::span<float> taste, float deviation, const StepKey& key) noexcept {
  if (deviation <= 0.0F) return;
  add_normal(key, Stream::drift, deviation, taste);
  normalise(taste);
}

}  // namespace veer
