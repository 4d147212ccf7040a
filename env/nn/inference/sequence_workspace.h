// The scratch of whoever reads histories with a SequenceEncoder, user model or policy: the key/value cache of
// the shard it last worked on. Owned by one worker at a time.
#pragma once

#include <memory>
#include <utility>

#include "env/nn/inference/sequence_encoder.h"
#include "env/workspace.h"

namespace veer::nn {

class SequenceWorkspace final : public Workspace {
 public:
  explicit SequenceWorkspace(std::unique_ptr<SequenceCache> kept) : cache_(std::move(kept)) {}

  /// The cache, emptied first when it describes another shard.
  SequenceCache& cache(std::int32_t shard) {
    if (owner != shard) cache_->forget();
    owner = shard;
    return *cache_;
  }

 private:
  std::unique_ptr<SequenceCache> cache_;
};

}  // namespace veer::nn
