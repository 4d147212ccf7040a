// How well a fitted reward holds on people it has not seen. Thread-safety: pure functions, parallel inside.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "env/data/dataset.h"
#include "rewards/fitted/reward_model.h"

namespace veer {

/// How likely people's own choices are under softmax(Q / temperature), and under the items' shares.
struct ChoiceFidelity {
  std::int64_t events = 0;
  double log_loss = 0.0;            ///< mean, nats per choice
  double log_loss_frequency = 0.0;  ///< of the share of the item among the events of `fitted`, each item's
                                    ///< count one higher than it is
};

/// Of the first member, over the logs of `people`, at most `most` events taken at even distances. REQUIRES:
/// as many items as the data set.
ChoiceFidelity choice_fidelity(const RewardModel& model, const Dataset& data, std::span<const UserId> fitted,
                               std::span<const UserId> people, std::int64_t most = 20'000);

/// Whether purchases are worth more than what was taken and not bought.
struct PurchaseAgreement {
  std::int64_t events = 0, purchases = 0;
  double auc = 0.5;  ///< probability that a purchase has the higher value, ties by half
};

/// Zeros and 0.5 where the data set has no such behaviour. `most` as above.
PurchaseAgreement purchase_agreement(const RewardModel& model, const Dataset& data,
                                     std::span<const UserId> people, const std::string& purchase,
                                     std::int64_t most = 20'000);

}  // namespace veer
