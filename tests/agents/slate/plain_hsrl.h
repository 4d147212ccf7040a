// The HSRL network once more, in plain loops of doubles: what the fused and the differentiable forward pass
// are tested against.
#pragma once

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "agents/slate/hsrl/hsrl_options.h"
#include "env/named_arrays.h"
#include "env/types.h"

namespace veer::slate {

using Vector = std::vector<double>;

struct PlainHsrl {
  HsrlOptions options;
  NamedArrays weights;

  Vector values(const std::string& name) const {
    const auto found = weights.get<float>(name);
    return {found.begin(), found.end()};
  }
  Vector linear(const std::string& name, const Vector& x) const {
    const Vector w = values(name + ".weight");
    Vector out = values(name + ".bias");
    for (std::size_t i = 0; i < out.size(); ++i) {
      for (std::size_t j = 0; j < x.size(); ++j) out[i] += w[i * x.size() + j] * x[j];
    }
    return out;
  }
  Vector norm(const std::string& name, Vector x) const {
    const Vector gain = values(name + ".weight"), offset = values(name + ".bias");
    double mean = 0.0, variance = 0.0;
    for (const double v : x) mean += v / static_cast<double>(x.size());
    for (const double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = (x[i] - mean) / std::sqrt(variance + 1e-5) * gain[i] + offset[i];
    }
    return x;
  }
  static Vector softmax(Vector x) {
    double most = x[0], total = 0.0;
    for (const double v : x) most = std::max(most, v);
    for (double& v : x) total += v = std::exp(v - most);
    for (double& v : x) v /= total;
    return x;
  }
  static Vector sum(Vector a, const Vector& b, double sign = 1.0) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += sign * b[i];
    return a;
  }

  /// Every position attends to itself and those before it.
  Vector state(View<const float> vectors, std::span<const ItemId> history) const {
    const HistoryEncoderConfig& c = options.encoder;
    std::vector<ItemId> items(history.begin(), history.end());
    if (std::ssize(items) > c.positions) items.erase(items.begin(), items.end() - c.positions);
    const std::size_t length =
        c.padding == HistoryPadding::zeros ? at(c.positions) : std::max<std::size_t>(1, items.size());
    items.insert(items.begin(), length - items.size(), no_item);
    const Vector positions = values("position_embedding");
    const auto d = at(c.width), heads = at(c.heads), head = d / heads;
    std::vector<Vector> x;
    for (std::size_t t = 0; t < length; ++t) {
      const auto row = vectors.row(items[t]);
      Vector e = linear("item_map", Vector(row.begin(), row.end()));
      const std::size_t p = at(c.positions) - length + t;
      for (std::size_t i = 0; i < d; ++i) e[i] += positions[p * d + i];
      x.push_back(norm("input_norm", e));
    }
    for (std::int32_t layer = 0; layer < c.layers; ++layer) {
      const std::string block = "layers." + std::to_string(layer) + ".";
      std::vector<Vector> query, key, value, out;
      for (const Vector& each : x) {
        query.push_back(linear(block + "query", each));
        key.push_back(linear(block + "key", each));
        value.push_back(linear(block + "value", each));
      }
      for (std::size_t t = 0; t < length; ++t) {
        Vector context(d, 0.0);
        for (std::size_t h = 0; h < heads; ++h) {
          Vector scores;
          for (std::size_t s = 0; s <= t; ++s) {
            double dot = 0.0;
            for (std::size_t i = h * head; i < (h + 1) * head; ++i) dot += query[t][i] * key[s][i];
            scores.push_back(dot / std::sqrt(static_cast<double>(head)));
          }
          scores = softmax(scores);
          for (std::size_t s = 0; s <= t; ++s) {
            for (std::size_t i = h * head; i < (h + 1) * head; ++i) context[i] += scores[s] * value[s][i];
          }
        }
        const Vector attended = norm(block + "attention_norm", sum(x[t], linear(block + "output", context)));
        Vector inner = linear(block + "inner", attended);
        for (double& v : inner) v = std::max(v, 0.0);
        out.push_back(norm(block + "outer_norm", sum(attended, linear(block + "outer", inner))));
      }
      x = out;
    }
    return x.back();
  }

  /// Log-probabilities of the tokens of every level. `chosen`: empty for the soft residual.
  std::vector<Vector> levels(const Vector& state, std::span<const std::int32_t> chosen = {}) const {
    std::vector<Vector> out;
    Vector context = state;
    for (std::int32_t l = 0; l < options.levels; ++l) {
      const std::string level = "levels." + std::to_string(l) + ".";
      const Vector p = softmax(linear(level + "head", context));
      Vector log_p;
      for (const double each : p) log_p.push_back(std::log(each));
      out.push_back(log_p);
      const Vector tokens = values(level + "tokens");
      Vector taken(state.size(), 0.0);
      for (std::size_t v = 0; v < p.size(); ++v) {
        const bool is_chosen = std::ssize(chosen) > l && at(chosen[at(l)]) == v;
        const double weight = chosen.empty() ? p[v] : is_chosen ? 1.0 : 0.0;
        for (std::size_t i = 0; i < taken.size(); ++i) taken[i] += weight * tokens[v * taken.size() + i];
      }
      context = norm(level + "norm", sum(context, taken, -1.0));
    }
    return out;
  }
};

}  // namespace veer::slate
