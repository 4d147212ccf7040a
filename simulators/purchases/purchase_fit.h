// Fits a purchase model to logs, and measures it on people it has not seen.
//
// Item shares are those of the same logs, so people would help to foretell themselves: whoever is fitted,
// their own events are taken out of all shares first. Weights by Newton's method on the log-likelihood with a
// ridge of 1e-3 of an event, at most 50 steps. Thread-safety: pure functions of data, options.
#pragma once

#include <cstdint>
#include <string>

#include "env/data/dataset.h"
#include "simulators/purchases/purchase_model.h"

namespace veer {

struct PurchaseFitOptions {
  Part people = Part::train_judge;    ///< whose logs are fitted; validation people measure the fit
  std::string purchase = "purchase";  ///< behaviour that is one; all others are not
  double prior = 20.0;                ///< imagined events of an average item, added to each item's own; > 0
  std::int32_t window = 10;           ///< newest items of a history that are read
};

/// How well purchases are foretold among the events of some people.
struct PurchaseFidelity {
  std::int64_t events = 0, purchases = 0;
  double log_loss = 0.0;         ///< mean, nats
  double log_loss_share = 0.0;   ///< of foretelling the share of purchases of the people fitted on, for all
  double log_loss_item = 0.0;    ///< of the item's share alone
  double auc = 0.5;              ///< probability that a purchase is thought likelier than a click
  double calibration_gap = 0.0;  ///< mean over ten equal groups by probability of |foretold - real| share
  double foretold_share = 0.0;   ///< mean probability
};

struct PurchaseFit {
  PurchaseModel model;
  std::int64_t events = 0, purchases = 0;  ///< fitted on
  std::int32_t steps = 0;                  ///< of Newton's method
  PurchaseFidelity fidelity;               ///< on validation people; zeros where there are none
};

/// Throws ConfigError for options out of range, DataError when the data set has no such behaviour, or its
/// people no purchase, or nothing but purchases.
PurchaseFit fit_purchases(const Dataset& data, const PurchaseFitOptions& options);

/// REQUIRES: as many items as the data set.
PurchaseFidelity purchase_fidelity(const PurchaseModel& model, const Dataset& data, Part people,
                                   const std::string& purchase);

}  // namespace veer
