#include "simulators/purchases/purchase_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "env/error.h"

namespace veer {
namespace {

constexpr std::size_t signs = 4;  ///< constant, share, taste, seen
using Row = std::array<double, signs>;

double log_odds(double yes, double all) { return std::log(yes / (all - yes)); }
double probability_of(double logit) { return 1.0 / (1.0 + std::exp(-logit)); }
double loss_of(double p, bool yes) {
  constexpr double least = 1e-12;
  return -std::log(std::max(yes ? p : 1.0 - p, least));
}

std::uint8_t behaviour_index(const Dataset& data, const std::string& purchase) {
  const auto& names = data.interactions.behaviour_names;
  const auto found = std::find(names.begin(), names.end(), purchase);
  if (found != names.end()) return static_cast<std::uint8_t>(found - names.begin());
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  throw DataError({{}, 0, "behaviours of " + data.name},
                  {known.empty() ? "one kind of interaction only" : known, "'" + purchase + "' among them",
                   "import with --behaviour-column or --purchase-rating, or name another with --purchase"});
}

/// Visits every event of a person: item, what stood before it, whether it is a purchase.
template <class Visit>
void for_each_event(const Interactions& log, UserId user, std::uint8_t purchase, const Visit& visit) {
  const std::span<const ItemId> items = log.of(user);
  const auto first = at(log.offsets[at(user)]);
  for (std::size_t k = 0; k < items.size(); ++k) {
    visit(items[k], items.first(k), log.behaviours[first + k] == purchase);
  }
}

/// How often items were taken, and bought; entry 0: all of them.
struct Counts {
  std::vector<double> taken, bought;
  void add(const Interactions& log, UserId user, std::uint8_t purchase, double times) {
    for_each_event(log, user, purchase, [&](ItemId item, std::span<const ItemId>, bool yes) {
      for (const std::size_t i : {std::size_t{0}, at(item)}) {
        taken[i] += times;
        bought[i] += yes ? times : 0.0;
      }
    });
  }
};

/// Solves a x = b by Gaussian elimination with pivots. REQUIRES: a is positive definite.
Row solved(std::array<Row, signs> a, Row b) {
  for (std::size_t c = 0; c < signs; ++c) {
    std::size_t pivot = c;
    for (std::size_t r = c + 1; r < signs; ++r) {
      if (std::abs(a[r][c]) > std::abs(a[pivot][c])) pivot = r;
    }
    std::swap(a[c], a[pivot]);
    std::swap(b[c], b[pivot]);
    for (std::size_t r = c + 1; r < signs; ++r) {
      const double factor = a[r][c] / a[c][c];
      for (std::size_t k = c; k < signs; ++k) a[r][k] -= factor * a[c][k];
      b[r] -= factor * b[c];
    }
  }
  Row x{};
  for (std::size_t c = signs; c-- > 0;) {
    double sum = b[c];
    for (std::size_t k = c + 1; k < signs; ++k) sum -= a[c][k] * x[k];
    x[c] = sum / a[c][c];
  }
  return x;
}

struct Examples {
  std::vector<Row> rows;
  std::vector<std::uint8_t> purchase;
};

/// Weights of the likeliest logistic model; `steps` says how many it took.
Row newton(const Examples& examples, Row start, std::int32_t& steps) {
  constexpr double ridge = 1e-3;
  constexpr std::int32_t most_steps = 50;
  Row w = start;
  for (steps = 0; steps < most_steps;) {
    std::array<Row, signs> curvature{};
    Row gradient{};
    for (std::size_t c = 0; c < signs; ++c) {
      curvature[c][c] = ridge;
      gradient[c] = -ridge * (w[c] - start[c]);
    }
    for (std::size_t i = 0; i < examples.rows.size(); ++i) {
      const Row& x = examples.rows[i];
      const double p = probability_of(std::inner_product(x.begin(), x.end(), w.begin(), 0.0));
      const double left = (examples.purchase[i] != 0 ? 1.0 : 0.0) - p;
      for (std::size_t r = 0; r < signs; ++r) {
        gradient[r] += left * x[r];
        for (std::size_t c = 0; c < signs; ++c) curvature[r][c] += p * (1.0 - p) * x[r] * x[c];
      }
    }
    const Row move = solved(curvature, gradient);
    double largest = 0.0;
    for (std::size_t c = 0; c < signs; ++c) {
      w[c] += move[c];
      largest = std::max(largest, std::abs(move[c]));
    }
    ++steps;
    if (largest < 1e-9) break;
  }
  return w;
}

}  // namespace

PurchaseFidelity purchase_fidelity(const PurchaseModel& model, const Dataset& data, Part people,
                                   const std::string& purchase) {
  PurchaseFidelity out;
  std::vector<std::pair<float, std::uint8_t>> foretold;
  const double share = probability_of(double{model.shares()[0]});
  const std::uint8_t kind = behaviour_index(data, purchase);
  for (const UserId user : data.users_of(people)) {
    for_each_event(data.interactions, user, kind, [&](ItemId item, std::span<const ItemId> before, bool yes) {
      const float p = model.probability(item, before);
      foretold.emplace_back(p, yes ? 1 : 0);
      out.log_loss += loss_of(double{p}, yes);
      out.log_loss_share += loss_of(share, yes);
      out.log_loss_item += loss_of(probability_of(double{model.shares()[at(item)]}), yes);
      out.foretold_share += double{p};
      out.purchases += yes ? 1 : 0;
    });
  }
  out.events = std::ssize(foretold);
  if (out.events == 0) return out;
  const auto events = static_cast<double>(out.events);
  for (double* sum : {&out.log_loss, &out.log_loss_share, &out.log_loss_item, &out.foretold_share})
    *sum /= events;

  std::sort(foretold.begin(), foretold.end());
  double above = 0.0;  // clicks below, ties by half
  std::int64_t clicks = 0;
  for (std::size_t first = 0; first < foretold.size();) {
    std::size_t last = first;
    std::int64_t yes = 0;
    while (last < foretold.size() && foretold[last].first == foretold[first].first)
      yes += foretold[last++].second;
    const std::int64_t no = static_cast<std::int64_t>(last - first) - yes;
    above += static_cast<double>(yes) * (static_cast<double>(clicks) + 0.5 * static_cast<double>(no));
    clicks += no;
    first = last;
  }
  if (clicks > 0 && out.purchases > 0) {
    out.auc = above / (static_cast<double>(clicks) * static_cast<double>(out.purchases));
  }
  constexpr std::size_t groups = 10;
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t first = foretold.size() * g / groups, last = foretold.size() * (g + 1) / groups;
    if (first == last) continue;
    double said = 0.0, real = 0.0;
    for (std::size_t i = first; i < last; ++i) {
      said += double{foretold[i].first};
      real += foretold[i].second;
    }
    out.calibration_gap +=
        std::abs(said - real) / static_cast<double>(last - first) / static_cast<double>(groups);
  }
  return out;
}

PurchaseFit fit_purchases(const Dataset& data, const PurchaseFitOptions& options) {
  if (!(options.prior > 0.0) || !std::isfinite(options.prior)) {
    throw ConfigError({{}, 0, "purchases: prior"}, {std::to_string(options.prior), "a number above 0", ""});
  }
  const std::uint8_t purchase = behaviour_index(data, options.purchase);
  const std::vector<UserId> people = data.users_of(options.people);
  Counts counts{std::vector<double>(data.catalogue.ids.size()),
                std::vector<double>(data.catalogue.ids.size())};
  for (const UserId user : people) counts.add(data.interactions, user, purchase, 1.0);
  if (counts.bought[0] == 0.0 || counts.bought[0] == counts.taken[0]) {
    throw DataError(
        {{}, 0, "purchases in " + data.name},
        {counts.bought[0] == 0.0 ? "none among the people to learn from"
                                 : "nothing else among the people to learn from",
         "both purchases and other events", "is --purchase the right kind, and --people the right part?"});
  }
  const double mean = counts.bought[0] / counts.taken[0];
  const auto share_of = [&](std::size_t item) {
    return static_cast<float>(
        log_odds(counts.bought[item] + options.prior * mean, counts.taken[item] + options.prior));
  };
  std::vector<float> shares(counts.taken.size());
  shares[0] = static_cast<float>(log_odds(counts.bought[0], counts.taken[0]));
  for (std::size_t i = 1; i < shares.size(); ++i) shares[i] = share_of(i);
  const PurchaseModel plain(shares, {}, options.window);  // checks the window before the work

  Examples examples;
  for (const UserId user : people) {
    const auto refresh = [&](double times) {
      counts.add(data.interactions, user, purchase, times);
      for (const ItemId item : data.interactions.of(user)) shares[at(item)] = share_of(at(item));
    };
    refresh(-1.0);
    for_each_event(data.interactions, user, purchase,
                   [&](ItemId item, std::span<const ItemId> before, bool yes) {
                     const PurchaseSigns seen = purchase_signs(item, before, shares, options.window);
                     examples.rows.push_back({1.0, double{shares[at(item)]}, seen.taste, seen.seen});
                     examples.purchase.push_back(yes ? 1 : 0);
                   });
    refresh(1.0);
  }
  std::int32_t steps = 0;
  const Row w = newton(examples, {0.0, 1.0, 0.0, 0.0}, steps);
  const auto weight = [&](std::size_t c) { return static_cast<float>(w[c]); };
  PurchaseFit out{
      PurchaseModel(std::move(shares), {weight(0), weight(1), weight(2), weight(3)}, options.window),
      std::ssize(examples.rows),
      static_cast<std::int64_t>(counts.bought[0]),
      steps,
      {}};
  out.fidelity = purchase_fidelity(out.model, data, Part::validation, options.purchase);
  return out;
}

}  // namespace veer
