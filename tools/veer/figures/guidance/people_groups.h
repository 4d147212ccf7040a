// Episodes by who the person is: how long a history they start with, how active they are in the logs, what
// they mostly take. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <string>

#include "env/data/dataset.h"
#include "env/loop/trajectories.h"
#include "scenarios/population_recipe.h"
#include "tools/veer/figures/guidance/group_report.h"

namespace veer::tools {

/// `by`: "history", items the episode begins with, and "activity", interactions of the person in the data
/// set: each in three groups of about equal size; "attribute": the one that most items of the starting
/// history have (the first named of equals), the five most frequent and the rest. People who are not in the
/// data set (made-up ones) are a group of their own where logs are asked about. The same for every policy
/// that plays these episodes. Throws ConfigError naming --by for another word, or for attributes where the
/// catalogue has none.
EpisodeGroups people_groups(const std::string& by, const Dataset& data, const Trajectories& paths);

/// By cohort: whose turn it was is a function of seed and episode. REQUIRES: the recipe these were played
/// with.
EpisodeGroups cohort_groups(const PopulationRecipe& recipe, const Trajectories& paths, std::uint64_t seed);

}  // namespace veer::tools
