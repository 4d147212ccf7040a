// veer study churn, where agents cannot be read.
#include "tools/veer/studies/churn_study.h"

#include "env/error.h"

namespace veer::tools {

void run_churn_study(ChurnStudyOptions&, const Session&) {
  throw ConfigError(
      "veer study churn needs LibTorch, which this build does not have; build with -DVEER_TORCH=ON");
}

}  // namespace veer::tools
