// What IRN learns from: stretches of people's logs whose last item is taken for the target. Torch-free; pure
// functions. Source: the subsequences of Zhu et al. (ICDE 2023), cut anew for every epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "env/data/dataset.h"
#include "env/types.h"

namespace veer::irn {

struct IrnExample {
  UserId user = 0;
  std::span<const ItemId> items;  ///< oldest first; the last one is the target
};

/// One log after the other, each from its start in stretches of `shortest` to `longest` items, of a length
/// drawn uniformly (Stream::shuffle, keyed by seed, person and epoch); what is left is cut so long that it
/// reaches back over the stretch before it where it would be shorter. A log that is shorter is one example;
/// those of fewer than 2 items are none. REQUIRES: 2 <= shortest <= longest.
std::vector<IrnExample> cut_examples(const Interactions& logs, std::span<const UserId> people,
                                     std::int32_t shortest, std::int32_t longest, std::uint64_t seed,
                                     std::uint32_t epoch);

/// Order of training: shuffled by seed and epoch, in batches of `batch` examples, and inside a batch longest
/// first, so that little is padded. Returns how many batches there are.
std::size_t order_examples(std::vector<IrnExample>& examples, std::size_t batch, std::uint64_t seed,
                           std::uint32_t epoch);

}  // namespace veer::irn
