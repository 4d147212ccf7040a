// veer study churn: what trained agents of slates keep of their reward when a part of the catalogue is
// replaced. Needs a build with LibTorch: defined in with_torch/churn_study.cpp.
#pragma once

#include <string>
#include <vector>

#include "tools/veer/program.h"
#include "tools/veer/worlds/world_options.h"

namespace veer::tools {

struct ChurnStudyOptions {
  WorldOptions world;                 ///< of slate-v1
  std::vector<std::string> policies;  ///< METHOD=FILE; files of one method are its seeds
  double share = 0.1;
  int episodes = 1000;
};

void run_churn_study(ChurnStudyOptions& options, const Session& session);

}  // namespace veer::tools
