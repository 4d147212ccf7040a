// veer study ads: what ads earn against what people get, for agents that share a page and for plain pages.
#pragma once

#include <string>

#include "tools/veer/program.h"

namespace veer::tools {

struct AdsStudyOptions {
  int seeds = 3;  ///< trainings of every agent
  std::int64_t steps = 120'000;
  int episodes = 4000;
  std::string output;  ///< file of finished parts
};

void run_ads_study(const AdsStudyOptions& options, const Session& session);

}  // namespace veer::tools
