// An offline agent as a policy: in every episode it shows what its head ranks first after the items taken so
// far. Torch-free header. Thread-safety and ownership as in env/policy.h; the weights are shared.
//
// PRL asks for a return at every step. The paper asks for the same multiple of the mean at every step; here,
// where a session goes on and pays as it goes, the wanted return of the whole session is that multiple of the
// mean at step 0, and what was obtained (a click or a purchase for every accepted item) is taken off it, as
// the returns of training are: R_{t+1} = R_t - lambda^t r_t. The step is the number of items taken so far.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agents/offline/offline_model.h"
#include "env/policy.h"

namespace veer::offline {

struct OfflinePolicyOptions {
  std::string name = "offline";
  bool repeats = false;  ///< may show what stands in the history
  /// Refused items, the newest ones, that are not shown again: a refusal leaves no trace in the history, so
  /// that the same item would come first for ever.
  std::int32_t refusals_remembered = 10;
  /// PRL: what was obtained is taken off the wanted return (true), or every step wants the same multiple of
  /// its mean (false).
  bool sequence_wise = true;
};

/// Item policy. Mode::greedy takes the item with the greatest score, Mode::sample draws from the softmax over
/// what may be shown (Stream::policy, lane 0); log_prob is the log-probability in that distribution in both
/// modes. Stops only where nothing may be shown.
std::unique_ptr<Policy> make_offline_policy(const OfflineModel& model,
                                            const OfflinePolicyOptions& options = {});

}  // namespace veer::offline
