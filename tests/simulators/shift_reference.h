// The likelihood of shift_user once more, in double, line by line from the page of mathematics in
// simulators/shift/shift_dynamics.h and without sharing any code with it. Values in, number out.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "simulators/shift/shift_cases.h"
#include "simulators/shift/shift_items.h"
#include "simulators/shift/shift_layout.h"

namespace veer::shift::testing {

/// Free numbers in double, laid out as Parameters::free().
using Numbers = std::vector<double>;

class Reference {
 public:
  Reference(const Parameters& layout, const Items& items, std::int32_t recent)
      : layout_(layout), items_(items), recent_(recent) {}

  /// Sum of -ln p over the scored events of case c; appends each to `each` when given.
  double nll(const Numbers& free, const Cases& cases, std::size_t c,
             std::vector<double>* each = nullptr) const {
    const std::size_t d = static_cast<std::size_t>(items_.width());
    const std::size_t attributes = static_cast<std::size_t>(items_.facts().attributes);
    const Mechanisms on = layout_.on();
    const auto raw = [&](Parameter p, std::size_t i = 0) { return free[layout_.offset(p) + i]; };
    const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
    const auto sigmoid = [](double x) { return 1.0 / (1.0 + std::exp(-x)); };
    const auto weight = [](double x) { return 10.0 * std::tanh(x / 10.0); };
    const double scale = on.has(Mechanism::calibration) ? std::exp(raw(Parameter::start_scale)) : 1.0;
    const double w = on.has(Mechanism::calibration) ? weight(raw(Parameter::popularity)) : 0.0;
    const double exposure = on.has(Mechanism::exposure) ? weight(raw(Parameter::exposure)) : 0.0;
    const double drift = on.has(Mechanism::drift) ? softplus(raw(Parameter::drift)) : 0.0;
    const double forgetting = on.has(Mechanism::forgetting) ? softplus(raw(Parameter::forgetting)) : 0.0;
    const bool bores = on.has(Mechanism::boredom);
    const double bore_weight = softplus(raw(Parameter::boredom_weight));
    const double growth = sigmoid(raw(Parameter::boredom_growth));
    const double recovery = softplus(raw(Parameter::boredom_recovery));
    const double reactance = on.has(Mechanism::reactance) ? sigmoid(raw(Parameter::reactance)) : 0.0;
    const bool full = on.has(Mechanism::acceptance), moves = on.moves();
    const double taste_unit = layout_.units().taste, item_unit = layout_.units().item;

    std::vector<double> start(d), z, b(attributes, 0.0);
    for (std::size_t i = 0; i < d; ++i) start[i] = scale * double{cases.readouts[c * d + i]};
    z = start;
    double variance = 0.0, total = 0.0;
    std::vector<ItemId> shown;
    const auto first = static_cast<std::size_t>(cases.offsets[c]),
               last = static_cast<std::size_t>(cases.offsets[c + 1]);
    for (std::size_t e = first; e < last; ++e) {
      if (cases.scored[e] != 0) {
        const double k = 1.0 / std::sqrt(1.0 + M_PI / 8.0 * variance);
        double top = -1e300, sum = 0.0;
        std::vector<double> s;
        for (ItemId i = 1; i <= items_.items(); ++i) {
          double score = w * double{items_.facts().log_popularity[static_cast<std::size_t>(i)]};
          for (std::size_t j = 0; j < d; ++j) score += k * z[j] * double{items_.row(i)[j]};
          const auto own = items_.facts().attributes_of(i);
          double bored = 0.0;
          for (const auto a : own) bored += b[static_cast<std::size_t>(a)] / static_cast<double>(own.size());
          if (bores) score -= bore_weight * bored;
          const auto lately = std::min<std::ptrdiff_t>(recent_, static_cast<std::ptrdiff_t>(shown.size()));
          score -= exposure * static_cast<double>(std::count(shown.end() - lately, shown.end(), i));
          s.push_back(score);
          top = std::max(top, score);
        }
        for (const double score : s) sum += std::exp(score - top);
        const double here = top + std::log(sum) - s[static_cast<std::size_t>(cases.targets[e]) - 1];
        if (each != nullptr) each->push_back(here);
        total += here;
      }
      const ItemId item = cases.shown[e];
      const double gap = cases.gaps[e];
      const auto t = static_cast<double>(e - first);
      std::vector<double> v(d);
      double square = 0.0, liking = 0.0, length = 0.0;
      for (std::size_t j = 0; j < d; ++j) {
        v[j] = items_.row(item)[j];
        square += v[j] * v[j];
        liking += v[j] * z[j];
        length += z[j] * z[j];
      }
      double rate = 0.0;
      if (cases.accepted[e] != 0 && moves) {
        double odds = raw(Parameter::acceptance_rate);
        if (full) {
          const double f[] = {liking / (taste_unit * item_unit), length / (taste_unit * taste_unit) - 1.0,
                              t / (t + 10.0)};
          for (std::size_t u = 0; u < network_units; ++u) {
            double h = raw(Parameter::network_bias, u);
            for (std::size_t i = 0; i < 3; ++i) h += raw(Parameter::network_input, u * 3 + i) * f[i];
            odds += raw(Parameter::network_output, u) * std::tanh(h);
          }
        }
        rate = sigmoid(odds);
        std::vector<double> moved(d);
        for (std::size_t i = 0; i < d; ++i) {
          double target = std::exp(raw(Parameter::acceptance_gain)) * v[i];
          for (std::size_t j = 0; full && j < d; ++j) {
            target += raw(Parameter::acceptance_matrix, i * d + j) * v[j];
          }
          target *= taste_unit / item_unit;
          if (full) target += taste_unit / std::sqrt(double(d)) * raw(Parameter::acceptance_offset, i);
          moved[i] = z[i] + rate * (target - z[i]);
        }
        z = moved;
      } else if (cases.accepted[e] == 0 && liking > 0.0) {
        for (std::size_t j = 0; j < d; ++j) z[j] -= reactance * liking * v[j] / square;
      }
      for (const auto a : items_.facts().attributes_of(item)) {
        double& bored = b[static_cast<std::size_t>(a)];
        if (bores) bored = 1.0 - (1.0 - growth) * (1.0 - bored);
      }
      const double kept = std::exp(-forgetting * gap);
      for (std::size_t j = 0; j < d; ++j) z[j] = start[j] + kept * (z[j] - start[j]);
      for (double& bored : b) bored *= std::exp(-recovery * gap);
      variance = kept * kept * (1.0 - rate) * (1.0 - rate) * variance + drift * drift * gap;
      shown.push_back(item);
    }
    return total;
  }

 private:
  const Parameters& layout_;
  const Items& items_;
  std::int32_t recent_;
};

}  // namespace veer::shift::testing
