#include "tools/veer/worlds/fusion_material.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {

PolicyRegistry all_policies(const std::string&) {
  PolicyRegistry registry;
  registry.add(weights_entry());
  return registry;
}

}  // namespace veer::tools
