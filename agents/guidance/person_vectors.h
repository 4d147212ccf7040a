// Where a person stands in the space of item vectors, step by step: what guiders that score items against a
// person read. Implemented over fitted networks by agents/sequential/network_person.h.
//
// Thread-safety and ownership as in env/policy.h: immutable and shared; what is remembered about a row is in
// the caller's state and workspace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "env/policy.h"

namespace veer {

class PersonVectors {
 public:
  virtual ~PersonVectors() = default;

  virtual std::int32_t width() const noexcept = 0;  ///< d
  /// Floats per row. The vector stands in the first d of them.
  virtual std::int32_t state_width() const noexcept = 0;

  virtual std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const {
    return std::make_unique<Workspace>();
  }
  virtual std::size_t cache_bytes(const WorkspaceShape&) const noexcept { return 0; }

  /// `rows` start a new episode: reads their histories.
  virtual void begin(Rows rows, const Observation& seen, View<float> state, Workspace& workspace) const = 0;
  /// Moves `rows` to where they stand at this step of the episode. Rows that are there already, and inactive
  /// ones, stay as they are.
  virtual void follow(Rows rows, const Observation& seen, View<float> state, Workspace& workspace) const = 0;
};

}  // namespace veer
