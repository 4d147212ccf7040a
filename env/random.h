// Counter-based randomness: Philox4x32-10 keyed by (seed, episode, step, stream, lane).
// A draw is a pure function of its key: nothing to seed, store or lock, and the same on any thread.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "env/types.h"

namespace veer {

/// Who draws. The numbers are part of the reproducibility contract: append only, never reorder.
enum class Stream : std::uint32_t {
  begin_episode = 0,  ///< person, target, cut of the history
  policy = 1,         ///< picks of a policy
  explore = 2,        ///< epsilon, noise added by a learner's behaviour policy
  choice = 3,         ///< the user's answer
  leave = 4,          ///< whether the user goes
  drift = 5,          ///< random movement of taste
  initialise = 6,     ///< weights
  dropout = 7,        ///< dropout masks
  shuffle = 8,        ///< order of training examples
  negative = 9,       ///< sampled negatives
  split = 10,         ///< train / validation / test assignment
  generate = 11,      ///< synthetic logs
  scenario = 12,      ///< perturbations and cohorts
  bootstrap = 13,     ///< resampling for intervals
  purchase = 14,      ///< whether what is taken is bought
};

/// The part of a key that is the same for a whole step of one row.
struct StepKey {
  std::uint64_t seed = 0;
  EpisodeId episode = 0;
  std::uint32_t step = 0;
};

using PhiloxBlock = std::array<std::uint32_t, 4>;

/// Ten rounds of Philox4x32. Reproduces the Random123 known-answer vectors.
constexpr PhiloxBlock philox4x32(PhiloxBlock counter, std::array<std::uint32_t, 2> key) noexcept {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

/// Four 32-bit words: lanes 4*block .. 4*block+3 of a stream. REQUIRES: block < 2^24.
constexpr PhiloxBlock random_block(const StepKey& key, Stream stream, std::uint32_t block) noexcept {
  return philox4x32({static_cast<std::uint32_t>(key.episode), static_cast<std::uint32_t>(key.episode >> 32),
                     key.step, (static_cast<std::uint32_t>(stream) << 24) | (block & 0xFFFFFFU)},
                    {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)});
}

constexpr std::uint32_t random_word(const StepKey& key, Stream stream, std::uint32_t lane) noexcept {
  return random_block(key, stream, lane / 4)[lane % 4];
}

/// Uniform in [0, 1): the top 24 bits, so every value is exact in float and 1 cannot occur.
constexpr float word_to_uniform(std::uint32_t word) noexcept {
  return static_cast<float>(word >> 8) * 0x1.0p-24F;
}

constexpr float uniform(const StepKey& key, Stream stream, std::uint32_t lane = 0) noexcept {
  return word_to_uniform(random_word(key, stream, lane));
}

/// Unbiased to 2^-32 relative: multiply-shift of one word onto 0..bound-1. REQUIRES: bound > 0.
constexpr std::uint32_t uniform_below(std::uint32_t bound, const StepKey& key, Stream stream,
                                      std::uint32_t lane = 0) noexcept {
  return static_cast<std::uint32_t>((std::uint64_t{random_word(key, stream, lane)} * std::uint64_t{bound}) >>
                                    32);
}

/// Fills `out` with uniforms of lanes first_lane, first_lane+1, ...
void fill_uniform(const StepKey& key, Stream stream, std::span<float> out,
                  std::uint32_t first_lane = 0) noexcept;

/// Standard normals by Box-Muller; lane pairs (2i, 2i+1) share two words.
float normal(const StepKey& key, Stream stream, std::uint32_t lane = 0) noexcept;
/// The normals of lanes 0, 1, ...: several times faster than one by one, and the same bits.
void fill_normal(const StepKey& key, Stream stream, std::span<float> out) noexcept;
/// values[i] += scale * the normal of lane i.
void add_normal(const StepKey& key, Stream stream, float scale, std::span<float> values) noexcept;

/// Fisher-Yates permutation of `values` in place, drawn from lanes 0..size-2.
void shuffle(const StepKey& key, Stream stream, std::span<std::int32_t> values) noexcept;

}  // namespace veer
