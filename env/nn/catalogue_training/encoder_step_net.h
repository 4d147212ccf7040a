// Forward and backward of everything below the heads of a next-item network, over fixed shards of rows, so
// that an agent writes its loss and nothing else.
//
// How a network is put together:
//   - FlatParameters hold what is small: the encoder's parameters (parameter_layout of its configuration) and
//     whatever a ReadOut adds behind them; every shard has a graph and a gradient of its own.
//   - CatalogueTable holds what has a row per item: the item vectors here, the heads in the agent.
//   - One update: encoder_step(net, batch, key, loss), where `loss` is given the outputs of all rows, reads
//     heads with them (catalogue_head.h adds to the heads' gradients) and writes the gradient of the outputs;
//     then update() of the parameters, of the items and of the heads.
//   - Target networks, next states and evaluation: encode_states().
//
// Needs LibTorch: include it from .cpp files only. One thread calls, inside the arena whose workers shall
// help. CPU. Determinism: shards have encoder_shard_rows rows whatever the batch and the threads, the last
// one filled up with empty histories, so a row's bits do not depend on its neighbours.
#pragma once

#include <functional>

#include "env/nn/catalogue_training/catalogue_table.h"
#include "env/nn/state_encoders/state_batch.h"
#include "env/nn/state_encoders/state_encoder_net.h"
#include "env/nn/training/flat_parameters_net.h"
#include "env/types.h"

namespace veer::nn {

inline constexpr std::int32_t encoder_shard_rows = 64;

/// Rows of the batch that a shard works on. Rows from `used` on are empty histories that fill the shard up.
struct ShardRows {
  std::int32_t first = 0;
  std::int32_t used = 0;
};

/// What a network makes of the encoder's output before its heads (a prompt, for one): [encoder_shard_rows,
/// width], by autograd-able operations. Called from many threads at once.
using ReadOut = std::function<torch::Tensor(const NetworkParameters& parameters, const EncoderOutput& encoded,
                                            const ShardRows& rows, DropoutMasks& dropout)>;

struct EncoderNet {
  StateEncoderConfig config;
  FlatParameters* parameters = nullptr;  ///< not owned
  CatalogueTable* items = nullptr;       ///< not owned
  ReadOut read_out;                      ///< null: the encoder's state
  std::int32_t output_width = 0;         ///< of the read-out; 0: config.output_width()

  std::int32_t width() const noexcept { return output_width > 0 ? output_width : config.output_width(); }
};

/// outputs [B, width] of the whole batch; gradient [B, width] arrives as zeros and is to hold the gradient of
/// the loss.
using OutputLoss = std::function<void(View<const float> outputs, View<float> gradient)>;

/// One forward and backward pass: leaves the gradient of the loss in net.parameters (as accumulate() does)
/// and adds it to net.items. Dropout masks are keyed by (seed, first_example + row, update); null: none.
void encoder_step(const EncoderNet& net, const StateBatch& batch, const DropoutKey* dropout,
                  const OutputLoss& loss);

/// The outputs alone, [B, width].
void encode_states(const EncoderNet& net, const StateBatch& batch, const DropoutKey* dropout,
                   View<float> out);
/// The same from weights that nobody trains.
void encode_states(const StateEncoderConfig& config, const NetworkParameters& parameters,
                   const CatalogueWeights& items, const ReadOut& read_out, const StateBatch& batch,
                   View<float> out);

}  // namespace veer::nn
