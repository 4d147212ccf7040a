// Fits a model of behaviours to logged slates: Adam on the sum over behaviours of the mean binary
// cross-entropy of every shown item.
//
// Most behaviours are rare. As published, an item with which something was not done weighs as much less as
// such items are more frequent, which moves the log-odds of a prediction by the logarithm of the odds in the
// log. The published code answers with what comes out; here the model gets that logarithm as an offset, so
// that its probabilities are those of the log.
//
// Source: KuaiSim (NeurIPS 2023), training of the immediate response model. Determinism: weights, order and
// dropout masks come from Philox, gradients are summed in order: equal seeds give equal bits on one CPU type
// for any number of threads.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "simulators/behaviours/behaviour_model.h"
#include "simulators/fitting/response_fit.h"
#include "simulators/response/slate_people.h"

namespace veer {

struct BehaviourFitOptions {
  ResponseLoss loss = ResponseLoss::plain;  ///< of each behaviour; saturated: the model answers doubled
  bool balanced = true;                     ///< whether what was not done weighs less
  std::int32_t epochs = 10;
  std::int32_t batch = 128;  ///< slates
  float learning_rate = 1e-4F;
  float dropout = 0.1F;
  std::uint64_t seed = 19;
  BehaviourSizes sizes;  ///< blocks are the caller's; items follow from the features
};

/// `slates`: numbers of the log's slates that may be used; see slates_of(). `on_epoch` gets the mean loss.
/// The model's odds are those of these slates. Throws ConfigError for options out of range or slates that are
/// none.
BehaviourModel fit_behaviour_model(const SlateData& data, ItemFeatures features,
                                   std::span<const std::int64_t> slates, const BehaviourFitOptions& options,
                                   const std::function<void(std::int32_t epoch, double loss)>& on_epoch = {});

}  // namespace veer
