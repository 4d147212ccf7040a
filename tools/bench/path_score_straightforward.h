// The straightforward way of scoring paths, as a script on the same library would do it: every prefix is a
// batch of its own, the whole catalogue gets a softmax, ranks come from a full sort. Torch-free header.
#pragma once

#include <cstdint>
#include <vector>

#include "env/nn/sequence_model.h"
#include "env/user_model.h"

namespace veer::bench {

/// What a script would hold in the end. Row (path, k) for k = 0..L; k = 0 is the history alone.
struct PrefixScores {
  std::int32_t length = 0;         ///< L
  std::vector<float> interest;     ///< [paths, L + 1] natural log p(target)
  std::vector<std::int64_t> rank;  ///< [paths, L + 1] position in the sorted catalogue, 1 = best
  std::vector<float> acceptance;   ///< [paths, L]
  // Filled when asked for: ranks that rounding alone could produce.
  std::vector<std::int64_t> lowest_rank, highest_rank;
};

/// REQUIRES: every path as long as query.items is wide, every history as long as query.history is wide, all
/// accepted, the same number of paths for every prompt. Users go in batches of 64; a history is encoded once
/// per user.
PrefixScores score_straightforwardly(const nn::SequenceModel& model, const PathQuery& query,
                                     bool with_bounds);

/// Sets the threads that LibTorch and the BLAS use inside one operation, and the former number back at the
/// end.
class IntraOpThreads {
 public:
  explicit IntraOpThreads(int threads);
  ~IntraOpThreads();
  IntraOpThreads(const IntraOpThreads&) = delete;
  IntraOpThreads& operator=(const IntraOpThreads&) = delete;

 private:
  int before_;
};

/// GFLOP/s of a 1024 x 1024 x 1024 single-precision matrix product on the calling thread.
double sgemm_gflops();

}  // namespace veer::bench
