// What fusion learners leave to chance: keys of numbers by what they are drawn for, update and row of the
// batch. Pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "env/random.h"

namespace veer::fusion {

enum class Draw : std::uint64_t {
  next_action = 1,
  own_action,
  latent,
  next_latent,
  own_latent,
  proposal,
  one_pass,
  next_passes,
  own_passes,
};

struct FusionDraws {
  std::uint64_t seed = 0;
  std::int64_t update = 0;  ///< counts from 0

  StepKey key(Draw what, std::int32_t row) const noexcept {
    return {seed ^ (static_cast<std::uint64_t>(what) * 0xD1B54A32D192ED03ULL), static_cast<EpisodeId>(row),
            static_cast<std::uint32_t>(update)};
  }
  /// Standard normals.
  void normals(Draw what, std::int32_t row, std::span<float> out) const noexcept {
    fill_normal(key(what, row), Stream::explore, out);
  }
  /// Uniform on -1..1.
  void anywhere(Draw what, std::int32_t row, std::span<float> out) const noexcept {
    fill_uniform(key(what, row), Stream::negative, out);
    for (float& value : out) value = 2.0F * value - 1.0F;
  }
};

}  // namespace veer::fusion
