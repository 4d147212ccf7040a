// What sequence_encoder.cpp (rows that step) and sequence_paths.cpp (whole paths) share. Needs LibTorch:
// include from .cpp files only.
#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "env/nn/inference/sequence_encoder.h"
#include "env/nn/inference/sequence_readers_net.h"

namespace veer::nn {

/// About as many items per pass as keep every intermediate of a 64-wide network in a core's second-level
/// cache.
inline constexpr std::size_t pass_tokens = 1024;

/// A history or the newest part of one, and where its keys and read-out go.
struct Window {
  std::span<const ItemId> items;
  std::int32_t slot = 0;
  float* readout = nullptr;
};

/// Sequences of items one behind the other.
struct Flat {
  std::vector<std::int32_t> items, offsets{0};

  void add(std::span<const ItemId> sequence) {
    items.insert(items.end(), sequence.begin(), sequence.end());
    offsets.push_back(static_cast<std::int32_t>(items.size()));
  }
  std::vector<std::int32_t> last() const {
    std::vector<std::int32_t> out;
    for (std::size_t i = 1; i < offsets.size(); ++i) out.push_back(offsets[i] - 1);
    return out;
  }
};

/// The newest `most` of the first `size` items of a row.
inline std::span<const ItemId> newest(View<const ItemId> history, std::int32_t row, std::int32_t size,
                                      std::int32_t most) {
  const auto all = history.row(row).first(static_cast<std::size_t>(size));
  return all.last(static_cast<std::size_t>(std::min(size, most)));
}

/// The items a path adds to its prompt's history.
std::vector<ItemId> accepted_items(const PathQuery& query, std::size_t path);

inline torch::Tensor on_host(const torch::Tensor& values) {
  return values.is_cpu() ? values : values.to(torch::kCPU);
}

struct SequenceEncoder::Impl {
  SequenceConfig config;
  SequenceOps ops;
  std::optional<SasrecReader> sasrec;
  std::optional<GruReader> gru;

  /// Reads whole windows, leaving keys in `keys` and the last items' read-outs where the windows say.
  void read_windows(std::span<const Window> windows, KeyValues& keys) const;

  void write_rows(const torch::Tensor& rows, const std::vector<float*>& outs) const;

  /// The same for windows nobody will extend: slots are reused pass by pass.
  void read_windows_once(std::vector<Window>& windows) const;

  /// Runs each sequence of items from its row of `hidden` (host, f floats per row), leaves the state after
  /// its last item there and the read-out of that state in `readouts` (d floats per row).
  void move_states(std::span<const std::span<const ItemId>> sequences, std::vector<float>& hidden,
                   std::vector<float>& readouts) const;

  /// Moves the states of rows[i] past items[i] and writes them and their read-outs to the state column.
  void move_rows(Rows rows, std::span<const std::span<const ItemId>> items, bool from_start,
                 View<float> state) const;

  void read_sasrec_paths(const PathQuery& query, std::span<const std::vector<ItemId>> paths,
                         PathReadouts& out) const;
  void read_gru_paths(const PathQuery& query, std::span<const std::vector<ItemId>> paths,
                      PathReadouts& out) const;
};

}  // namespace veer::nn
