#include <algorithm>
#include <cmath>

#include "env/nn/seq2seq/relative_position.h"
#include "env/nn/seq2seq/seq2seq_forward_net.h"

namespace veer::nn {
namespace {

constexpr double hidden_score = -1e9;

torch::Tensor index_tensor(const std::vector<std::int64_t>& values, const torch::Device& device) {
  return torch::tensor(values, torch::kInt64).to(device);
}

torch::Tensor product(const torch::Tensor& input, const torch::Tensor& matrix) {
  return torch::linear(input, matrix);
}

/// softmax(q k^T + bias) v over [n, h, T, k] each.
torch::Tensor weigh(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                    const torch::Tensor& bias, DropoutMasks& dropout, float rate) {
  const torch::Tensor scores = torch::matmul(query, key.transpose(-1, -2)) + bias;
  return torch::matmul(dropout(torch::softmax(scores, -1), rate), value);
}

/// [n, T, h k] to [n, h, T, k]
torch::Tensor heads_first(const torch::Tensor& values, std::int64_t heads) {
  return values.view({values.size(0), values.size(1), heads, -1}).transpose(1, 2);
}
torch::Tensor heads_last(const torch::Tensor& values) {
  return values.transpose(1, 2).reshape({values.size(0), values.size(2), -1});
}

/// [P, 1, 1, S]: hides padding.
torch::Tensor padding_bias(const torch::Tensor& tokens) {
  return tokens.eq(0).to(torch::kFloat32).mul_(hidden_score).view({tokens.size(0), 1, 1, tokens.size(1)});
}

torch::Tensor feed_forward(const Seq2SeqNet& net, const std::string& block, const torch::Tensor& x,
                           DropoutMasks& dropout) {
  const float rate = net.config.dropout;
  const torch::Tensor inner =
      torch::relu(product(rms_norm(x, net.at(block + "feed.norm")), net.at(block + "feed.inner")));
  return x + dropout.packed(product(dropout.packed(inner, rate), net.at(block + "feed.outer")), rate);
}

/// Where packed tokens stand in a padded rectangle [groups, width].
struct Padding {
  torch::Tensor places;  ///< [n] into groups * width
  std::int64_t groups = 0;
  std::int64_t width = 0;

  torch::Tensor pad(const torch::Tensor& packed) const {
    return torch::zeros({groups * width, packed.size(1)}, packed.options())
        .index_copy(0, places, packed)
        .view({groups, width, packed.size(1)});
  }
  torch::Tensor unpad(const torch::Tensor& padded) const {
    return padded.reshape({groups * width, -1}).index_select(0, places);
  }
};

/// One line per row.
Padding pad_by_row(const DecoderRows& rows, const torch::Device& device) {
  Padding out;
  out.groups = rows.rows();
  for (std::size_t r = 0; r + 1 < rows.offsets.size(); ++r) {
    out.width = std::max(out.width, rows.offsets[r + 1] - rows.offsets[r]);
  }
  std::vector<std::int64_t> places;
  places.reserve(rows.tokens.size());
  for (std::size_t r = 0; r + 1 < rows.offsets.size(); ++r) {
    for (std::int64_t t = 0; t < rows.offsets[r + 1] - rows.offsets[r]; ++t) {
      places.push_back(static_cast<std::int64_t>(r) * out.width + t);
    }
  }
  out.places = index_tensor(places, device);
  return out;
}

/// One line per prompt: the tokens of all its rows.
Padding pad_by_prompt(const DecoderRows& rows, std::int64_t prompts, const torch::Device& device) {
  std::vector<std::int64_t> count(static_cast<std::size_t>(prompts), 0);
  std::vector<std::int64_t> places;
  places.reserve(rows.tokens.size());
  for (std::size_t r = 0; r + 1 < rows.offsets.size(); ++r) {
    const auto prompt = static_cast<std::size_t>(rows.prompt[r]);
    for (std::int64_t t = rows.offsets[r]; t < rows.offsets[r + 1]; ++t) places.push_back(count[prompt]++);
  }
  Padding out;
  out.groups = prompts;
  out.width = *std::max_element(count.begin(), count.end());
  for (std::size_t r = 0; r + 1 < rows.offsets.size(); ++r) {
    for (std::int64_t t = rows.offsets[r]; t < rows.offsets[r + 1]; ++t) {
      places[static_cast<std::size_t>(t)] += rows.prompt[r] * out.width;
    }
  }
  out.places = index_tensor(places, device);
  return out;
}

}  // namespace

torch::Tensor rms_norm(const torch::Tensor& values, const torch::Tensor& gain) {
  return values * torch::rsqrt(values.square().mean(-1, true) + rms_epsilon) * gain;
}

torch::Tensor position_biases(const Seq2SeqNet& net, std::int64_t length, bool causal) {
  const torch::Tensor& table = net.at(causal ? "decoder.position_bias" : "encoder.position_bias");
  std::vector<std::int64_t> bucket;
  bucket.reserve(static_cast<std::size_t>(length * length));
  for (std::int64_t query = 0; query < length; ++query) {
    for (std::int64_t key = 0; key < length; ++key) {
      const auto apart = static_cast<std::int32_t>(key - query);
      bucket.push_back(causal ? causal_bucket(-apart, net.config.buckets, net.config.far_distance)
                              : two_way_bucket(apart, net.config.buckets, net.config.far_distance));
    }
  }
  const torch::Tensor chosen = table.index_select(0, index_tensor(bucket, table.device()));
  return chosen.view({length, length, table.size(1)}).permute({2, 0, 1}).contiguous();
}

torch::Tensor encode_prompts(const Seq2SeqNet& net, const torch::Tensor& tokens, DropoutMasks& dropout) {
  const std::int64_t heads = net.config.heads;
  const float rate = net.config.dropout;
  const torch::Tensor bias = position_biases(net, tokens.size(1), false).unsqueeze(0) + padding_bias(tokens);
  torch::Tensor x = dropout(torch::embedding(net.at("embedding"), tokens), rate);
  for (std::int32_t i = 0; i < net.config.encoder_layers; ++i) {
    const std::string block = "encoder." + std::to_string(i) + ".";
    const torch::Tensor h = rms_norm(x, net.at(block + "self.norm"));
    const auto project = [&](const char* part) {
      return heads_first(product(h, net.at(block + "self." + part)), heads);
    };
    const torch::Tensor context =
        heads_last(weigh(project("query"), project("key"), project("value"), bias, dropout, rate));
    x = x + dropout(product(context, net.at(block + "self.output")), rate);
    x = feed_forward(net, block, x, dropout);
  }
  return dropout(rms_norm(x, net.at("encoder.norm")), rate);
}

torch::Tensor decode_rows(const Seq2SeqNet& net, const torch::Tensor& encoded, const torch::Tensor& prompts,
                          const DecoderRows& rows, DropoutMasks& dropout) {
  const std::int64_t heads = net.config.heads;
  const float rate = net.config.dropout;
  const torch::Device device = encoded.device();
  const Padding by_row = pad_by_row(rows, device);
  const Padding by_prompt = pad_by_prompt(rows, encoded.size(0), device);
  const torch::Tensor causal = torch::full({by_row.width, by_row.width}, hidden_score, encoded.options())
                                   .triu_(1)
                                   .view({1, 1, by_row.width, by_row.width});
  const torch::Tensor bias = position_biases(net, by_row.width, true).unsqueeze(0) + causal;
  const torch::Tensor padding = padding_bias(prompts);
  torch::Tensor x =
      dropout.packed(torch::embedding(net.at("embedding"), index_tensor(rows.tokens, device)), rate);
  for (std::int32_t i = 0; i < net.config.decoder_layers; ++i) {
    const std::string block = "decoder." + std::to_string(i) + ".";
    const torch::Tensor h = rms_norm(x, net.at(block + "self.norm"));
    const auto own = [&](const char* part) {
      return heads_first(by_row.pad(product(h, net.at(block + "self." + part))), heads);
    };
    const torch::Tensor context =
        by_row.unpad(heads_last(weigh(own("query"), own("key"), own("value"), bias, dropout, rate)));
    x = x + dropout.packed(product(context, net.at(block + "self.output")), rate);

    const torch::Tensor asking =
        product(rms_norm(x, net.at(block + "cross.norm")), net.at(block + "cross.query"));
    const auto theirs = [&](const char* part) {
      return heads_first(product(encoded, net.at(block + "cross." + part)), heads);
    };
    const torch::Tensor answer = by_prompt.unpad(heads_last(weigh(
        heads_first(by_prompt.pad(asking), heads), theirs("key"), theirs("value"), padding, dropout, rate)));
    x = x + dropout.packed(product(answer, net.at(block + "cross.output")), rate);
    x = feed_forward(net, block, x, dropout);
  }
  const double scale = 1.0 / std::sqrt(static_cast<double>(net.config.width));
  return dropout.packed(rms_norm(x, net.at("decoder.norm")), rate) * scale;
}

}  // namespace veer::nn
