#include "tools/veer/figures/methods/standing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace veer::tools {

bool Standing::sure() const {
  return !rivals.empty() &&
         std::all_of(rivals.begin(), rivals.end(), [](const Rival& r) { return r.p < 0.05; });
}

Standing standing_of(const MethodScores& scores, const CrossedBootstrap& bootstrap, std::size_t judge,
                     std::size_t figure) {
  const std::size_t methods = scores.methods().size();
  std::vector<std::vector<double>> replicates;
  std::vector<double> means;
  for (std::size_t m = 0; m < methods; ++m) {
    replicates.push_back(
        bootstrap.replicates(scores.values(m, judge, 0, figure), static_cast<std::uint32_t>(m)));
    means.push_back(bootstrap.estimate(replicates.back()).mean);
  }
  std::vector<std::size_t> order(methods);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t m) {
    return std::isnan(means[m]) ? -std::numeric_limits<double>::infinity() : means[m];
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) > key(b); });

  std::vector<Estimate> leads;
  std::vector<double> p;
  for (std::size_t a = 0; a < methods; ++a) {  // pairs in order, those of the first before all others
    for (std::size_t b = a + 1; b < methods; ++b) {
      leads.push_back(bootstrap.difference(replicates[order[a]], replicates[order[b]]));
      p.push_back(leads.back().p);
    }
  }
  const std::vector<double> adjusted = holm_adjusted(p);
  Standing out{order[0], means[order[0]], {}};
  for (std::size_t r = 1; r < methods; ++r) out.rivals.push_back({order[r], leads[r - 1], adjusted[r - 1]});
  return out;
}

}  // namespace veer::tools
