// Reads people's histories with a next-item network as they grow, one item at a time: a person's vector is
// the network's read-out, in the space of its item vectors. Torch-free header.
//
// Thread-safety and ownership as in agents/guidance/person_vectors.h; the weights are shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "agents/guidance/person_vectors.h"
#include "env/nn/inference/sequence_encoder.h"
#include "env/nn/sequence_model.h"

namespace veer {

/// State of a row: the encoder's, then the step up to which its history has been read (exact in a float below
/// 2^24). Refused items leave no trace. Whoever skips steps is read again from the start.
class NetworkPerson final : public PersonVectors {
 public:
  explicit NetworkPerson(const nn::SequenceModel& model, nn::Kernels kernels = nn::Kernels::automatic);

  std::int32_t width() const noexcept override { return encoder_.config().hidden; }
  std::int32_t state_width() const noexcept override { return encoder_.state_width() + 1; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  std::size_t cache_bytes(const WorkspaceShape&) const noexcept override;
  void begin(Rows, const Observation&, View<float> state, Workspace&) const override;
  void follow(Rows, const Observation&, View<float> state, Workspace&) const override;

  /// The step up to which a row has been read.
  std::uint32_t step_of(std::span<const float> state) const noexcept {
    return static_cast<std::uint32_t>(state[at(encoder_.state_width())]);
  }

 private:
  nn::SequenceEncoder encoder_;
};

}  // namespace veer
