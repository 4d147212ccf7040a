// Scratch memory that belongs to one shard at a time: key/value caches, gathered rows, private batches.
#pragma once

#include <cstdint>

#include "env/types.h"

namespace veer {

/// Nothing in a workspace may change a result: a model that finds it owned by another shard rebuilds what it
/// needs from the shard's columns. Not thread-safe: one worker uses it at a time.
class Workspace {
 public:
  virtual ~Workspace() = default;

  /// Index of the shard whose rows the contents describe, or -1: nothing usable. The engine resets it to -1
  /// when it lends the workspace to another shard; the model sets it once the contents are valid.
  std::int32_t owner = -1;
};

/// What a workspace is made for.
struct WorkspaceShape {
  std::int32_t rows = 0;              ///< rows of a shard
  std::int32_t history_capacity = 0;  ///< width of the history column
  std::int32_t slots = 1;
  std::int32_t horizon = 0;
};

}  // namespace veer
