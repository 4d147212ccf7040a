// How far a gain can be believed that a model of people reports: does it stand under other models, too?
//
// A policy that plans with a model, or was trained against it, may have found what the model gets wrong
// instead of what people like. Its gain then shows under that model ("own") and shrinks under those fitted on
// their own. Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "rewards/crossed.h"

namespace veer {

/// Of one candidate: paired differences to the baseline in the same episodes.
struct GainEvidence {
  Estimate own;                      ///< under the model it may have exploited
  std::vector<Estimate> others;      ///< under each of the other judges
  std::vector<Estimate> shortfalls;  ///< own gain minus that under each of the others
};

enum class GainVerdict : std::uint8_t {
  no_gain,     ///< no gain shown under its own model
  shared,      ///< it gains under its own model and under at least one other
  own_only,    ///< flagged: it gains under its own model, under no other, and falls short under every other
  open,        ///< it gains under its own model; the others cannot tell: more episodes
  unexamined,  ///< there is no other judge
};
std::string_view name_of(GainVerdict verdict) noexcept;

/// One verdict per candidate at a level of 5 % for wrong findings: the p-values of own gains, of gains under
/// others and of shortfalls are each corrected by Holm over all candidates and judges.
std::vector<GainVerdict> verdicts_on_gains(std::span<const GainEvidence> candidates);

}  // namespace veer
