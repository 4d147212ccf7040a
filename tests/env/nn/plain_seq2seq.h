// The encoder-decoder once more, in plain double-precision loops written from the T5 paper: what the tensor
// implementation is measured against. One row at a time, nothing shared, nothing cached. Slow on purpose.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/seq2seq/seq2seq_model.h"

namespace veer::test {

class PlainSeq2Seq {
 public:
  using Row = std::vector<double>;
  using Rows = std::vector<Row>;

  PlainSeq2Seq(const nn::Seq2SeqConfig& config, const NamedArrays& weights)
      : config_(config), weights_(weights) {}

  /// Scores [tokens.size()][V] after each token of a row that follows the prompt.
  Rows scores(std::span<const std::int32_t> prompt, std::span<const std::int32_t> tokens) const {
    const Rows memory = stack("encoder.", config_.encoder_layers, embed(prompt), nullptr);
    Rows states = stack("decoder.", config_.decoder_layers, embed(tokens), &memory);
    Rows out;
    for (Row& state : states) {
      for (double& value : state) value /= std::sqrt(static_cast<double>(config_.width));
      out.push_back(times("embedding", state));
    }
    return out;
  }

 private:
  double value(const std::string& name, std::size_t index) const {
    return static_cast<double>(weights_.get<float>(name)[index]);
  }
  Row times(const std::string& matrix, const Row& x) const {
    Row out(weights_.get<float>(matrix).size() / x.size(), 0.0);
    for (std::size_t i = 0; i < out.size(); ++i) {
      for (std::size_t j = 0; j < x.size(); ++j) out[i] += value(matrix, i * x.size() + j) * x[j];
    }
    return out;
  }
  Rows embed(std::span<const std::int32_t> tokens) const {
    const auto d = static_cast<std::size_t>(config_.width);
    Rows out;
    for (const std::int32_t token : tokens) {
      Row row(d);
      for (std::size_t j = 0; j < d; ++j)
        row[j] = value("embedding", static_cast<std::size_t>(token) * d + j);
      out.push_back(row);
    }
    return out;
  }
  Row norm(const std::string& name, Row x) const {
    double mean_square = 0.0;
    for (const double v : x) mean_square += v * v / static_cast<double>(x.size());
    for (std::size_t j = 0; j < x.size(); ++j) x[j] *= value(name, j) / std::sqrt(mean_square + 1e-6);
    return x;
  }
  /// Buckets by the table of the paper's released code, for 32 buckets up to distance 128.
  std::int32_t bucket(std::int64_t key_minus_query, bool causal) const {
    std::int64_t distance = causal ? std::max<std::int64_t>(0, -key_minus_query) : std::abs(key_minus_query);
    const std::int64_t buckets = causal ? 32 : 16, exact = buckets / 2;
    std::int64_t place = distance;
    if (distance >= exact) {
      place = exact;
      // The smallest distance of each further bucket: exact * (128 / exact)^(i / (buckets - exact)).
      while (place + 1 < buckets &&
             static_cast<double>(distance) >=
                 static_cast<double>(exact) * std::pow(128.0 / static_cast<double>(exact),
                                                       static_cast<double>(place + 1 - exact) /
                                                           static_cast<double>(buckets - exact)) -
                     1e-9) {
        ++place;
      }
    }
    return static_cast<std::int32_t>(place + (!causal && key_minus_query > 0 ? 16 : 0));
  }
  /// Attention of every row of `from` over `memory`, added to `from`. `bias`: name of the table, or empty.
  void attend(const std::string& block, Rows& from, const Rows* other, const std::string& bias,
              bool causal) const {
    Rows asking;
    for (const Row& row : from) asking.push_back(norm(block + "norm", row));
    const Rows& read = other == nullptr ? asking : *other;
    Rows keys, values;
    for (const Row& row : read) {
      keys.push_back(times(block + "key", row));
      values.push_back(times(block + "value", row));
    }
    const auto k = static_cast<std::size_t>(config_.head_width),
               heads = static_cast<std::size_t>(config_.heads);
    for (std::size_t q = 0; q < from.size(); ++q) {
      const Row query = times(block + "query", asking[q]);
      Row context(heads * k, 0.0);
      for (std::size_t h = 0; h < heads; ++h) {
        Row weight;
        for (std::size_t t = 0; t < read.size() && !(causal && t > q); ++t) {
          double score = 0.0;
          for (std::size_t c = 0; c < k; ++c) score += query[h * k + c] * keys[t][h * k + c];
          if (!bias.empty()) {
            const auto apart = static_cast<std::int64_t>(t) - static_cast<std::int64_t>(q);
            score += value(bias, static_cast<std::size_t>(bucket(apart, causal)) * heads + h);
          }
          weight.push_back(score);
        }
        const double most = *std::max_element(weight.begin(), weight.end());
        double total = 0.0;
        for (double& w : weight) total += w = std::exp(w - most);
        for (std::size_t t = 0; t < weight.size(); ++t) {
          for (std::size_t c = 0; c < k; ++c) context[h * k + c] += weight[t] / total * values[t][h * k + c];
        }
      }
      const Row added = times(block + "output", context);
      for (std::size_t j = 0; j < added.size(); ++j) from[q][j] += added[j];
    }
  }
  Rows stack(const std::string& name, std::int32_t layers, Rows x, const Rows* memory) const {
    for (std::int32_t i = 0; i < layers; ++i) {
      const std::string block = name + std::to_string(i) + ".";
      attend(block + "self.", x, nullptr, name + "position_bias", memory != nullptr);
      if (memory != nullptr) attend(block + "cross.", x, memory, "", false);
      for (Row& row : x) {
        Row inner = times(block + "feed.inner", norm(block + "feed.norm", row));
        for (double& v : inner) v = std::max(v, 0.0);
        const Row added = times(block + "feed.outer", inner);
        for (std::size_t j = 0; j < added.size(); ++j) row[j] += added[j];
      }
    }
    for (Row& row : x) row = norm(name + "norm", row);
    return x;
  }

  nn::Seq2SeqConfig config_;
  const NamedArrays& weights_;
};

}  // namespace veer::test
