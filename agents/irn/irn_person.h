// IRN as person vectors: where the network stands between a history and a target, in a space whose item
// vectors are the rows of its output matrix. The likeliest item there is the one IRN shows next, so that the
// policy is RerankedNextItem with one candidate. Torch-free header.
//
// Thread-safety and ownership as in agents/guidance/person_vectors.h; the weights are shared.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agents/guidance/person_vectors.h"
#include "agents/irn/irn_model.h"

namespace veer::irn {

/// Histories to read, as the columns of a shard hold them.
struct IrnQuery {
  View<const ItemId> history;                ///< [n, H], oldest first, right-padded
  std::span<const std::int32_t> size;        ///< [n]
  std::span<const ItemId> target;            ///< [n], no_item: none
  std::span<const UserId> user;              ///< [n]
  std::span<const std::int32_t> steps_left;  ///< [n] items still to be placed before the target, 1 or more
};

/// [n, d + 1] read-outs, the last value of each 1. A history ends steps_left + 1 slots before the target's,
/// and gives up its oldest items, or steps its distance, where T slots are too few: steps count up to T / 2.
/// A row's read-out depends on that row and on H alone.
std::vector<float> read_out(const IrnModel& model, const IrnQuery& query);

class IrnPerson final : public PersonVectors {
 public:
  /// `horizon`: steps of an episode. People of the world are those of the data set IRN was trained on.
  IrnPerson(IrnModel model, std::int32_t horizon);

  std::int32_t width() const noexcept override { return model_.config().hidden + 1; }
  std::int32_t state_width() const noexcept override { return width(); }
  void begin(Rows, const Observation&, View<float> state, Workspace&) const override;
  void follow(Rows, const Observation&, View<float> state, Workspace&) const override;

 private:
  IrnModel model_;
  std::int32_t horizon_;
};

}  // namespace veer::irn
