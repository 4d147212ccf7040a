// Encoders of the last few items of a session into one state: GRU, Caser, NextItNet and SASRec as the offline
// next-item agents share them (SQN: Xin et al., "Self-supervised reinforcement learning for recommender
// systems", SIGIR 2020, and its released code). Sizes, parameters and words; torch-free value types and pure
// functions. The arithmetic is in state_encoder_net.h.
//
// The table of item vectors is not among the parameters: it has one row per item, is trained by
// CatalogueTable, and its rows come to the encoder already looked up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "env/nn/hyper_parameters.h"
#include "env/nn/parameter_layout.h"

namespace veer::nn {

enum class EncoderKind : std::uint8_t { gru, caser, nextitnet, sasrec };

/// "gru", "caser", "nextitnet", "sasrec".
std::string_view word_of(EncoderKind kind) noexcept;
/// The reverse. Throws ConfigError naming `field`.
EncoderKind encoder_kind(std::string_view word, const std::string& field = "encoder");

struct StateEncoderConfig {
  EncoderKind kind = EncoderKind::gru;
  std::int32_t width = 64;         ///< of item vectors and, but for Caser, of the state
  std::int32_t state_length = 10;  ///< T: the last items of a session that are read
  float dropout = 0.1F;            ///< Caser and SASRec; the others have none

  /// Width of the state: `width`, for Caser 3 x 16 horizontal features and one per column.
  std::int32_t output_width() const noexcept;
  /// True where padding is multiplied away; a GRU reads the padding row of an empty history as any other.
  bool masks_padding() const noexcept { return kind != EncoderKind::gru; }

  /// "encoder", "width", "state_length", "dropout".
  HyperParameters to_hyper_parameters() const;
  /// Throws FormatError where a key is missing or no number, ConfigError where the sizes make no encoder.
  static StateEncoderConfig from_hyper_parameters(const HyperParameters& from);
};

/// Throws ConfigError naming the field: 1 <= width <= 65536, 1 <= state_length <= 4096 (Caser: at least 4,
/// its tallest filter), 0 <= dropout < 1.
void check_config(const StateEncoderConfig& config);

/// All parameters of an encoder and how they begin. Glorot-uniform weights and zero biases, but: the gates'
/// bias of the GRU is 1, Caser's filters are truncated normals of deviation 0.1 with biases 0.1, NextItNet's
/// of deviation 0.02, positions are N(0, 0.01^2), gains of layer norms 1.
///
///   gru        gates.weight [2W, 2W] (rows: reset, update; columns: item, state), gates.bias [2W],
///              candidate.weight [W, 2W], candidate.bias [W]
///   caser      horizontal.K.weight [16, K * W] and .bias [16] for K = 2, 3, 4 (a row is K item vectors one
///              after the other, oldest first), vertical.weight [T], vertical.bias [1]
///   nextitnet  blocks.I.J.weight [W, 3 * W] (taps oldest first), .bias [W] and norms blocks.I.J.norm.gain,
///              .offset [W], for blocks I = 0..5 and convolutions J = 0, 1
///   sasrec     positions [T, W], attention.{query, key, value}.weight [W, W] and .bias [W], inner and outer
///              alike, and norms attention.norm, feed_forward.norm, final.norm
///
/// Throws as check_config().
std::vector<ParameterLayout> parameter_layout(const StateEncoderConfig& config);

/// The parameters of one attention_block() of state_encoder_net.h: its norm ("<name>.norm"), query, key and
/// value.
void add_attention_layout(std::vector<ParameterLayout>& out, const std::string& name, std::int32_t width);

/// NextItNet: six residual blocks of two convolutions, the second with twice the dilation of the first.
inline constexpr std::int32_t nextitnet_dilations[] = {1, 2, 1, 2, 1, 2};
/// Inside the square root of every layer norm.
inline constexpr double state_norm_epsilon = 1e-8;

}  // namespace veer::nn
