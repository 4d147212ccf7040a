// Recommends what a next-item network (SASRec, GRU4Rec) expects the person to take next: the usual sequential
// recommender, and the policy that never guides anywhere.
//
// Thread-safety and ownership as in env/policy.h; the weights are shared. Torch-free header.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "env/nn/inference/catalogue_scorer.h"
#include "env/nn/sequence_model.h"
#include "env/policy.h"

namespace veer {

struct NextItemOptions {
  std::string name = "next-item";
  bool repeat_history = false;  ///< may recommend what stands in the history
  /// Refused items it does not offer again, the newest ones: without this the most probable item, once
  /// refused, would be offered for ever, because a refusal leaves no trace in the history.
  std::int32_t refusals_remembered = 10;
};

/// Item policy. Mode::greedy takes the most probable item, Mode::sample draws from the softmax over the items
/// it may recommend (Stream::policy, lane 0); log_prob is the log-probability in that distribution in both
/// modes. Stops the episode only where it may recommend nothing at all.
std::unique_ptr<Policy> make_next_item(const nn::SequenceModel& model, const NextItemOptions& options = {},
                                       nn::Kernels kernels = nn::Kernels::automatic);

}  // namespace veer
