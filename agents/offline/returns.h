// Returns that a prompt asks for: what was collected from an event on, and how much that is on average.
// Torch-free; pure functions and value types. Source: Xin et al., "PRL", SIGIR 2022 (arXiv 2206.07353) and
// its released code: R_t is the sum over k >= t of lambda^k r_k, the exponent counted from the session's
// start; the scalar of the prompt is the ratio of R_t to its mean over sessions that reach step t.
#pragma once

#include <cstdint>
#include <vector>

#include "agents/offline/agent_options.h"
#include "agents/offline/session_log.h"

namespace veer::offline {

/// R_t of every event.
std::vector<float> returns_to_go(const SessionLog& log, float decay);

/// Mean R_t over the sessions that reach step t, for t = 0..prompt_steps-1, all later steps in the last; a
/// step that no session reaches has the mean of the one before.
std::vector<float> mean_returns(const SessionLog& log, std::span<const float> returns);

/// Step that a prompt names.
constexpr std::int32_t prompt_step(std::int32_t step) noexcept {
  return step < prompt_steps ? step : prompt_steps - 1;
}

}  // namespace veer::offline
