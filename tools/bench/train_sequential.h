// Training next-item agents over large catalogues: the compute core against the straightforward way on the
// same weights and batches. Torch-free header; each call owns what it needs.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// Batches of 256 events, width 64, states of 10 items, the encoder of options.encoder without dropout,
/// 26,702 and 70,852 items (RC15's and RetailRocket's catalogues); cross-entropy, and cross-entropy with
/// double Q-learning over two networks (SQN). Then ranks of held-out events.
///
/// Straightforward: one autograd graph over the whole batch, windows materialised before, all scores kept,
/// LibTorch's Adam; at 1 and at as many intra-op threads (OpenBLAS included) as the engine has workers, the
/// ratio taken against the faster. Ranks: all scores, argsort.
///
/// A training case agrees when the losses of 100 updates from the same weights differ by at most 1e-4 each. A
/// ranking case, after 40 updates, agrees when every rank lies where rounding could put it (1e-5 of the
/// greatest score). Figures: share of time by phase, processor time on either side, GFLOP/s of the least
/// products with the catalogue against sgemm on all workers at once, bytes per event on either side, growth
/// of the process over the engine's updates.
BenchReport train_sequential(const BenchOptions& options);

}  // namespace veer::bench
