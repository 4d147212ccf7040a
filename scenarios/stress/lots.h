// The lots of stress: to whom and to what it happens. Pure functions of seed and key, so that a perturbation
// hits the same episodes and items in every policy's episodes. Safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "env/random.h"
#include "scenarios/stress/suite.h"

namespace veer::stress {

/// Lanes of Stream::scenario behind those of populations.
inline constexpr std::uint32_t first_lane_of_stress = 1 << 20;

/// 0..1, of an episode under the perturbation in that place.
inline float lot_of_episode(std::size_t place, const StepKey& key) noexcept {
  return uniform(StepKey{key.seed, key.episode, 0}, Stream::scenario,
                 first_lane_of_stress + static_cast<std::uint32_t>(place));
}

/// 0..1, of an item in an episode. Every episode has a lot of its own: what depends on which items it hits
/// (the favourites, or what nobody asks for) is then averaged over, and intervals over people cover it.
inline float lot_of_item(ItemId item, std::size_t place, const StepKey& key) noexcept {
  return uniform(StepKey{key.seed, key.episode, static_cast<std::uint32_t>(item)}, Stream::scenario,
                 first_lane_of_stress + static_cast<std::uint32_t>(place));
}

/// 0..1, of an item, for everybody: what policies are told before the first episode.
inline float lot_of_item(ItemId item, std::size_t place, std::uint64_t seed) noexcept {
  return uniform(StepKey{seed, static_cast<EpisodeId>(item), 1}, Stream::scenario,
                 first_lane_of_stress + static_cast<std::uint32_t>(place));
}

/// Whether a perturbation, by its place in the test, happens to an episode: a function of (seed, episode).
inline bool is_affected(const Perturbation& perturbation, std::size_t place, const StepKey& key) noexcept {
  return perturbation.share >= 1.0F || lot_of_episode(place, key) < perturbation.share;
}

}  // namespace veer::stress
