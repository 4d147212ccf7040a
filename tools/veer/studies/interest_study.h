// veer study interests: a manager and a worker against one flat agent where the long-term interest pays late.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/veer/program.h"

namespace veer::tools {

struct InterestStudyOptions {
  int seeds = 5;  ///< trainings of every agent at every delay
  std::int64_t steps = 120'000;
  int span = 5;  ///< steps of a goal, and of the flat agent's returns
  int episodes = 1000;
  std::vector<int> delays{5, 10, 20};
  std::string output;  ///< file of finished parts
};

void run_interest_study(const InterestStudyOptions& options, const Session& session);

}  // namespace veer::tools
