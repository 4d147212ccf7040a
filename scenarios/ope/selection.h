// How well estimates pick policies, where the truth is known: in a simulator, or after an A/B test.
// `truth` and `estimate` hold one value per candidate policy. Put the behaviour policy among the candidates:
// an estimator that cannot place it picks worse than doing nothing. Sources: Kiyohara et al., "Towards
// assessing and benchmarking risk-return tradeoff of off-policy evaluation", ICLR 2024 (SharpeRatio@k); Fu et
// al., "Benchmarks for deep off-policy evaluation", ICLR 2021 (regret@k). Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>

#include "env/types.h"

namespace veer::ope {

/// Rank correlations, ties at their mean rank; NaN for fewer than two candidates or where one side is
/// constant. REQUIRES (here and below): equal sizes, no NaN.
double spearman(std::span<const double> truth, std::span<const double> estimate);
/// tau-b: (concordant - discordant) / sqrt of the pairs not tied in truth times those not tied in estimate.
double kendall(std::span<const double> truth, std::span<const double> estimate);
/// mean((estimate - truth)^2).
double mean_squared_error(std::span<const double> truth, std::span<const double> estimate);

/// What one gets who tries the k candidates of the largest estimates (of equal ones the earlier).
struct TopK {
  double best = 0.0, mean = 0.0, worst = 0.0;  ///< of their true values
  double regret = 0.0;                         ///< best true value of all candidates minus `best`
  double normalised_regret = 0.0;              ///< over the size of that best true value; NaN where it is 0
  double sum_regret = 0.0;  ///< sum of the k largest true values minus the sum of the k true values
                            ///< picked: what SCOPE-RL calls regret
  /// (best - behaviour) / standard deviation of the true values picked. The paper's form divides squares by
  /// k; SCOPE-RL's by k - 1, and takes no numerator below 0. NaN for k = 1 and where the deviation is 0.
  double sharpe_population = 0.0, sharpe_sample = 0.0;
  double violation_rate = 0.0;  ///< share of them whose true value is below the threshold
};

/// `behaviour` is the true value of the policy that acted, `threshold` that of the least acceptable one.
/// Throws ConfigError unless 1 <= k <= candidates.
TopK top_k(std::span<const double> truth, std::span<const double> estimate, std::int64_t k, double behaviour,
           double threshold);

/// Of candidates that truly reach the threshold, the share whose estimate is below it (safe ones turned
/// away); of those that truly do not, the share whose estimate reaches it (unsafe ones let through). NaN
/// without any.
struct ThresholdErrors {
  double turned_away = 0.0, let_through = 0.0;
};
ThresholdErrors threshold_errors(std::span<const double> truth, std::span<const double> estimate,
                                 double threshold);

}  // namespace veer::ope
