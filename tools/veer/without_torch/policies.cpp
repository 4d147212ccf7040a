#include "tools/veer/worlds/world.h"

namespace veer::tools {

PolicyRegistry all_policies(const std::string&) { return PolicyRegistry(); }

}  // namespace veer::tools
