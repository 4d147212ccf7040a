// Fits a response model to logged slates: Adam on the mean binary cross-entropy of every shown item.
//
// Source: HAC (WWW 2023), training of the user response model. Determinism: weights, order and dropout masks
// come from Philox, sums run in index order: equal seeds give equal bits on one CPU type.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "simulators/response/response_model.h"
#include "simulators/response/slate_people.h"

namespace veer {

enum class ResponseLoss : std::uint8_t {
  plain,      ///< cross-entropy of sigmoid(score)
  saturated,  ///< of sigmoid(sigmoid(score)), the published code's: drives rates towards 0 and 1
};

struct ResponseFitOptions {
  ResponseLoss loss = ResponseLoss::plain;
  std::int32_t epochs = 2;
  std::int32_t batch = 128;  ///< slates
  float learning_rate = 1e-3F;
  float penalty = 3e-4F;  ///< times the sum over weight arrays of their mean square; the merge layer is free
  float dropout = 0.2F;
  std::uint64_t seed = 19;
  std::int32_t hidden = 256;
  std::int32_t history = 50;
  bool merges_profile = false;
};

/// `slates`: numbers of the log's slates that may be used; see slates_of(). `on_epoch` gets the mean loss,
/// penalty included. Throws ConfigError for options out of range or slates that are none.
ResponseModel fit_response_model(const SlateData& data, ItemFeatures features,
                                 std::span<const std::int64_t> slates, const ResponseFitOptions& options,
                                 const std::function<void(std::int32_t epoch, double loss)>& on_epoch = {});

}  // namespace veer
