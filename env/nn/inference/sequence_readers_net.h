// SASRec and GRU4Rec over ragged lists of items: weights prepared for row-major products, one pass per call.
// Needs LibTorch: include from .cpp files only. Immutable and shared; callers own keys, values and states.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "env/nn/inference/sequence_ops_net.h"

namespace veer::nn {

/// Items to read in one pass, in any order that puts no item before one it attends to in the same slot. All
/// vectors have one entry per item, but `read`.
struct Tokens {
  std::vector<std::int32_t> item;
  std::vector<std::int32_t> position;  ///< in the whole sequence: which position vector
  std::vector<std::int32_t> slot, at;  ///< where keys and values go, and that `at` + 1 of them are looked at
  std::vector<std::int32_t> shared_slot,
      shared_length;               ///< what comes before, in the shared keys; may be empty
  std::vector<std::int32_t> read;  ///< items whose read-out is wanted

  std::size_t size() const noexcept { return item.size(); }
  void add(std::int32_t item_id, std::int32_t position_index, std::int32_t slot_index, std::int32_t index);
};

class SasrecReader {
 public:
  SasrecReader(const SequenceNet& net, const SequenceOps& ops);

  KeyValues make_keys(std::int64_t slots, std::int32_t positions) const;
  /// Read-outs of tokens.read, padded to a multiple of 32 rows. REQUIRES: at least one token.
  torch::Tensor read(const Tokens& tokens, KeyValues& own, const KeyValues* shared) const;

 private:
  struct Layer {
    torch::Tensor query, query_bias, key_value, key_value_bias, output, output_bias, inner, inner_bias, outer,
        outer_bias;
    Norm attention_norm, outer_norm;
  };
  SequenceOps ops_;
  std::int32_t heads_;
  torch::Tensor items_, positions_;
  Norm input_norm_;
  std::vector<Layer> layers_;
};

class GruReader {
 public:
  GruReader(const SequenceNet& net, const SequenceOps& ops);

  /// Sequences of items as a flat list with offsets, and the hidden state before each [at least n rows, f].
  /// Returns the hidden states after every item, [padded tokens, f], in the order of the flat list. REQUIRES:
  /// at least one item.
  torch::Tensor run(const std::vector<std::int32_t>& items, const std::vector<std::int32_t>& offsets,
                    const torch::Tensor& initial) const;
  /// [n, f] to read-outs [n, d]. REQUIRES: n a multiple of 32.
  torch::Tensor readout(const torch::Tensor& hidden) const;

 private:
  SequenceOps ops_;
  torch::Tensor items_, input_, hidden_, readout_, readout_bias_;
};

}  // namespace veer::nn
