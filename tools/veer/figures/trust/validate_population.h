// veer validate people.toml: are the new people of a population like people they were not made from?
// Thread-safety: on the main thread.
#pragma once

#include <filesystem>
#include <memory>

#include "env/data/dataset.h"
#include "simulators/long_run/long_run.h"
#include "tools/veer/program.h"
#include "tools/veer/worlds/models.h"

namespace veer::tools {

/// For every cohort of new people: its members are cut into two random halves (Philox, Stream::scenario). A
/// distribution is fitted to one half, and people drawn from it are compared with windows of the logs of the
/// other: least_history + steps items, after as many items as new people have behind them. Throws ConfigError
/// when the file has no such cohort, DataError when a half has fewer than 20 people, and what Population
/// throws.
void validate_population(const std::filesystem::path& file, std::shared_ptr<const Dataset> data,
                         const LoadedModel& users, const long_run::Options& options, const Session& session);

}  // namespace veer::tools
