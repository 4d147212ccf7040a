// An encoder-decoder Transformer over tokens, of the T5 family: sizes, weights, and how they travel to and
// from files. Torch-free header. Source: Raffel et al., "Exploring the limits of transfer learning with a
// unified text-to-text Transformer", JMLR 2020; sizes of Hou et al., "ProRL" (arXiv 2605.28293).
//
// Pre-norm: every sub-layer reads RMSNorm(x) (epsilon 1e-6, a scale, no offset) and is added to x; no biases.
// Attention scores are not divided by the root of the head width. One table of relative position biases per
// stack is added to the scores of its self-attention in all layers; cross-attention has none. The embedding
// is shared by encoder, decoder and output, whose read-outs are multiplied by width^(-1/2) first.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/hyper_parameters.h"
#include "env/nn/parameter_layout.h"

namespace veer::nn {

struct Seq2SeqConfig {
  std::int32_t vocabulary = 1027;  ///< token 0 is padding, and what the decoder reads first
  std::int32_t width = 128;        ///< d
  std::int32_t inner = 512;        ///< f, feed-forward width
  std::int32_t heads = 4;          ///< h
  std::int32_t head_width = 64;    ///< k
  std::int32_t encoder_layers = 3;
  std::int32_t decoder_layers = 3;
  std::int32_t buckets = 32;        ///< of relative distances
  std::int32_t far_distance = 128;  ///< distances from here on share the last bucket
  float dropout = 0.1F;

  std::int32_t heads_width() const noexcept { return heads * head_width; }
  HyperParameters to_strings() const;
  static Seq2SeqConfig from_strings(const HyperParameters&);  ///< throws FormatError
};

/// Throws ConfigError naming the field when the sizes make no network.
void check_config(const Seq2SeqConfig& config);

/// Names and shapes, every matrix [out, in]:
///   embedding [V, d]; and for each stack s = encoder, decoder:
///   s.position_bias [buckets, h], s.norm [d], and per layer i
///   s.i.self.{norm [d], query, key, value [hk, d], output [d, hk]}, in the decoder s.i.cross likewise, and
///   s.i.feed.{norm [d], inner [f, d], outer [d, f]}.
/// Initial values as T5's. REQUIRES: a checked config.
std::vector<ParameterLayout> parameter_layout(const Seq2SeqConfig& config);

/// 2,099,968 at the default sizes.
std::int64_t parameter_count(const Seq2SeqConfig& config);

struct Seq2SeqNet;  // seq2seq_net.h, needs LibTorch

/// Weights on a device. Immutable after construction, cheap to copy, safe to share.
class Seq2SeqModel {
 public:
  /// Fresh weights drawn from Philox (Stream::initialise). `device` as resolve_device() returns it.
  static Seq2SeqModel initialise(const Seq2SeqConfig&, std::uint64_t seed, const std::string& device);
  /// Throws FormatError when a name or shape does not fit the configuration.
  static Seq2SeqModel from_arrays(const Seq2SeqConfig&, const NamedArrays&, const std::string& device);
  explicit Seq2SeqModel(std::shared_ptr<const Seq2SeqNet> net);

  NamedArrays to_arrays() const;
  const Seq2SeqConfig& config() const noexcept;
  const std::string& device() const noexcept;
  const Seq2SeqNet& net() const noexcept { return *net_; }

 private:
  std::shared_ptr<const Seq2SeqNet> net_;
};

}  // namespace veer::nn
