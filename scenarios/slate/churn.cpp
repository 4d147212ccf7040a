#include "scenarios/slate/churn.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

constexpr int kept_replicates = 2000;

/// Keys of Stream::scenario that no episode uses: steps of the highest episode.
StepKey churn_key(std::uint64_t seed, std::uint32_t step) { return {seed, ~EpisodeId{0}, step}; }

}  // namespace

CatalogueChurn churn_catalogue(const ItemFeatures& items, double share, std::uint64_t seed) {
  const std::int32_t count = items.items();
  if (!(share >= 0.0 && share <= 0.9) || count < 2) {
    throw ConfigError(Where{{}, 0, "churn"},
                      Problem{std::to_string(share) + " of " + std::to_string(count) + " items",
                              "0 to 0.9 of two or more", ""});
  }
  const auto replaced = static_cast<std::size_t>(std::lround(share * count));
  std::vector<std::int32_t> order(at(count));
  std::iota(order.begin(), order.end(), 1);
  shuffle(churn_key(seed, 0), Stream::scenario, order);
  CatalogueChurn out;
  out.gone.assign(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(replaced));
  std::ranges::sort(out.gone);
  std::vector<double> mean(at(items.width), 0.0);
  for (ItemId item = 1; item <= count; ++item) {
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += double{items.of(item)[i]} / count;
  }
  out.features = items;
  for (std::size_t k = 0; k < replaced; ++k) {
    const StepKey key = churn_key(seed, static_cast<std::uint32_t>(k) + 1);
    const auto a =
        1 + static_cast<ItemId>(uniform_below(static_cast<std::uint32_t>(count), key, Stream::scenario));
    auto b = 1 + static_cast<ItemId>(
                     uniform_below(static_cast<std::uint32_t>(count) - 1, key, Stream::scenario, 1));
    b += b >= a ? 1 : 0;
    for (std::size_t i = 0; i < mean.size(); ++i) {
      const double apart = (double{items.of(a)[i]} - mean[i]) + (double{items.of(b)[i]} - mean[i]);
      out.features.values.push_back(static_cast<float>(mean[i] + apart / std::sqrt(2.0)));
    }
    out.added.push_back(count + 1 + static_cast<ItemId>(k));
  }
  return out;
}

KeptShare kept_share(std::span<const double> before, std::span<const double> after,
                     std::span<const UserId> people, std::uint64_t seed) {
  if (before.empty() || before.size() != after.size() || before.size() != people.size()) {
    throw ConfigError(Where{{}, 0, "episodes"}, Problem{std::to_string(before.size()) + " before and " +
                                                            std::to_string(after.size()) + " after",
                                                        "the same ones, at least one", ""});
  }
  std::map<UserId, std::pair<double, double>> sums;
  for (std::size_t e = 0; e < before.size(); ++e) {
    sums[people[e]].first += before[e];
    sums[people[e]].second += after[e];
  }
  std::vector<std::pair<double, double>> of;
  double was = 0.0, is = 0.0;
  for (const auto& [person, sum] : sums) {
    of.push_back(sum);
    was += sum.first;
    is += sum.second;
  }
  if (!(was > 0.0)) {
    throw ConfigError(Where{{}, 0, "reward before"},
                      Problem{std::to_string(was / static_cast<double>(before.size())), "more than 0",
                              "nothing can be kept of nothing"});
  }
  std::vector<double> replicates;
  for (int r = 0; r < kept_replicates; ++r) {
    const StepKey key{seed, static_cast<EpisodeId>(r), 0};
    double first = 0.0, second = 0.0;
    for (std::size_t i = 0; i < of.size(); ++i) {
      const auto& drawn = of[uniform_below(static_cast<std::uint32_t>(of.size()), key, Stream::bootstrap,
                                           static_cast<std::uint32_t>(i))];
      first += drawn.first;
      second += drawn.second;
    }
    if (first > 0.0) replicates.push_back(second / first);
  }
  std::ranges::sort(replicates);
  const auto quantile = [&](double q) {
    return replicates[static_cast<std::size_t>(std::lround(q * static_cast<double>(replicates.size() - 1)))];
  };
  return {is / was, quantile(0.025), quantile(0.975)};
}

}  // namespace veer
