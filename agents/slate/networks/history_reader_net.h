// How slate agents read histories when they act: the forward pass of history_encoder.h with the item side
// tabulated and every product packed once, a few people at a time so that all of it stays in a core's
// second-level cache. Needs LibTorch: include it from .cpp files only.
//
// Thread-safety: immutable and shared; a call keeps its scratch to itself. Ownership: shares the network's
// weights. Determinism: a person's state depends on that person alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "agents/slate/networks/history_encoder.h"
#include "env/nn/network_parameters_net.h"
#include "env/nn/sequence_net.h"
#include "env/random.h"
#include "env/types.h"

namespace veer::slate {

class HistoryReader {
 public:
  /// `vectors`: [N+1, features].
  HistoryReader(const nn::NetworkParameters& parameters, const HistoryEncoderConfig& config,
                View<const float> vectors);
  ~HistoryReader();
  HistoryReader(HistoryReader&&) noexcept;

  /// States [history.rows(), width], packed, of histories (oldest first, right-padded, size(r) items each).
  /// `keys`: empty, or one per row: then config.dropout is on, with the masks that encode_histories() draws
  /// for histories of config.positions places.
  void read(View<const ItemId> history, View<const std::int32_t> size, std::span<const StepKey> keys,
            float* out) const;

  const nn::SequenceNet& net() const noexcept;  ///< as a SASRec's: its item table is g(x), [N+1, width]

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace veer::slate
