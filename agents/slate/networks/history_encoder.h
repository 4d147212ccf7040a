// The encoder that slate agents read a person's history with: item vectors through a linear map, position
// vectors, causal Transformer layers, the output at the newest item. Sizes and parameters; torch-free value
// types and pure functions. The arithmetic is in history_encoder_net.h.
//
// Source: Wang et al., "Hierarchical semantic RL" (arXiv 2510.09167) and Liu et al., "Exploration and
// regularization of the latent action space in recommendation" (HAC, WWW 2023), released code: post-norm
// layers with ReLU, norms' epsilon 1e-5.
#pragma once

#include <cstdint>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/hyper_parameters.h"
#include "env/nn/parameter_layout.h"

namespace veer::slate {

/// What stands before a history that is shorter than the positions. The newest item always has the last
/// position.
enum class HistoryPadding : std::uint8_t {
  zeros,   ///< items with the zero vector, which attention reads like any other (as released)
  masked,  ///< nothing: attention reads items only; an empty history is one such item
};

struct HistoryEncoderConfig {
  std::int32_t features = 0;  ///< width of an item's vector
  std::int32_t width = 32;    ///< of a state
  std::int32_t layers = 2;
  std::int32_t heads = 4;       ///< divides width
  std::int32_t inner = 128;     ///< of the feed-forward layers; 64 in the baselines
  std::int32_t positions = 50;  ///< newest items that are read
  float dropout = 0.1F;
  HistoryPadding padding = HistoryPadding::masked;

  /// "features", "width", "layers", "heads", "inner", "positions", "dropout", "padding".
  void write(nn::HyperParameters& out) const;
  /// Throws FormatError where a key is missing or no number, ConfigError where the sizes make no encoder.
  static HistoryEncoderConfig read(const nn::HyperParameters& from);
};

inline constexpr double encoder_norm_epsilon = 1e-5;

/// Throws ConfigError naming the field.
void check_config(const HistoryEncoderConfig& config);

/// A linear layer [out, in] with a bias, both uniform within 1 / sqrt(in).
void add_linear(std::vector<nn::ParameterLayout>& out, const std::string& name, std::int64_t to,
                std::int64_t from);
void add_layer_norm(std::vector<nn::ParameterLayout>& out, const std::string& name, std::int64_t width);

/// item_map.{weight [d, D], bias [d]}, position_embedding [positions, d], and from input_norm on what
/// env/nn/sequence_net.h names of a SASRec. Linear layers uniform within 1 / sqrt(inputs); queries, keys and
/// values Xavier-uniform as one matrix of 3 d rows, their biases and the output's 0; positions N(0, 1).
std::vector<nn::ParameterLayout> parameter_layout(const HistoryEncoderConfig& config);

/// Fresh values of a network that begins with this encoder; all its Transformer layers start as copies of the
/// first one.
NamedArrays fresh_parameters(const HistoryEncoderConfig& config, std::span<const nn::ParameterLayout> layouts,
                             std::uint64_t seed);

}  // namespace veer::slate
