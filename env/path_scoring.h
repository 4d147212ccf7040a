// Scores many paths under one user model on all threads, in blocks that do not depend on the thread count.
#pragma once

#include "env/user_model.h"

namespace veer {

/// Same result as UserModel::score_paths. Blocks hold whole prompts with about `block_paths` paths.
void score_paths_parallel(const UserModel& judge, const PathQuery& query, const PathScores& out,
                          std::int32_t block_paths = 64);

}  // namespace veer
