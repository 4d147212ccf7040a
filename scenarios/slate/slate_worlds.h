// The worlds of slates that have a name, and what they are made of.
//
//   ml1m-session     9 slots, mean with cost, shortfall
//   rl4rs-session    9 slots, sweet point 0.9, shortfall
//   kuaisim-session  6 slots, mean of clicks, dissatisfaction, item correlation 0.2, doubled link
//   kuaisim-request  6 slots, mean of clicks, one unit of patience per request
//
// Every world runs without a download on made-up people whose parameters and seed stand in the source; with
// data, ml1m-session and rl4rs-session use the real items. Thread-safety: pure functions.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "scenarios/slate/slate.h"
#include "simulators/behaviours/behaviour_user.h"
#include "simulators/behaviours/synthetic_behaviours.h"
#include "simulators/response/response_user.h"

namespace veer {

struct SlateWorldEntry {
  std::string_view name;
  std::string_view summary;
  std::int32_t slots = 9;
  std::int32_t history = 50;
  SlateReward reward;
  PatienceCost patience_cost = PatienceCost::shortfall;
  ResponseOptions response;
};

std::span<const SlateWorldEntry> slate_worlds() noexcept;
/// Throws ConfigError listing the names there are.
const SlateWorldEntry& slate_world(std::string_view name);

/// People and the model that answers for them.
struct SlateMaterial {
  std::shared_ptr<const SlatePeople> people;
  std::shared_ptr<const ResponseModel> model;
  std::shared_ptr<const SlateLog> log{};  ///< what they were shown; null: unknown
  /// Instead of `model`, which is null then: people who do several things.
  std::shared_ptr<const BehaviourModel> behaviours{};

  const ItemFeatures& features() const noexcept { return model ? model->features : behaviours->features; }
};

/// What a world leaves open.
struct SlateChoices {
  /// Instead of the world's own, or of a model of behaviours the link of the loss it was fitted with:
  /// rl4rs-session in its saturated variant.
  std::optional<ResponseLink> link{};
  std::optional<Part> part{};  ///< whose starts; empty: everybody's
  float dropout = 0.0F;        ///< of the simulated people; the published environments: 0.2
  /// Whether all behaviours earn and please, not clicks alone: in kuaisim-session each by its odds in the
  /// log, dislikes negative, in kuaisim-request 1 each, dislikes nothing. Needs SlateMaterial::behaviours and
  /// a world whose reward is the mean of clicks; ConfigError else.
  bool all_behaviours = false;
  /// KuaiSim's correlation as its code has it: the cosine divided by the width of the vectors.
  bool published_correlation = false;
};

/// Steps after which a session of several behaviours is cut where people might stay for ever.
inline constexpr std::int32_t longest_pleased_session = 100;

/// What all_behaviours weighs by, for a world of mean_of_clicks.
SlateReward reward_of_behaviours(const SlateWorldEntry& world, const BehaviourModel& model);

/// The world of that name over this material.
SlateParameters slate_parameters(const SlateWorldEntry& world, const SlateMaterial& material,
                                 const SlateChoices& choices = {});

/// Of the made-up people of a world who do several things: parameters and seed stand in the source. 1,000
/// items; the truth is half as wide as KuaiSim's model and reads 40 places.
SyntheticBehaviourParameters made_up_behaviours(const SlateWorldEntry& world, std::int32_t people = 4000);
/// Them, and the truth as their model.
SlateMaterial synthetic_behaviour_material(const SlateWorldEntry& world, std::int32_t people = 4000);

/// Made-up people of a known truth (simulators/response/synthetic_response.h) for this world; parameters and
/// seed stand in the source. Without `features` the items are made up, too: 283 with 40 values for
/// rl4rs-session, 3,706 with 33 for the others.
SlateMaterial synthetic_slate_material(const SlateWorldEntry& world,
                                       std::optional<ItemFeatures> features = {}, std::int32_t people = 4000);

}  // namespace veer
