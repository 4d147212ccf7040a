#include "agents/generative/path_examples.h"

#include <limits>
#include <numeric>

#include "env/random.h"

namespace veer {

std::vector<PathExample> examples_of(const Dataset& data, Part part, const MinerOptions& options) {
  std::vector<PathExample> out;
  for (const MinedPath& path : mine_paths(data, options)) {
    if (data.parts[at(path.user)] == part) out.push_back(example_of(data, path, options));
  }
  return out;
}

std::vector<std::int32_t> order_of_epoch(std::size_t count, std::uint64_t seed, std::uint32_t epoch) {
  std::vector<std::int32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  shuffle(StepKey{seed, std::numeric_limits<EpisodeId>::max(), epoch}, Stream::shuffle, order);
  return order;
}

}  // namespace veer
