// Who a member of a bagged ensemble learns from: people drawn with replacement, as many as there are. Source:
// Breiman, "Bagging predictors", Machine Learning 24 (1996). Torch-free; pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace veer {

/// `count` places 0..count-1 drawn with replacement by Philox (Stream::bootstrap), ascending, so that whoever
/// is drawn twice stands twice in a row. About 37 of 100 are never drawn.
std::vector<std::size_t> drawn_with_replacement(std::size_t count, std::uint64_t seed);

/// The seed of one member, 1-based, of an ensemble of this seed; at most 2^53, so that every reader of JSON
/// keeps it. Members of other ensembles and other members have others.
std::uint64_t member_seed(std::uint64_t seed, std::int32_t member);

}  // namespace veer
