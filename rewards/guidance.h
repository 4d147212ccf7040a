// Step rewards of guidance: what one shown item did to the person's interest in the target.
//
// Source: "ProRL", arXiv 2605.28293, section on rewards. With H the history and i the item of step k,
//   IoI_k = ln p(target | H + i) - ln p(target | H)     sums over the path to the path's IoI
//   IoR_k = rank(target | H) - rank(target | H + i)     sums to the path's IoR
//   CTR_k = probability that i is accepted after H
// A refused item still has an IoI and IoR: it tires people, so it can move their interest. Sums of steps
// equal path values with and without refusals. Thread-safety: the functions are pure; a coherence term shares
// one immutable table between its copies.
#pragma once

#include "env/data/dataset.h"
#include "env/reward.h"

namespace veer {

/// Gain in natural log p(target). Reads interest.
RewardTerm increase_of_interest(float weight = 1.0F);

/// Places the target climbed. Reads interest. Scale: up to the catalogue size.
RewardTerm increase_of_rank(float weight = 1.0F);

/// Mean acceptance probability of what was shown, 0..1; 0 when nothing was shown.
RewardTerm click_probability(float weight = 1.0F);

/// Share of the shown items that were accepted, 0..1.
RewardTerm acceptance(float weight = 1.0F);

/// 1 when the target was shown and accepted in this step, whether or not the scenario ends the episode then.
RewardTerm target_accepted(float weight = 1.0F);

/// 1 when the first item of the step was accepted and shares an attribute with the newest history item before
/// it. The first step of an episode has no neighbour inside the path and gets 0, so that with every item
/// accepted the sum over an episode is (|P| - 1) times the path's Coherence in the paper's sense.
RewardTerm coherence(const Catalogue& catalogue, float weight = 1.0F);

/// -1 in the step after which the person left, else 0.
RewardTerm abandonment(float weight = 1.0F);

}  // namespace veer
