#include "agents/sequential/network_person.h"

#include <algorithm>
#include <vector>

#include "env/nn/inference/sequence_workspace.h"

namespace veer {
namespace {

nn::SequenceCache& cache_of(const Observation& seen, Workspace& workspace) {
  return static_cast<nn::SequenceWorkspace&>(workspace).cache(seen.shard_index);
}

}  // namespace

NetworkPerson::NetworkPerson(const nn::SequenceModel& model, nn::Kernels kernels)
    : encoder_(model, kernels) {}

std::unique_ptr<Workspace> NetworkPerson::make_workspace(const WorkspaceShape& shape) const {
  return std::make_unique<nn::SequenceWorkspace>(encoder_.make_cache(shape.rows, shape.history_capacity));
}

std::size_t NetworkPerson::cache_bytes(const WorkspaceShape& shape) const noexcept {
  return encoder_.cache_bytes(shape.rows, shape.history_capacity);
}

void NetworkPerson::begin(Rows rows, const Observation& seen, View<float> state, Workspace& workspace) const {
  for (const std::int32_t row : rows) {
    state(row, encoder_.state_width()) = static_cast<float>(seen.step(row));
  }
  encoder_.begin(rows, seen.history, seen.history_size, state, cache_of(seen, workspace));
}

void NetworkPerson::follow(Rows rows, const Observation& seen, View<float> state,
                           Workspace& workspace) const {
  std::vector<std::int32_t> moved, added, again;
  for (const std::int32_t row : rows) {
    const std::uint32_t known = step_of(state.row(row));
    if (seen.active(row) == 0 || seen.step(row) == known) continue;
    if (seen.step(row) != known + 1) {
      again.push_back(row);
      continue;
    }
    std::int32_t count = 0;
    for (std::int32_t slot = 0; slot < seen.last_items.width(); ++slot) {
      const bool accepted = (seen.last_feedback(row, slot) & feedback::accepted) != 0;
      count += seen.last_items(row, slot) != no_item && accepted ? 1 : 0;
    }
    moved.push_back(row);
    added.push_back(std::min(count, seen.history_size(row)));
    state(row, encoder_.state_width()) = static_cast<float>(seen.step(row));
  }
  if (!moved.empty()) {
    encoder_.advance(moved, seen.history, seen.history_size, added, state, cache_of(seen, workspace));
  }
  if (!again.empty()) begin(again, seen, state, workspace);
}

}  // namespace veer
