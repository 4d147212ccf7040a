#include "agents/target_rule.h"

#include <array>

#include "agents/baselines/seen_items.h"

namespace veer {

PolicyParameter allow_target_parameter() {
  return {"allow_target", "auto|true|false", "auto",
          "may the target itself be shown; auto: where answers are sampled"};
}

bool allow_target(const PolicyContext& context, const PolicyParameters& parameters) {
  constexpr std::array<std::string_view, 3> choices{"auto", "true", "false"};
  const std::size_t chosen = parameters.choice("allow_target", 0, choices);
  return chosen == 0 ? target_may_be_shown(context.world.acceptance) : chosen == 1;
}

}  // namespace veer
