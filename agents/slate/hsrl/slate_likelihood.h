// How the log-probability of a shown slate moves with the token distributions it was drawn from: what the
// policy gradient weighs with advantages. Torch-free. Thread-safety: pure function; `search` is scratch.
#pragma once

#include <span>

#include "agents/slate/tokens/slate_search.h"

namespace veer::slate {

struct SlateLikelihood {
  double log_prob = 0.0;   ///< of the slate in its order, drawn without replacement
  std::int32_t shown = 0;  ///< items that may still be shown; the others are left out
};

/// Adds advantage[l] * d ln p(slate) / d log_p(l, v) / K to `slope` [levels, V], with independent levels
/// log_p [levels, V].
///   exact: p is that of drawing the slate without replacement from the items that may be shown.
///   otherwise: the product of its tokens' probabilities over the whole vocabulary (released code): the slope
///   counts tokens.
SlateLikelihood add_slope(SlateSearch& search, const SemanticCatalogue& catalogue, View<const float> log_p,
                          std::span<const ItemId> items, std::span<const float> advantage, bool exact,
                          View<float> slope);

}  // namespace veer::slate
