// Made-up people who do several things with the items of slates, with a known truth: the truth is itself a
// model of behaviours, drawn from Philox, so that a model fitted to their log can be held against what they
// really do, and every world of slates runs without a download.
//
// Somebody has two features of six and of eight kinds, one of each; items have their blocks as given. People
// are shown random slates, do what the truth says (its sigmoid, every behaviour by itself), and their history
// grows by what they click. Thread-safety: pure functions; people are made in parallel, each from keys of
// their own.
#pragma once

#include <cstdint>
#include <vector>

#include "simulators/behaviours/behaviour_model.h"
#include "simulators/response/slate_people.h"

namespace veer {

struct SyntheticBehaviourParameters {
  std::int32_t people = 4000;
  std::int32_t items = 1000;
  BehaviourSizes sizes;  ///< of the truth; blocks, items and ids are set by the generator
  std::int32_t slots = 6;
  std::int32_t slates_before = 8;  ///< random slates each person saw before the log begins
  std::int32_t slates = 10;        ///< logged slates per person
  /// How often things are done, [behaviours]; empty: 0.4 for the click, 0.25, 0.06, 0.04, 0.03, 0.02 and 0.02
  /// for what follows.
  std::vector<double> rates;
  float spread = 1.2F;  ///< deviation of scores over pairs of a person and an item
  std::uint64_t seed = 1;
};

struct SyntheticBehaviours {
  SlateData data;
  BehaviourModel truth;  ///< its odds are those of the log
};

/// Parts are assigned in turn: of ten people eight train (alternating between planning models and judges),
/// one validates, one tests. Throws ConfigError for parameters out of range.
SyntheticBehaviours make_synthetic_behaviours(const SyntheticBehaviourParameters& parameters);

}  // namespace veer
