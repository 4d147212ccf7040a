#include "simulators/fitting/resample.h"

#include <algorithm>
#include <limits>

#include "env/random.h"

namespace veer {
namespace {

/// Keys what belongs to a whole fit; no person or episode has these numbers.
constexpr EpisodeId whole_fit = std::numeric_limits<EpisodeId>::max();
constexpr EpisodeId whole_ensemble = whole_fit - 1;

}  // namespace

std::vector<std::size_t> drawn_with_replacement(std::size_t count, std::uint64_t seed) {
  constexpr std::size_t lanes = 1 << 20;  // of one key; a block has a 24-bit number
  std::vector<std::size_t> drawn(count);
  for (std::size_t i = 0; i < count; ++i) {
    const StepKey key{seed, whole_fit, static_cast<std::uint32_t>(i / lanes)};
    drawn[i] = uniform_below(static_cast<std::uint32_t>(count), key, Stream::bootstrap,
                             static_cast<std::uint32_t>(i % lanes));
  }
  std::ranges::sort(drawn);
  return drawn;
}

std::uint64_t member_seed(std::uint64_t seed, std::int32_t member) {
  const PhiloxBlock words =
      random_block({seed, whole_ensemble, static_cast<std::uint32_t>(member)}, Stream::bootstrap, 0);
  return (std::uint64_t{words[0]} << 21) | (words[1] >> 11);
}

}  // namespace veer
