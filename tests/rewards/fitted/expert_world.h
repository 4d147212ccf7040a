// People whose reward is known and who choose soft-optimally: an exact world for what is fitted from logs.
//
// Items have one topic each; topics differ in size. Taking item a after history h is worth
//   worth(a) + match * phi(h).f(a),  f: one-hot topics, phi over the newest two items with decay 0.5,
// so the state is the topics of the last two items. Soft value iteration is exact.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/random.h"

namespace veer::test {

class ExpertWorld {
 public:
  static constexpr std::int32_t topics = 6, items = 60;
  static constexpr float decay = 0.5F;
  static constexpr std::int32_t window = 2;
  double discount = 0.8, temperature = 1.0, match = 3.0, spread = 0.6;

  explicit ExpertWorld(std::uint64_t world_seed) : seed(world_seed) {
    constexpr std::int32_t sizes[topics] = {3, 4, 7, 10, 14, 22};
    for (std::int32_t t = 0; t < topics; ++t) topic_.insert(topic_.end(), at(sizes[t]), t);
    for (std::int32_t a = 0; a < items; ++a) {
      worth_.push_back(spread * double{normal({seed, 0, static_cast<std::uint32_t>(a)}, Stream::initialise)});
    }
    value_.assign(at(states()), 0.0);
    for (double change = 1.0; change > 1e-12;) {
      change = 0.0;
      std::vector<double> next(value_.size());
      for (std::int32_t s = 0; s < states(); ++s) {
        const std::vector<double> q = action_values(s);
        const double highest = *std::max_element(q.begin(), q.end());
        double sum = 0.0;
        for (const double each : q) sum += std::exp((each - highest) / temperature);
        next[at(s)] = highest + temperature * std::log(sum);
        change = std::max(change, std::abs(next[at(s)] - value_[at(s)]));
      }
      value_ = next;
    }
  }

  std::uint64_t seed;
  const std::vector<double>& worth() const { return worth_; }
  std::int32_t topic(ItemId item) const { return topic_[at(item) - 1]; }

  /// What taking `item` is worth in state s (see state()).
  double reward(std::int32_t s, ItemId item) const {
    const std::int32_t newest = s % (topics + 1) - 1, older = s / (topics + 1) - 1;
    const double total = older < 0 ? 1.0 : 1.0 + double{decay};
    double overlap = 0.0;
    if (newest == topic(item)) overlap += 1.0 / total;
    if (older >= 0 && older == topic(item)) overlap += double{decay} / total;
    return worth_[at(item) - 1] + match * overlap;
  }
  std::int32_t state(std::span<const ItemId> history) const {
    if (history.empty()) return 0;
    const std::int32_t newest = topic(history.back()) + 1;
    return history.size() == 1 ? newest : newest + (topics + 1) * (topic(history[history.size() - 2]) + 1);
  }
  std::vector<double> action_values(std::int32_t s) const {
    std::vector<double> out;
    for (ItemId a = 1; a <= items; ++a) {
      const std::int32_t older = s % (topics + 1);
      out.push_back(reward(s, a) + discount * value_[at(topic(a) + 1 + (topics + 1) * older)]);
    }
    return out;
  }

  /// Logs of people who choose soft-optimally, or, `by_lot`, take any item; half train_plan, half validation.
  Dataset logs(std::int32_t people, std::int32_t events, bool by_lot = false) const {
    Dataset data;
    data.name = "experts";
    data.catalogue.ids = {""};
    data.catalogue.attribute_offsets = {0, 0};
    for (std::int32_t t = 0; t < topics; ++t)
      data.catalogue.attribute_names.push_back("topic" + std::to_string(t));
    for (ItemId a = 1; a <= items; ++a) {
      data.catalogue.ids.push_back("i" + std::to_string(a));
      data.catalogue.attributes.push_back(topic(a));
      data.catalogue.attribute_offsets.push_back(a);
    }
    data.catalogue.titles = data.catalogue.ids;
    data.interactions.offsets = {0};
    for (UserId user = 0; user < people; ++user) {
      std::vector<ItemId> taken;
      for (std::int32_t k = 0; k < events; ++k) {
        const StepKey key{seed, static_cast<EpisodeId>(user), static_cast<std::uint32_t>(k)};
        const double u = double{uniform(key, Stream::generate)};
        taken.push_back(by_lot ? 1 + static_cast<ItemId>(u * items) : choice(state(taken), u));
      }
      data.interactions.user_ids.push_back("u" + std::to_string(user));
      data.interactions.items.insert(data.interactions.items.end(), taken.begin(), taken.end());
      data.interactions.offsets.push_back(std::ssize(data.interactions.items));
      data.parts.push_back(user % 2 == 0 ? Part::train_plan : Part::validation);
    }
    return data;
  }

 private:
  static std::int32_t states() { return (topics + 1) * (topics + 1); }
  ItemId choice(std::int32_t s, double u) const {
    const std::vector<double> q = action_values(s);
    double left = u;
    for (ItemId a = 1; a <= items; ++a) {
      left -= std::exp((q[at(a) - 1] - value_[at(s)]) / temperature);
      if (left < 0.0) return a;
    }
    return items;
  }

  std::vector<std::int32_t> topic_;
  std::vector<double> worth_, value_;
};

/// Spearman's rank correlation; REQUIRES: no ties in either.
inline double spearman(const std::vector<double>& a, const std::vector<double>& b) {
  const auto ranks = [](const std::vector<double>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
    std::vector<double> out(values.size());
    for (std::size_t r = 0; r < order.size(); ++r) out[order[r]] = static_cast<double>(r);
    return out;
  };
  const std::vector<double> x = ranks(a), y = ranks(b);
  const auto n = static_cast<double>(a.size());
  double squares = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) squares += (x[i] - y[i]) * (x[i] - y[i]);
  return 1.0 - 6.0 * squares / (n * (n * n - 1.0));
}

}  // namespace veer::test
