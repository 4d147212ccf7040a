// What item-wise critics (Wolpertinger, SlateQ) make of candidates, for acting and for targets alike. Needs
// LibTorch: include it from .cpp files only. Pure functions; thread-safe.
#pragma once

#include <torch/types.h>

#include "agents/slate/latent/latent_options.h"
#include "env/nn/network_parameters_net.h"
#include "env/nn/training/dropout_masks_net.h"
#include "env/types.h"

namespace veer::slate {

/// Q of the critic for states [n, d] and items' vectors [n, m, d]: [n, m].
torch::Tensor item_values(const nn::NetworkParameters& critic, const torch::Tensor& states,
                          const torch::Tensor& items, float rate, nn::DropoutMasks& dropout);

/// Weights of a slate's items under the choice model: e^score / (1 + sum_j e^score_j), scores [n, m]; what is
/// missing to 1 is the choice of none (conditional logit).
torch::Tensor choice_shares(const torch::Tensor& scores);

/// The out.width() candidates a slate is made of, best first, equal ones by ascending id: Wolpertinger by Q,
/// SlateQ by e^score * Q (the top-K rule of its paper). `table`: g of every item, [N+1, d]; candidates [n,
/// m].
void pick_by_value(const LatentOptions& options, const nn::NetworkParameters& critic,
                   const torch::Tensor& table, const torch::Tensor& states, View<const ItemId> candidates,
                   View<ItemId> out);

}  // namespace veer::slate
