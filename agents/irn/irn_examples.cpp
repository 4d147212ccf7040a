#include "agents/irn/irn_examples.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "env/random.h"

namespace veer::irn {
namespace {

/// Keys the order of a whole epoch; no person has this number.
constexpr EpisodeId whole_epoch = std::numeric_limits<EpisodeId>::max();

}  // namespace

std::vector<IrnExample> cut_examples(const Interactions& logs, std::span<const UserId> people,
                                     std::int32_t shortest, std::int32_t longest, std::uint64_t seed,
                                     std::uint32_t epoch) {
  const std::size_t least = at(shortest), most = at(longest);
  std::vector<IrnExample> examples;
  for (const UserId user : people) {
    const auto log = logs.of(user);
    if (log.size() < 2) continue;
    const StepKey key{seed, static_cast<EpisodeId>(user), epoch};
    std::uint32_t lane = 0;
    for (std::size_t begin = 0; begin < log.size();) {
      const std::size_t left = log.size() - begin;
      if (left <= least) {
        const std::size_t size = std::min(least, log.size());
        examples.push_back({user, log.last(size)});
        break;
      }
      const auto choices = static_cast<std::uint32_t>(std::min(left, most) - least + 1);
      const std::size_t size = least + uniform_below(choices, key, Stream::shuffle, lane++);
      examples.push_back({user, log.subspan(begin, size)});
      begin += size;
    }
  }
  return examples;
}

std::size_t order_examples(std::vector<IrnExample>& examples, std::size_t batch, std::uint64_t seed,
                           std::uint32_t epoch) {
  std::vector<std::int32_t> order(examples.size());
  std::iota(order.begin(), order.end(), 0);
  shuffle({seed, whole_epoch, epoch}, Stream::shuffle, order);
  std::vector<IrnExample> ordered;
  ordered.reserve(examples.size());
  for (const std::int32_t index : order) ordered.push_back(examples[at(index)]);
  for (std::size_t first = 0; first < ordered.size(); first += batch) {
    const std::size_t last = std::min(ordered.size(), first + batch);
    std::stable_sort(
        ordered.begin() + static_cast<std::ptrdiff_t>(first),
        ordered.begin() + static_cast<std::ptrdiff_t>(last),
        [](const IrnExample& a, const IrnExample& b) { return a.items.size() > b.items.size(); });
  }
  examples = std::move(ordered);
  return (examples.size() + batch - 1) / batch;
}

}  // namespace veer::irn
