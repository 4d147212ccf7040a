// Made-up people who answer slates, with a known truth: the truth is itself a response model, its weights
// drawn from Philox and scaled so that scores have a given mean and spread. Every world of slates runs on
// these without a download, and a model fitted to their log can be held against what they really do.
//
// A person has ten categories and otherwise real values, passed through ln(x + 1) as RL4RS profiles are. They
// are shown random slates, click as the truth says (its sigmoid), and their history grows by what they click.
// Thread-safety: pure functions; people are made in parallel, each from keys of their own.
#pragma once

#include <cstdint>

#include "simulators/response/response_model.h"
#include "simulators/response/slate_people.h"

namespace veer {

struct SyntheticResponseParameters {
  std::int32_t people = 4000;
  std::int32_t profile = 42;  ///< values of a profile, at least 1
  std::int32_t history = 50;  ///< places of the truth
  std::int32_t slots = 9;
  std::int32_t slates_before = 10;  ///< random slates each person saw before the log begins
  std::int32_t slates = 10;         ///< logged slates per person
  bool merges_profile = false;
  float mean_score = 0.0F;   ///< of all pairs of person and item
  float popularity = 0.7F;   ///< deviation of what all people agree on, in score
  float personality = 1.0F;  ///< deviation of what they do not agree on
  std::uint64_t seed = 1;
};

struct SyntheticResponse {
  SlateData data;
  ResponseModel truth;
};

/// Standard normal features, for worlds without real items.
ItemFeatures synthetic_item_features(std::int32_t items, std::int32_t values, std::uint64_t seed);

/// People, their log and the truth over these items. Parts are assigned in turn: of ten people eight train
/// (alternating between planning models and judges), one validates, one tests. Throws ConfigError for
/// parameters out of range.
SyntheticResponse make_synthetic_response(ItemFeatures features,
                                          const SyntheticResponseParameters& parameters);

}  // namespace veer
