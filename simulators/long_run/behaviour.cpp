#include "simulators/long_run/behaviour.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "simulators/long_run/distances.h"

namespace veer::long_run {
namespace {

constexpr std::int32_t most_lags = 4;
constexpr std::size_t most_profiles = 400;  ///< pairs of people grow with the square

constexpr std::array<MeasureInfo, measure_count> infos = {{
    {"popularity of items", "popularity", "JS"},
    {"single items", "items", "JS"},
    {"attributes", "attributes", "JS"},
    {"attribute transitions", "transitions", "JS"},
    {"diversity over time", "diversity", "KS"},
    {"taste autocorrelation", "taste_autocorrelation", "KS"},
    {"taste profiles", "taste_profiles", "MMD"},
    {"repeat rate", "repeats", "KS"},
}};

/// Adds the attribute shares of these items, each item with weight 1 spread over its attributes.
void add_shares(const ItemClasses& classes, std::span<const ItemId> items, std::span<float> out) {
  for (const ItemId item : items) {
    if (item == no_item) continue;
    const auto own = classes.attributes_of(item);
    for (const std::int32_t attribute : own) out[at(attribute)] += 1.0F / static_cast<float>(own.size());
  }
}

void normalise(std::span<float> shares) {
  const float total = std::accumulate(shares.begin(), shares.end(), 0.0F);
  if (total <= 0.0F) return;
  for (float& share : shares) share /= total;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0.0;
  double a_length = 0.0;
  double b_length = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * double{b[i]};
    a_length += double{a[i]} * double{a[i]};
    b_length += double{b[i]} * double{b[i]};
  }
  constexpr double nothing = 1e-12;  // rounding of a taste that is the average
  if (a_length < nothing || b_length < nothing) return std::numeric_limits<double>::quiet_NaN();
  return product / std::sqrt(a_length * b_length);
}

}  // namespace

const MeasureInfo& info(Measure measure) noexcept { return infos[index(measure)]; }

ItemClasses::ItemClasses(const Catalogue& catalogue, std::span<const double> weight) {
  const std::int32_t items = catalogue.size();
  std::vector<ItemId> order(at(items));
  std::iota(order.begin(), order.end(), 1);
  std::stable_sort(order.begin(), order.end(),
                   [&](ItemId a, ItemId b) { return weight[at(a)] < weight[at(b)]; });
  const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
  popularity_.assign(at(items) + 1, 0);
  double below = 0.0;
  for (const ItemId item : order) {
    const double share = total > 0.0 ? (below + weight[at(item)] / 2.0) / total : 0.0;
    popularity_[at(item)] =
        std::min(popularity_classes - 1, static_cast<std::int32_t>(share * popularity_classes));
    below += weight[at(item)];
  }

  offsets_.assign(at(items) + 2, 0);
  if (catalogue.attributes.empty()) return;
  const auto names = static_cast<std::int32_t>(catalogue.attribute_names.size());
  std::vector<double> frequency(at(names), 0.0);
  for (ItemId item = 1; item <= items; ++item) {
    for (const std::int32_t attribute : catalogue.attributes_of(item))
      frequency[at(attribute)] += weight[at(item)];
  }
  std::vector<std::int32_t> by_frequency(at(names));
  std::iota(by_frequency.begin(), by_frequency.end(), 0);
  std::stable_sort(by_frequency.begin(), by_frequency.end(),
                   [&](std::int32_t a, std::int32_t b) { return frequency[at(a)] > frequency[at(b)]; });
  const std::int32_t kept = std::min(names, most_attributes);
  std::vector<std::int32_t> class_of(at(names), kept);
  for (std::int32_t i = 0; i < kept; ++i) class_of[at(by_frequency[at(i)])] = i;
  attributes_ = kept + 2;
  for (ItemId item = 1; item <= items; ++item) {
    const auto first = static_cast<std::ptrdiff_t>(classes_.size());
    for (const std::int32_t attribute : catalogue.attributes_of(item))
      classes_.push_back(class_of[at(attribute)]);
    std::sort(classes_.begin() + first, classes_.end());
    classes_.erase(std::unique(classes_.begin() + first, classes_.end()), classes_.end());
    if (std::ssize(classes_) == first) classes_.push_back(kept + 1);
    offsets_[at(item) + 1] = static_cast<std::int64_t>(classes_.size());
  }
  average_.assign(at(attributes_), 0.0F);
  for (ItemId item = 1; item <= items && total > 0.0; ++item) {
    const auto own = attributes_of(item);
    for (const std::int32_t attribute : own) {
      average_[at(attribute)] +=
          static_cast<float>(weight[at(item)] / total / static_cast<double>(own.size()));
    }
  }
}

Behaviour::Behaviour(const ItemClasses& classes, const Interactions& log, const std::vector<Start>& starts,
                     const Continuations& taken, std::int32_t window)
    : classes_(classes),
      steps_(taken.steps),
      windows_(taken.steps / window),
      lags_(std::min(windows_, most_lags)),
      taken_(taken.items) {
  const std::size_t width = at(classes.attributes());
  const std::size_t people = starts.size();
  distinct_.assign(people * at(windows_), 0.0F);
  similarity_.assign(people * at(lags_), std::numeric_limits<float>::quiet_NaN());
  profiles_.assign(people * width, 0.0F);
  std::vector<float> shares(width * (at(windows_) + 1));
  const auto share = [&](std::int32_t w) { return std::span(shares).subspan(at(w) * width, width); };
  for (std::size_t p = 0; p < people; ++p) {
    const auto own = this->taken(static_cast<std::int32_t>(p));
    const auto before = log.of(starts[p].user).first(at(starts[p].cut));
    last_.push_back(before.empty() ? no_item : before.back());

    std::vector<ItemId> met(before.begin(), before.end());
    std::sort(met.begin(), met.end());
    std::vector<ItemId> fresh(own.begin(), own.end());
    std::erase(fresh, no_item);
    const auto events = static_cast<float>(fresh.size());
    std::erase_if(fresh, [&](ItemId item) { return std::binary_search(met.begin(), met.end(), item); });
    std::sort(fresh.begin(), fresh.end());
    fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
    repeats_.push_back(events > 0.0F ? 1.0F - static_cast<float>(fresh.size()) / events : 0.0F);
    if (width == 0) continue;

    const auto profile = std::span(profiles_).subspan(p * width, width);
    add_shares(classes, own, profile);
    normalise(profile);
    std::fill(shares.begin(), shares.end(), 0.0F);
    for (std::int32_t w = 0; w <= windows_; ++w) {
      const std::size_t size = at(window);
      const auto items =
          w == 0 ? before.last(std::min(before.size(), size)) : own.subspan(at(w - 1) * size, size);
      add_shares(classes, items, share(w));
      if (w > 0) {
        const auto present =
            std::count_if(share(w).begin(), share(w).end(), [](float s) { return s > 0.0F; });
        distinct_[p * at(windows_) + at(w) - 1] = static_cast<float>(present);
      }
      normalise(share(w));
      for (std::size_t a = 0; a < width; ++a) share(w)[a] -= classes.average()[a];
    }
    for (std::int32_t lag = 1; lag <= lags_; ++lag) {
      double sum = 0.0;
      int pairs = 0;
      for (std::int32_t w = 0; w + lag <= windows_; ++w) {
        const double similar = cosine(share(w), share(w + lag));
        if (std::isnan(similar)) continue;
        sum += similar;
        ++pairs;
      }
      if (pairs > 0) similarity_[p * at(lags_) + at(lag) - 1] = static_cast<float>(sum / pairs);
    }
  }
}

std::span<const ItemId> Behaviour::taken(std::int32_t person) const noexcept {
  return std::span(taken_).subspan(at(person) * at(steps_), at(steps_));
}

double Behaviour::distinct(std::int32_t person, std::int32_t window) const noexcept {
  return double{distinct_[at(person) * at(windows_) + at(window) - 1]};
}

double Behaviour::similarity(std::int32_t person, std::int32_t lag) const noexcept {
  return double{similarity_[at(person) * at(lags_) + at(lag) - 1]};
}

View<const float> Behaviour::profiles() const noexcept {
  const std::int32_t width = classes_.attributes();
  return {profiles_.data(), width == 0 ? 0 : static_cast<std::int32_t>(profiles_.size() / at(width)), width};
}

namespace {

using People = std::span<const std::int32_t>;

/// Weights of classes among all that these people took.
std::vector<double> counts(const Behaviour& behaviour, People people, Measure measure) {
  const ItemClasses& classes = behaviour.classes();
  const std::size_t width = at(classes.attributes());
  const std::size_t size = measure == Measure::popularity    ? at(ItemClasses::popularity_classes)
                           : measure == Measure::items       ? at(classes.items()) + 1
                           : measure == Measure::transitions ? width * width
                                                             : width;
  std::vector<double> out(size, 0.0);
  for (const std::int32_t person : people) {
    ItemId before = behaviour.last_before(person);
    for (const ItemId item : behaviour.taken(person)) {
      if (item == no_item) continue;
      const auto own = classes.attributes_of(item);
      const auto share = 1.0 / static_cast<double>(std::max<std::size_t>(own.size(), 1));
      switch (measure) {
        case Measure::popularity:
          out[at(classes.popularity_of(item))] += 1.0;
          break;
        case Measure::items:
          out[at(item)] += 1.0;
          break;
        case Measure::transitions:
          if (before != no_item) {
            const auto from = classes.attributes_of(before);
            for (const std::int32_t a : from) {
              for (const std::int32_t b : own) {
                out[at(a) * width + at(b)] += share / static_cast<double>(from.size());
              }
            }
          }
          break;
        default:
          for (const std::int32_t a : own) out[at(a)] += share;
      }
      before = item;
    }
  }
  return out;
}

template <class Value>
std::vector<double> sample(People people, const Value& value) {
  std::vector<double> out;
  for (const std::int32_t person : people) {
    const double x = value(person);
    if (!std::isnan(x)) out.push_back(x);
  }
  return out;
}

double profile_distance(const Behaviour& a, People people_a, const Behaviour& b, People people_b,
                        double bandwidth) {
  const auto gather = [](const Behaviour& from, People people) {
    std::vector<float> out;
    for (const std::int32_t person : people.first(std::min(people.size(), most_profiles))) {
      const auto row = from.profiles().row(person);
      out.insert(out.end(), row.begin(), row.end());
    }
    return out;
  };
  const std::int32_t width = a.classes().attributes();
  const auto view = [width](const std::vector<float>& points) {
    return View<const float>(points.data(), static_cast<std::int32_t>(points.size() / at(width)), width);
  };
  const std::vector<float> points_a = gather(a, people_a);
  const std::vector<float> points_b = gather(b, people_b);
  return squared_mmd(view(points_a), view(points_b), bandwidth);
}

/// Mean of the KS distances for k = 1..count.
template <class Value>
double mean_ks(const Behaviour& a, People people_a, const Behaviour& b, People people_b, std::int32_t count,
               const Value& value) {
  double sum = 0.0;
  for (std::int32_t k = 1; k <= count; ++k) {
    sum += kolmogorov_smirnov(sample(people_a, [&](std::int32_t p) { return value(a, p, k); }),
                              sample(people_b, [&](std::int32_t p) { return value(b, p, k); }));
  }
  return sum / count;
}

template <class Value>
double mean_of_people(const Behaviour& behaviour, const Value& value) {
  double sum = 0.0;
  std::int64_t count = 0;
  for (std::int32_t person = 0; person < behaviour.profiles().rows(); ++person) {
    const double x = value(person);
    if (std::isnan(x)) continue;
    sum += x;
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : 0.0;
}

}  // namespace

Distances compare(const Behaviour& a, People people_a, const Behaviour& b, People people_b,
                  const std::vector<Measure>& measures, double bandwidth) {
  Distances out{};
  for (const Measure measure : measures) {
    double& distance = out[index(measure)];
    switch (measure) {
      case Measure::diversity:
        distance =
            mean_ks(a, people_a, b, people_b, a.windows(),
                    [](const Behaviour& x, std::int32_t p, std::int32_t w) { return x.distinct(p, w); });
        break;
      case Measure::autocorrelation:
        distance = mean_ks(
            a, people_a, b, people_b, a.lags(),
            [](const Behaviour& x, std::int32_t p, std::int32_t lag) { return x.similarity(p, lag); });
        break;
      case Measure::profiles:
        distance = profile_distance(a, people_a, b, people_b, bandwidth);
        break;
      case Measure::repeats:
        distance = mean_ks(a, people_a, b, people_b, 1,
                           [](const Behaviour& x, std::int32_t p, std::int32_t) { return x.repeats(p); });
        break;
      default:
        distance = jensen_shannon(counts(a, people_a, measure), counts(b, people_b, measure));
    }
  }
  return out;
}

double mean_distinct(const Behaviour& behaviour, std::int32_t window) {
  return mean_of_people(behaviour, [&](std::int32_t person) { return behaviour.distinct(person, window); });
}

double mean_similarity(const Behaviour& behaviour, std::int32_t lag) {
  return mean_of_people(behaviour, [&](std::int32_t person) { return behaviour.similarity(person, lag); });
}

}  // namespace veer::long_run
