// Verdicts of a stress suite: whether a policy still delivers what a gate asks, does not, or nobody can say
// yet. Pure functions.
//
// Every gate is turned into one number per episode whose mean must not be negative (its slack). Two one-sided
// tests by the bootstrap over people: `pass` needs the hypothesis of a negative mean rejected, `fail` that of
// a mean of 0 or more. Replicates are stretched by sqrt(n / (n - 1)) (1 + (z^2 + 1) / (4 (n - 1))), z
// = 1.645, which is the variance that resampling n people hides and Student's t for the normal. Over all
// gates of one policy each of the two families of tests is corrected by Holm's method, so that the chance of
// any false pass in a suite is at most the level, and so is that of any false fail.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/crossed.h"
#include "scenarios/stress/suite.h"

namespace veer::stress {

/// "return keeps 50 %": what a gate asks for.
std::string gate_text(const StressGate& gate);

/// The slack of every episode. `baseline`: of the policy compared with, only read by not_worse. REQUIRES: the
/// same episodes at the same places.
std::vector<float> slack_of(const StressGate& gate, std::span<const float> stressed,
                            std::span<const float> calm, std::span<const float> baseline);

enum class Verdict : std::uint8_t { pass, fail, undecided, none };  ///< none: no gate asks for anything
std::string_view name_of(Verdict verdict) noexcept;

struct GateEvidence {
  Estimate slack;                     ///< mean with its 95 % interval; 0 or more is asked for
  double p_pass = 1.0, p_fail = 1.0;  ///< one-sided, before correction
};

/// REQUIRES: at least one episode. Fewer than two people leave p at 1.
GateEvidence weigh(std::span<const float> slack, std::span<const UserId> people,
                   const CrossedOptions& options);

/// The same where what a policy delivers comes from other people than what is asked of it (cohort_mix): slack
/// is the mean of `delivered`, of the episodes of `by`, less that of `asked`, of the episodes of `of`. A
/// replicate draws everybody once, wherever they play.
GateEvidence weigh_apart(std::span<const float> delivered, std::span<const UserId> by,
                         std::span<const float> asked, std::span<const UserId> of,
                         const CrossedOptions& options);

/// What says whether a gate is passed, from values per episode: of the policy under stress and in the calm
/// world, and of the policy it is compared with under the same stress (empty: none). `guests` and `people`:
/// who played under stress and in the calm world; where others come, the share that a gate keeps is of what
/// those brought whom they replace.
GateEvidence weigh_gate(const StressGate& gate, std::span<const float> stressed, std::span<const float> calm,
                        std::span<const float> baseline, std::span<const UserId> guests,
                        std::span<const UserId> people, const CrossedOptions& options);

/// One verdict per gate. `level`: of either error over all of them, such as 0.05.
std::vector<Verdict> decide(std::span<const GateEvidence> gates, double level);

/// fail if any failed, else undecided if any is, else pass.
Verdict overall(std::span<const Verdict> verdicts) noexcept;

}  // namespace veer::stress
