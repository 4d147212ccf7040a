// The worlds that workloads run in: logs of any catalogue size, random weights, nothing to download.
// Thread-safety: pure functions of their arguments.
#pragma once

#include <cstdint>
#include <memory>

#include "env/data/dataset.h"

namespace veer::bench {

/// `people` logs of `events` distinct-ish random items each, everybody in Part::test. Only sizes matter here:
/// nothing is learned from it. No attributes.
std::shared_ptr<const Dataset> random_logs(std::int32_t items, std::int32_t people, std::int32_t events,
                                           std::uint64_t seed);

}  // namespace veer::bench
