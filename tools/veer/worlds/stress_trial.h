// Policies through a stress suite: every test and the calm world in the same episodes, figures of resilience,
// and a verdict per gate. Call inside the Runtime's arena. What `veer stress` runs and prints.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "scenarios/stress/gates.h"
#include "scenarios/stress/resilience.h"
#include "scenarios/stress/suite.h"
#include "tools/veer/worlds/playing.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {

class LiveBoard;

struct TrialOptions {
  PlayOptions play;
  std::filesystem::path output;  ///< a run directory per test below it; empty: nothing is kept
  std::string baseline;          ///< a policy, for gates that compare; empty where none does
  stress::AnswerWorth worth;
  LiveBoard* watch = nullptr;  ///< not owned; told which world is played
  double level = 0.05;         ///< of wrong passes, and of wrong fails, over the gates of a policy
};

struct TestedGate {
  std::size_t test = 0, gate = 0;  ///< places in the suite
  stress::GateEvidence evidence;
  stress::Verdict verdict = stress::Verdict::undecided;
};

struct TestedPolicy {
  std::string policy;
  std::vector<stress::Resilience> tests;  ///< as in the suite
  std::vector<TestedGate> gates;
  stress::Verdict verdict = stress::Verdict::undecided;  ///< pass where the suite has no gates for it
  std::string failure{};  ///< not empty: it broke its contract so, and is judged no further: verdict fail
};

struct Trial {
  stress::StressSuite suite;
  std::int64_t episodes = 0, people = 0;
  std::vector<TestedPolicy> policies;
};

/// Plays what is missing and judges all of it. Leaves the world calm. The baseline has no gates that compare
/// it with itself. Throws ConfigError where people do not decide (guidance-v1), where a test or gate cannot
/// be played in this world, and where the baseline does not play; and what playing throws.
Trial run_trial(World& world, const std::vector<Entrant>& entrants, const stress::StressSuite& suite,
                const TrialOptions& options, const Console& console);

std::string trial_text(const Trial& trial, const Console& console);
nlohmann::ordered_json trial_json(const Trial& trial);
/// policy,test,step,calm,stressed: what every step brought, for plots.
std::string trial_csv(const Trial& trial);

}  // namespace veer::tools
