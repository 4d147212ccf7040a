// A log written out item by item, for tests.
#pragma once

#include <string>
#include <vector>

#include "env/data/dataset.h"

namespace veer::test {

/// One person per list, in this order.
inline Interactions log_of(const std::vector<std::vector<ItemId>>& people) {
  Interactions log;
  log.offsets.push_back(0);
  for (const auto& person : people) {
    log.user_ids.push_back(std::to_string(log.user_ids.size()));
    log.items.insert(log.items.end(), person.begin(), person.end());
    log.offsets.push_back(static_cast<std::int64_t>(log.items.size()));
  }
  return log;
}

}  // namespace veer::test
