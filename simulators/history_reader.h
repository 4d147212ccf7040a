// User models that read a history once, with a frozen network, and start a person from that read-out alone.
//
// The reading is most of what such people cost, so models with the same network can share it: an ensemble
// reads once and starts each of its members from the same read-outs. Whether it does changes no result.
// Thread-safety, ownership and determinism as in env/user_model.h. Torch-free.
#pragma once

#include <cstdint>
#include <string>

#include "env/types.h"
#include "env/user_model.h"
#include "env/workspace.h"

namespace veer {

class HistoryReader {
 public:
  virtual ~HistoryReader() = default;

  /// Equal for two models exactly when they read every history alike, bit for bit.
  virtual const std::string& reader_id() const noexcept = 0;
  virtual std::int32_t readout_width() const noexcept = 0;

  /// Reads the histories of `rows` (oldest first, right-padded) into the same rows of `readouts`
  /// [history.rows(), readout_width()]. `workspace`: of this model; callers own it.
  virtual void read(Rows rows, View<const ItemId> history, View<const std::int32_t> size,
                    View<float> readouts, Workspace& workspace) const = 0;

  /// UserModel::begin for what was read: `readouts` has a row for every row of the shard.
  virtual void begin_read(Rows rows, View<const float> readouts, Shard& shard) const = 0;
  /// UserModel::score_paths for what was read: `readouts` has a row for every prompt.
  virtual void score_read(View<const float> readouts, const PathQuery& query,
                          const PathScores& out) const = 0;
};

}  // namespace veer
