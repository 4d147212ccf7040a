// What policies are told about items under wrong_attributes: of a share of them, the attributes and the
// vector of another one. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/data/dataset.h"
#include "env/types.h"
#include "scenarios/stress/suite.h"

namespace veer::stress {

/// [items + 1] whose attributes each item is said to have: itself, but for round(a items) of them, drawn by
/// lot, which pass theirs on in a circle, so that none keeps its own (one alone would: then two are drawn).
/// A function of seed, `place` in the test and the number of items.
std::vector<ItemId> told_items(const Perturbation& lie, std::size_t place, std::int32_t items,
                               std::uint64_t seed);

/// The catalogue with the attributes of `told`; everything else as it is.
Catalogue told_catalogue(const Catalogue& catalogue, std::span<const ItemId> told);

/// [items + 1, d] row i of the item `told` names.
std::vector<float> told_vectors(View<const float> table, std::span<const ItemId> told);

}  // namespace veer::stress
