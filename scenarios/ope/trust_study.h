// How far estimates can be trusted to pick policies, where the truth is known: many logs, many candidates,
// one line per estimator. Source of the protocol: Fu et al., ICLR 2021; Kiyohara et al., ICLR 2024 (see
// selection.h). Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace veer::ope {

/// What one estimator says of all candidates from one log; NaN where it says nothing.
struct CandidateEstimates {
  std::string estimator;
  std::vector<double> values;  ///< [candidates]
};
/// One log of a study.
struct StudyLog {
  std::string regime;      ///< who acted
  std::int64_t steps = 0;  ///< how long it is
  std::uint64_t seed = 0;
  std::vector<CandidateEstimates> estimates;
};

/// A mean over logs, and the central 95 % of what it is when candidates are drawn anew with replacement (the
/// same ones in every log). NaN where it is defined in no log.
struct StudyFigure {
  double mean = 0.0, low = 0.0, high = 0.0;
};
/// One estimator under one regime and size.
struct StudyRow {
  std::string regime, estimator;
  std::int64_t steps = 0, logs = 0;
  double said = 0.0;   ///< share of values that the estimator gave; the others rank last
  double error = 0.0;  ///< root of the mean squared error of the values it gave
  StudyFigure kendall, spearman, regret1, regret_k, sharpe_k;  ///< regrets over the best true value's size
};

struct StudyOptions {
  std::int64_t k = 4;              ///< of regret@k and SharpeRatio@k (divisor k)
  std::int32_t replicates = 1000;  ///< of the bootstrap over candidates
  std::uint64_t seed = 1;
};

/// Rows in the order in which regimes, sizes and estimators first appear. `truth` [candidates]; `behaviour`
/// is the candidate that SharpeRatio compares with. Throws ConfigError unless 2 <= k <= candidates, and
/// DataError for estimates of another number of candidates.
std::vector<StudyRow> study_table(std::span<const double> truth, std::size_t behaviour,
                                  std::span<const StudyLog> logs, const StudyOptions& options);

}  // namespace veer::ope
