// Stepping episodes: the engine against a script that encodes every user's whole history at every step.
// Torch-free header; each call owns what it needs.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// guidance-v1 with sampled acceptance, history and horizon 10, SASRec people over 3,706 items; batches of 32
/// to 65,536 episodes; a random policy and one that takes the argmax of a second SASRec. Straightforward:
/// users batched by 64, one forward pass per step over the whole history, padded to the longest of the batch,
/// full softmax and argmax for the policy; at 1 and 2 intra-op threads, the ratio taken against the faster.
/// It is timed on at most 2,048 rows: its cost per row does not fall with more.
///
/// A case agrees when items and answers are equal in at least 99.9 % of the compared steps (a probability
/// that rounds to the other side of a draw changes an episode) and acceptance probabilities of equal prefixes
/// differ by at most 1e-4.
BenchReport step(const BenchOptions& options);

}  // namespace veer::bench
