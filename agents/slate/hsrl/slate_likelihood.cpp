#include "agents/slate/hsrl/slate_likelihood.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace veer::slate {

SlateLikelihood add_slope(SlateSearch& search, const SemanticCatalogue& catalogue, View<const float> log_p,
                          std::span<const ItemId> items, std::span<const float> advantage, bool exact,
                          View<float> slope) {
  const std::int32_t levels = catalogue.levels(), codes = catalogue.codes();
  std::vector<float> share(at(levels) * at(codes));
  const double log_total = search.log_sum(log_p, View<float>(share.data(), levels, codes));
  // What the marginal of a code is of the mass that is left: starts as its share of all items.
  std::vector<double> left_of(share.begin(), share.end());
  double left = 1.0;
  const float scale = 1.0F / static_cast<float>(items.size());
  SlateLikelihood out;
  for (const ItemId item : items) {
    if (item > catalogue.items() || !catalogue.model().ids.has(item)) continue;
    const auto tuple = catalogue.codes_of(item);
    double log_prob = -log_total;
    for (std::int32_t l = 0; l < levels; ++l) log_prob += std::max(double{log_p(l, tuple[at(l)])}, -200.0);
    const double rest = std::max(left, 1e-6);
    for (std::int32_t l = 0; l < levels; ++l) {
      const float weight = scale * advantage[at(l)];
      slope(l, tuple[at(l)]) += weight;
      for (std::int32_t c = 0; exact && c < codes; ++c) {
        slope(l, c) -= weight * static_cast<float>(left_of[at(l * codes + c)] / rest);
      }
    }
    out.log_prob += log_prob - std::log(rest);
    ++out.shown;
    const double mass = std::exp(log_prob);
    left -= mass;
    for (std::int32_t l = 0; l < levels; ++l) {
      double& own = left_of[at(l * codes + tuple[at(l)])];
      own = std::max(0.0, own - mass);
    }
  }
  return out;
}

}  // namespace veer::slate
