#include "tests/env/nn/plain_encoders.h"

#include <algorithm>
#include <cmath>

namespace veer::nn::plain {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// weight [out, in] x + bias
Vector dense(const Weights& w, const std::string& name, const Vector& x) {
  const Vector& weight = w.at(name + ".weight");
  Vector out = w.at(name + ".bias");
  for (std::size_t i = 0; i < out.size(); ++i) {
    for (std::size_t j = 0; j < x.size(); ++j) out[i] += weight[i * x.size() + j] * x[j];
  }
  return out;
}

Vector norm(const Weights& w, const std::string& name, const Vector& x) {
  return layer_norm(x, w.at(name + ".gain"), w.at(name + ".offset"));
}

Vector relu(Vector x) {
  for (double& value : x) value = std::max(value, 0.0);
  return x;
}

Vector joined(Vector a, const Vector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Vector sum(Vector a, const Vector& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

Vector gru(const Weights& w, const Matrix& items, std::int64_t length) {
  const std::size_t width = items.front().size();
  Vector h(width, 0.0);
  for (std::int64_t t = 0; t < length; ++t) {
    const Vector& x = items[static_cast<std::size_t>(t)];
    Vector gates = dense(w, "gates", joined(x, h));
    for (double& value : gates) value = sigmoid(value);
    Vector reset_h(width);
    for (std::size_t j = 0; j < width; ++j) reset_h[j] = gates[j] * h[j];
    const Vector c = dense(w, "candidate", joined(x, reset_h));
    for (std::size_t j = 0; j < width; ++j) {
      const double u = gates[width + j];
      h[j] = u * h[j] + (1.0 - u) * std::tanh(c[j]);
    }
  }
  return h;
}

Vector caser(const Weights& w, const Matrix& items) {
  const std::size_t length = items.size(), width = items.front().size();
  Vector out;
  for (const std::size_t height : {2, 3, 4}) {
    const std::string name = "horizontal." + std::to_string(height);
    Vector best(16, 0.0);  // after the rectifier nothing is smaller
    for (std::size_t first = 0; first + height <= length; ++first) {
      Vector window;
      for (std::size_t k = 0; k < height; ++k) window = joined(window, items[first + k]);
      const Vector found = relu(dense(w, name, window));
      for (std::size_t f = 0; f < 16; ++f) best[f] = std::max(best[f], found[f]);
    }
    out = joined(out, best);
  }
  for (std::size_t j = 0; j < width; ++j) {
    double value = w.at("vertical.bias")[0];
    for (std::size_t t = 0; t < length; ++t) value += w.at("vertical.weight")[t] * items[t][j];
    out.push_back(std::max(value, 0.0));
  }
  return out;
}

Matrix convolve(const Weights& w, const std::string& name, const Matrix& x, std::int64_t dilation) {
  Matrix out;
  const Vector zero(x.front().size(), 0.0);
  for (std::int64_t t = 0; t < static_cast<std::int64_t>(x.size()); ++t) {
    Vector taps;
    for (const std::int64_t back : {2 * dilation, dilation, std::int64_t{0}}) {
      taps = joined(taps, t - back < 0 ? zero : x[static_cast<std::size_t>(t - back)]);
    }
    out.push_back(dense(w, name, taps));
  }
  return out;
}

Vector nextitnet(const Weights& w, Matrix x, std::int64_t length, std::int64_t real) {
  const std::int64_t dilations[] = {1, 2, 1, 2, 1, 2};
  for (std::size_t i = 0; i < 6; ++i) {
    Matrix inner = x;
    for (std::int64_t j = 0; j < 2; ++j) {
      const std::string name = "blocks." + std::to_string(i) + "." + std::to_string(j);
      inner = convolve(w, name, inner, dilations[i] * (j + 1));
      for (Vector& row : inner) row = relu(norm(w, name + ".norm", row));
    }
    for (std::size_t t = 0; t < x.size(); ++t) {
      x[t] = static_cast<std::int64_t>(t) < real ? sum(inner[t], x[t]) : Vector(x[t].size(), 0.0);
    }
  }
  return x[static_cast<std::size_t>(length - 1)];
}

Vector sasrec(const Weights& w, Matrix x, std::int64_t length, std::int64_t real, Matrix* sequence) {
  const std::size_t steps = x.size(), width = x.front().size();
  const auto known = static_cast<std::size_t>(real);
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t j = 0; j < width; ++j) {
      x[t][j] = t < known ? x[t][j] + w.at("positions")[t * width + j] : 0.0;
    }
  }
  Matrix out;
  for (std::size_t t = 0; t < steps; ++t) {
    Vector z(width, 0.0);
    if (t < known) {
      const Vector read = norm(w, "attention.norm", x[t]);
      const Vector query = dense(w, "attention.query", read);
      Vector weights;
      double total = 0.0;
      for (std::size_t s = 0; s <= t; ++s) {
        const Vector key = dense(w, "attention.key", x[s]);
        double score = 0.0;
        for (std::size_t j = 0; j < width; ++j) score += query[j] * key[j];
        weights.push_back(std::exp(score / std::sqrt(static_cast<double>(width))));
        total += weights.back();
      }
      Vector mixed = read;
      for (std::size_t s = 0; s <= t; ++s) {
        const Vector value = dense(w, "attention.value", x[s]);
        for (std::size_t j = 0; j < width; ++j) mixed[j] += weights[s] / total * value[j];
      }
      const Vector y = norm(w, "feed_forward.norm", mixed);
      z = sum(dense(w, "outer", relu(dense(w, "inner", y))), y);
    }
    out.push_back(norm(w, "final.norm", z));
  }
  if (sequence != nullptr) *sequence = out;
  return out[static_cast<std::size_t>(length - 1)];
}

}  // namespace

Vector layer_norm(const Vector& x, const Vector& gain, const Vector& offset) {
  double mean = 0.0, variance = 0.0;
  for (const double value : x) mean += value / static_cast<double>(x.size());
  for (const double value : x) variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
  Vector out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    out[i] = (x[i] - mean) / std::sqrt(variance + 1e-8) * gain[i] + offset[i];
  }
  return out;
}

Vector encode(const StateEncoderConfig& config, const Weights& weights, Matrix items, std::int64_t length,
              std::int64_t real, Matrix* sequence) {
  if (config.kind == EncoderKind::gru) return gru(weights, items, length);
  for (std::size_t t = static_cast<std::size_t>(real); t < items.size(); ++t) {
    items[t].assign(items[t].size(), 0.0);
  }
  if (config.kind == EncoderKind::caser) return caser(weights, items);
  if (config.kind == EncoderKind::nextitnet) return nextitnet(weights, std::move(items), length, real);
  return sasrec(weights, std::move(items), length, real, sequence);
}

}  // namespace veer::nn::plain
