// The frozen network that turns a history into the taste a person starts with.
//
// Thread-safety: Reader is immutable and shared; a ReaderWorkspace belongs to one worker at a time.
// Torch-free header.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/nn/inference/sequence_encoder.h"
#include "env/nn/sequence_model.h"
#include "env/types.h"
#include "env/workspace.h"

namespace veer::shift {

/// Scratch of people of this kind; nothing in it outlives a call.
class ReaderWorkspace final : public Workspace {
 public:
  /// Room for `rows` read-outs of `width` floats; the former ones are gone.
  View<float> readouts(std::int32_t rows, std::int32_t width) {
    readouts_.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(width));
    return {readouts_.data(), rows, width};
  }

 private:
  friend class Reader;
  std::unique_ptr<nn::SequenceCache> cache_;  ///< for `rows_` histories, `width_` wide
  std::int32_t rows_ = 0, width_ = 0;
  std::vector<float> readouts_;
};

class Reader {
 public:
  explicit Reader(const nn::SequenceModel& network);

  const nn::SequenceModel& network() const noexcept { return network_; }
  const nn::SequenceEncoder& encoder() const noexcept { return encoder_; }
  /// SHA-256 of sizes and weights.
  const std::string& id() const noexcept { return id_; }

  /// See HistoryReader::read.
  void read(Rows rows, View<const ItemId> history, View<const std::int32_t> size, View<float> readouts,
            ReaderWorkspace& workspace) const;

 private:
  nn::SequenceModel network_;
  nn::SequenceEncoder encoder_;
  std::string id_;
};

}  // namespace veer::shift
