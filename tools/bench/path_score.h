// Scoring paths: the engine against the straightforward way on the same weights, and the check that both mean
// the same. Torch-free header; each call owns what it needs.
#pragma once

#include "tools/bench/workload.h"

namespace veer::bench {

/// SASRec 64-d x 2 layers over 3,706 items, histories and paths of 10 items, 64 users x 1 and x 16 paths.
///
/// Straightforward: the same LibTorch, users batched by 64, one forward pass per prefix at its true length,
/// full softmax, full argsort; at 1 and at 2 intra-op threads (OpenBLAS included), the ratio taken against
/// the faster. Engine: score_paths_parallel. Repetitions alternate after a warm-up.
///
/// A case agrees when IoI and CTR of every path differ by at most 1e-4 and every rank lies in
/// [1 + #{s_j > s_g + e}, 1 + #{s_j > s_g - e}] with e = 1e-5 max|s|. Figures: share of ranks equal to the
/// argsort's, GFLOP/s of the engine's products on one thread and what sgemm reaches there, encodes per
/// second.
BenchReport path_score(const BenchOptions& options);

}  // namespace veer::bench
