// How faithful a user model is: does it predict what held-out people did next, and are its probabilities
// honest?
//
// Thread-safety: free functions on immutable data; the work is spread over the current arena in shards of
// fixed size, so results do not depend on the number of threads. Torch-free.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/random.h"
#include "env/types.h"

namespace veer {

/// Anything that says how likely each item comes next.
class NextItemScorer {
 public:
  virtual ~NextItemScorer() = default;
  virtual std::int32_t items() const noexcept = 0;      ///< catalogue size N
  virtual std::int32_t positions() const noexcept = 0;  ///< how many of the last items it reads, at least 1
  /// Writes out(r, i), the natural logarithm of an unnormalised probability that item i follows history row
  /// r, for i in 0..N; column 0 is the padding item's share of the softmax (-infinity: none). The acceptance
  /// probability of item i is the logistic function of out(r, i). `history` [n, positions()] is right-padded,
  /// `out` [n, N + 1]. Called from several threads at once.
  virtual void score(View<const ItemId> history, std::span<const std::int32_t> history_size,
                     View<float> out) const = 0;
};

/// "After everything before `position` in this person's log, what came next?" The answer is log[position].
struct NextItemCase {
  UserId user = 0;
  std::int32_t position = 0;
};

/// One case per person with at least three interactions: the item `from_end` places before the last one (0:
/// the last).
std::vector<NextItemCase> leave_one_out_cases(const Interactions& log, std::int32_t from_end);
/// The last `per_person` items of everybody in the part; never a person's first item.
std::vector<NextItemCase> last_item_cases(const Dataset& data, Part part, std::int32_t per_person);

/// Full-ranking accuracy among the first K, over all items 1..N, those already seen included.
struct RankingAccuracy {
  std::int32_t k = 10;
  double recall = 0.0;  ///< share of cases whose item ranks among the first k
  double ndcg = 0.0;    ///< mean of 1 / log2(rank + 1), 0 beyond k
  double mrr = 0.0;     ///< mean of 1 / rank, 0 beyond k
};

struct CalibrationBin {
  std::int64_t count = 0;
  double predicted = 0.0;  ///< mean acceptance probability of the pairs in the bin
  double observed = 0.0;   ///< share of them that really happened
};

/// Acceptance probabilities against outcomes, as the guidance papers read them: the item that came next is a
/// yes, one item drawn uniformly from those the person never touched is a no, one of each per case.
struct Calibration {
  std::array<CalibrationBin, 10> bins;  ///< equal widths on [0, 1]
  double expected_error = 0.0;          ///< count-weighted mean |predicted - observed|
  double auc = 0.5;                     ///< probability that a yes scores above a no, ties counted half
  double mean_accepted = 0.0;           ///< mean acceptance probability of what came next
  double mean_sampled = 0.0;            ///< the same of the sampled items
};

/// Of probabilities in 0..1 for what happened and for what did not; either may be empty.
Calibration calibration_of(std::span<const double> accepted, std::span<const double> sampled);

/// An item 1..items that is not in the log, uniformly (Stream::negative); no_item when none was found, as for
/// somebody who took nearly everything.
ItemId unseen_item(std::span<const ItemId> log, std::int32_t items, const StepKey& key);

struct Fidelity {
  std::int64_t cases = 0;
  std::array<RankingAccuracy, 3> ranking;  ///< at 5, 10 and 20
  double mean_rank = 0.0;
  double negative_log_likelihood = 0.0;  ///< mean of -ln p(next item), nats
  double coverage = 0.0;                 ///< share of the catalogue in at least one case's first 10
  Calibration calibration;

  const RankingAccuracy& at(std::int32_t k) const;  ///< throws ConfigError unless k is 5, 10 or 20
  /// Flat names for manifests and tables: "recall@10", "nll", "auc", ...
  std::map<std::string, double> to_metrics() const;
};

struct FidelityOptions {
  std::uint64_t seed = 0;         ///< draws the unseen items, one Philox key per case
  std::int32_t shard_cases = 64;  ///< cases per task; part of the result's bits where the scorer's are
};

/// Rank: 1 + items that score higher + items of lower id that score the same, so a constant scorer earns
/// nothing. Throws ConfigError when there are no cases or the catalogue is of another size, DataError for a
/// score that is NaN.
Fidelity measure_fidelity(const Interactions& log, std::span<const NextItemCase> cases,
                          const NextItemScorer& scorer, const FidelityOptions& options = {});

}  // namespace veer
