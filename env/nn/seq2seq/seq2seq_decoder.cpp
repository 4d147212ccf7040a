#include "env/nn/seq2seq/seq2seq_decoder.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/nn/inference/sequence_ops_net.h"
#include "env/nn/seq2seq/relative_position.h"
#include "env/nn/seq2seq/seq2seq_forward_net.h"

namespace veer::nn {
namespace {

struct AttentionLayer {
  torch::Tensor norm, query, key_value, output;  // matrices as [in, out]
};

struct DecoderLayer {
  AttentionLayer self, cross;
  torch::Tensor feed_norm, inner, outer;
};

torch::Tensor turned(const torch::Tensor& matrix) { return matrix.detach().t().contiguous(); }

AttentionLayer attention_layer(const Seq2SeqNet& net, const std::string& block) {
  return {net.at(block + "norm"), turned(net.at(block + "query")),
          turned(torch::cat({net.at(block + "key"), net.at(block + "value")}, 0)),
          turned(net.at(block + "output"))};
}

struct TokenCache final : DecoderCache {
  KeyValues own, prompts;
  std::vector<std::int32_t> prompt_length;
  torch::Tensor bias;     // [h, length] of the own keys, by how far back they lie
  torch::Tensor readout;  // [padded rows of the last step, d]
  std::int32_t readouts = 0;
};

std::vector<std::int32_t> lengths_of(View<const std::int32_t> prompts) {
  std::vector<std::int32_t> lengths;
  for (std::int32_t p = 0; p < prompts.rows(); ++p) {
    const auto row = prompts.row(p);
    lengths.push_back(static_cast<std::int32_t>(std::find(row.begin(), row.end(), 0) - row.begin()));
  }
  return lengths;
}

torch::Tensor token_tensor(View<const std::int32_t> prompts, const torch::Device& device) {
  torch::Tensor host = torch::empty({prompts.rows(), prompts.width()}, torch::kInt64);
  std::int64_t* to = host.data_ptr<std::int64_t>();
  for (std::int32_t p = 0; p < prompts.rows(); ++p)
    to = std::copy_n(prompts.row(p).data(), prompts.width(), to);
  return host.to(device);
}

}  // namespace

struct Seq2SeqDecoder::Impl {
  Seq2SeqModel model;
  SequenceOps ops;
  std::vector<DecoderLayer> layers;
  torch::Tensor embedding, norm, no_bias;

  const Seq2SeqConfig& config() const noexcept { return model.config(); }
  TokenCache& of(DecoderCache& cache) const { return static_cast<TokenCache&>(cache); }

  /// [h, places] by how far back a key lies.
  torch::Tensor biases(std::int32_t places) const {
    std::vector<std::int32_t> bucket;
    for (std::int32_t back = 0; back < places; ++back) {
      bucket.push_back(causal_bucket(back, config().buckets, config().far_distance));
    }
    return model.net().at("decoder.position_bias").index_select(0, ops.indices(bucket)).t().contiguous();
  }
};

Seq2SeqDecoder::Seq2SeqDecoder(const Seq2SeqModel& model, bool portable) {
  torch::InferenceMode guard;
  const Seq2SeqNet& net = model.net();
  const torch::Device device(model.device());
  auto impl = std::make_unique<Impl>(Impl{model, {device, portable || !device.is_cpu()}, {}, {}, {}, {}});
  for (std::int32_t i = 0; i < model.config().decoder_layers; ++i) {
    const std::string block = "decoder." + std::to_string(i) + ".";
    impl->layers.push_back({attention_layer(net, block + "self."), attention_layer(net, block + "cross."),
                            net.at(block + "feed.norm"), turned(net.at(block + "feed.inner")),
                            turned(net.at(block + "feed.outer"))});
  }
  impl->embedding = net.at("embedding");
  impl->norm = net.at("decoder.norm");
  impl->no_bias = torch::zeros({2 * model.config().heads_width()}, impl->ops.floats());
  impl_ = std::move(impl);
}

Seq2SeqDecoder::~Seq2SeqDecoder() = default;

const Seq2SeqConfig& Seq2SeqDecoder::config() const noexcept { return impl_->config(); }

std::unique_ptr<DecoderCache> Seq2SeqDecoder::begin(View<const std::int32_t> prompts, std::int32_t rows,
                                                    std::int32_t length) const {
  torch::InferenceMode guard;
  const Impl& my = *impl_;
  const std::int64_t width = my.config().heads_width();
  auto cache = std::make_unique<TokenCache>();
  cache->prompt_length = lengths_of(prompts);
  DropoutMasks none(nullptr, my.model.device());
  const torch::Tensor encoded =
      encode_prompts(my.model.net(), token_tensor(prompts, my.ops.device), none)
          .view({std::int64_t{prompts.rows()} * prompts.width(), my.config().width});
  cache->prompts.positions = prompts.width();
  cache->own.positions = length;
  cache->bias = my.biases(length);
  for (const DecoderLayer& layer : my.layers) {
    const torch::Tensor both = encoded.mm(layer.cross.key_value);
    cache->prompts.keys.push_back(both.narrow(1, 0, width).contiguous());
    cache->prompts.values.push_back(both.narrow(1, width, width).contiguous());
    for (auto* part : {&cache->prompts.keys.back(), &cache->prompts.values.back()}) {
      *part = part->view({prompts.rows(), prompts.width(), width});
    }
    cache->own.keys.push_back(torch::empty({rows, length, width}, my.ops.floats()));
    cache->own.values.push_back(torch::empty({rows, length, width}, my.ops.floats()));
  }
  return cache;
}

void Seq2SeqDecoder::step(DecoderCache& base, std::span<const std::int32_t> rows,
                          std::span<const std::int32_t> prompt, std::span<const std::int32_t> token,
                          std::int32_t position) const {
  torch::InferenceMode guard;
  const Impl& my = *impl_;
  TokenCache& cache = my.of(base);
  const auto n = static_cast<std::int64_t>(rows.size());
  const std::int64_t heads = my.config().heads;
  const Reach own{{rows.begin(), rows.end()}, std::vector<std::int32_t>(rows.size(), position + 1)};
  Reach theirs{{prompt.begin(), prompt.end()}, {}};
  for (const std::int32_t p : prompt) theirs.length.push_back(cache.prompt_length[at(p)]);
  const std::vector<std::int32_t> where(rows.size(), position);
  const ScoreForm own_form{1.0F, cache.bias};
  const ScoreForm their_form{1.0F};
  torch::Tensor x = gather_rows(my.ops, my.embedding, {token.begin(), token.end()});
  for (std::size_t i = 0; i < my.layers.size(); ++i) {
    const DecoderLayer& layer = my.layers[i];
    torch::Tensor h = rms_normalise(my.ops, x, layer.self.norm, rms_epsilon, n);
    store_keys(my.ops, h.mm(layer.self.key_value), my.no_bias, own.slot, where, cache.own.keys[i],
               cache.own.values[i]);
    x.addmm_(attend(my.ops, h.mm(layer.self.query), static_cast<std::int32_t>(heads), own_form, i, nullptr,
                    {}, cache.own, own),
             layer.self.output);
    h = rms_normalise(my.ops, x, layer.cross.norm, rms_epsilon, n);
    x.addmm_(attend(my.ops, h.mm(layer.cross.query), static_cast<std::int32_t>(heads), their_form, i, nullptr,
                    {}, cache.prompts, theirs),
             layer.cross.output);
    h = rms_normalise(my.ops, x, layer.feed_norm, rms_epsilon, n);
    x.addmm_(h.mm(layer.inner).relu_(), layer.outer);
  }
  cache.readout = rms_normalise(my.ops, x, my.norm, rms_epsilon, n)
                      .mul_(1.0 / std::sqrt(static_cast<double>(my.config().width)));
  cache.readouts = static_cast<std::int32_t>(n);
}

void Seq2SeqDecoder::score(const DecoderCache& base, std::int32_t first_token, View<float> out) const {
  torch::InferenceMode guard;
  const auto& cache = static_cast<const TokenCache&>(base);
  const torch::Tensor scores =
      cache.readout.mm(impl_->embedding.narrow(0, first_token, out.width()).t()).to(torch::kCPU);
  const float* from = scores.data_ptr<float>();
  for (std::int32_t r = 0; r < cache.readouts; ++r, from += out.width()) {
    std::copy_n(from, out.width(), out.row(r).data());
  }
}

void Seq2SeqDecoder::copy_rows(DecoderCache& base, std::span<const std::int32_t> from,
                               std::span<const std::int32_t> to, std::int32_t length) const {
  torch::InferenceMode guard;
  const Impl& my = *impl_;
  TokenCache& cache = my.of(base);
  const torch::Tensor source = my.ops.indices({from.begin(), from.end()});
  const torch::Tensor place = my.ops.indices({to.begin(), to.end()});
  for (std::size_t i = 0; i < my.layers.size(); ++i) {
    for (torch::Tensor* part : {&cache.own.keys[i], &cache.own.values[i]}) {
      torch::Tensor used = part->narrow(1, 0, length);
      used.index_copy_(0, place, used.index_select(0, source));
    }
  }
}

std::size_t Seq2SeqDecoder::cache_bytes(std::int32_t prompts, std::int32_t prompt_length, std::int32_t rows,
                                        std::int32_t length) const noexcept {
  const std::size_t tokens = at(prompts) * at(prompt_length) + at(rows) * at(length);
  return tokens * at(config().heads_width()) * 2 * at(config().decoder_layers) * sizeof(float);
}

}  // namespace veer::nn
