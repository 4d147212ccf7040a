// Policies on logs of transitions, where no network can be fitted.
#include "tools/veer/worlds/policy_on_log.h"

#include "env/error.h"

namespace veer::tools {

PolicyOnLog judge_on_log(const TransitionLog&, std::shared_ptr<const Policy>, const JudgingOptions&,
                         const Session&, bool) {
  throw ConfigError(
      "veer ope of a log of transitions needs LibTorch, which this build does not have; build with "
      "-DVEER_TORCH=ON");
}

std::shared_ptr<const Policy> policy_for_log(const TransitionLog&, const std::string&, const std::string&,
                                             const Session&) {
  return nullptr;
}

}  // namespace veer::tools
