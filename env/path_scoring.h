// Scores many paths under one user model on all threads, in blocks that do not depend on the thread count.
#pragma once

#include <cstdint>

#include "env/loop/lanes.h"
#include "env/user_model.h"

namespace veer {

/// Same result as UserModel::score_paths, on all threads of the current arena. A block holds whole prompts,
/// at least `block_paths` paths of them (fewer at the end) or as many prompts. Only as many blocks are scored
/// at once as `cache_mb` megabytes of key/value caches allow, at least one; results do not depend on it.
void score_paths_parallel(const UserModel& judge, const PathQuery& query, const PathScores& out,
                          std::int32_t block_paths = 32, std::int64_t cache_mb = no_cache_bound);

}  // namespace veer
