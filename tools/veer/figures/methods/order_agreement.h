// Do methods stand in one order offline and online? Figures of `veer rank` against those of recorded runs.
// Thread-safety: free functions; values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tools/veer/figures/methods/method_report.h"
#include "tools/veer/figures/methods/offline_figures.h"

namespace veer::tools {

/// Rank correlation of one offline with one online figure over the methods that both tables hold.
struct OrderAgreement {
  std::string offline, online;
  std::int64_t methods = 0;
  double kendall = 0.0;          ///< tau-b; NaN where one side is constant
  double low = 0.0, high = 0.0;  ///< 95 % percentile interval of it, methods resampled; NaN for fewer than 4
  double spearman = 0.0;
};

/// Under one judge, whole episodes: every offline figure with every online figure that is compared. Throws
/// ConfigError when fewer than two methods stand in both.
std::vector<OrderAgreement> order_agreement(const std::vector<OfflineFigure>& offline,
                                            const MethodReport& report, std::size_t comparison,
                                            const CrossedOptions& options);

/// The methods by the first offline and the first online figure with their places, then the correlations.
std::string agreement_text(const std::vector<OfflineFigure>& offline, const MethodReport& report,
                           std::size_t comparison, const std::vector<OrderAgreement>& found);
nlohmann::ordered_json agreement_json(const std::vector<OrderAgreement>& found);

}  // namespace veer::tools
