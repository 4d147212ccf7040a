// SASRec and GRU4Rec once more, in plain double-precision loops written from the papers' equations: what the
// tensor implementation is measured against. Slow on purpose; no LibTorch.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/sequence_model.h"

namespace veer::test {

using Vector = std::vector<double>;
using Matrix = std::vector<Vector>;  ///< [rows][columns]

class PlainNetwork {
 public:
  PlainNetwork(const nn::SequenceConfig& config, const NamedArrays& weights)
      : config_(config), weights_(weights) {}

  /// Read-outs [T][d] of one history in evaluation mode.
  Matrix encode(std::span<const std::int32_t> items) const {
    return config_.kind == "gru4rec" ? encode_gru(items) : encode_sasrec(items);
  }

 private:
  double value(const std::string& name, std::size_t index) const {
    return static_cast<double>(weights_.get<float>(name)[index]);
  }
  Vector row(const std::string& name, std::size_t index, std::size_t width) const {
    Vector out(width);
    for (std::size_t j = 0; j < width; ++j) out[j] = value(name, index * width + j);
    return out;
  }
  /// weight [out, in] times x, plus bias where there is one.
  Vector times(const std::string& weight, const std::string& bias, const Vector& x) const {
    Vector out(weights_.get<float>(weight).size() / x.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = bias.empty() ? 0.0 : value(bias, i);
      for (std::size_t j = 0; j < x.size(); ++j) out[i] += value(weight, i * x.size() + j) * x[j];
    }
    return out;
  }
  Vector norm(const std::string& name, const Vector& x) const {
    double mean = 0.0;
    for (const double v : x) mean += v / static_cast<double>(x.size());
    double variance = 0.0;
    for (const double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
    Vector out(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      out[i] =
          (x[i] - mean) / std::sqrt(variance + 1e-12) * value(name + ".weight", i) + value(name + ".bias", i);
    }
    return out;
  }
  static Vector plus(Vector a, const Vector& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
    return a;
  }

  Matrix encode_sasrec(std::span<const std::int32_t> items) const {
    const auto width = static_cast<std::size_t>(config_.hidden);
    const auto heads = static_cast<std::size_t>(config_.heads);
    const std::size_t part = width / heads;
    Matrix x;
    for (std::size_t t = 0; t < items.size(); ++t) {
      x.push_back(norm("input_norm", plus(row("item_embedding", static_cast<std::size_t>(items[t]), width),
                                          row("position_embedding", t, width))));
    }
    for (std::int32_t layer = 0; layer < config_.layers; ++layer) {
      const std::string block = "layers." + std::to_string(layer) + ".";
      Matrix query;
      Matrix key;
      Matrix value_of;
      for (const Vector& v : x) {
        query.push_back(times(block + "query.weight", block + "query.bias", v));
        key.push_back(times(block + "key.weight", block + "key.bias", v));
        value_of.push_back(times(block + "value.weight", block + "value.bias", v));
      }
      Matrix next;
      for (std::size_t t = 0; t < x.size(); ++t) {
        Vector context(width, 0.0);
        for (std::size_t h = 0; h < heads; ++h) {
          Vector weight(t + 1);
          double sum = 0.0;
          for (std::size_t s = 0; s <= t; ++s) {
            double score = 0.0;
            for (std::size_t j = h * part; j < (h + 1) * part; ++j) score += query[t][j] * key[s][j];
            weight[s] = std::exp(score / std::sqrt(static_cast<double>(part)));
            sum += weight[s];
          }
          for (std::size_t s = 0; s <= t; ++s) {
            for (std::size_t j = h * part; j < (h + 1) * part; ++j)
              context[j] += weight[s] / sum * value_of[s][j];
          }
        }
        const Vector attended =
            norm(block + "attention_norm",
                 plus(times(block + "output.weight", block + "output.bias", context), x[t]));
        Vector inner = times(block + "inner.weight", block + "inner.bias", attended);
        for (double& v : inner) v = 0.5 * v * (1.0 + std::erf(v / std::sqrt(2.0)));
        next.push_back(norm(block + "outer_norm",
                            plus(times(block + "outer.weight", block + "outer.bias", inner), attended)));
      }
      x = next;
    }
    return x;
  }

  Matrix encode_gru(std::span<const std::int32_t> items) const {
    const auto width = static_cast<std::size_t>(config_.inner);
    const auto sigmoid = [](double v) { return 1.0 / (1.0 + std::exp(-v)); };
    Vector state(width, 0.0);
    Matrix out;
    for (const std::int32_t item : items) {
      const Vector input = times(
          "gru.weight_input", "",
          row("item_embedding", static_cast<std::size_t>(item), static_cast<std::size_t>(config_.hidden)));
      const Vector hidden = times("gru.weight_hidden", "", state);
      for (std::size_t j = 0; j < width; ++j) {
        const double reset = sigmoid(input[j] + hidden[j]);
        const double update = sigmoid(input[width + j] + hidden[width + j]);
        const double fresh = std::tanh(input[2 * width + j] + reset * hidden[2 * width + j]);
        state[j] = (1.0 - update) * fresh + update * state[j];
      }
      out.push_back(times("readout.weight", "readout.bias", state));
    }
    return out;
  }

  const nn::SequenceConfig& config_;
  const NamedArrays& weights_;
};

}  // namespace veer::test
