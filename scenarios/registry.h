// The worlds that exist, by name. An explicit list: adding a scenario means adding a line in registry.cpp.
// Thread-safety: pure functions.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "env/scenario.h"
#include "scenarios/fusion/fusion.h"
#include "scenarios/fusion/retention.h"
#include "scenarios/guidance.h"
#include "scenarios/session.h"
#include "scenarios/slate/slate.h"

namespace veer {

struct ScenarioEntry {
  std::string_view id;       ///< versioned, "guidance-v1"
  std::string_view summary;  ///< one line
};

/// What any of the scenarios may need; each reads its own part.
struct ScenarioParameters {
  GuidanceParameters guidance;
  SessionParameters session;
  SlateParameters slate;
  FusionParameters fusion;
  RetentionParameters retention;
};

std::span<const ScenarioEntry> scenarios() noexcept;

/// Throws ConfigError, naming the known ids, when there is no such scenario, and what its constructor throws.
std::unique_ptr<Scenario> make_scenario(std::string_view id, const ScenarioParameters& parameters);

}  // namespace veer
