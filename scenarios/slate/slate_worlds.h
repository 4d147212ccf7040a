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
};

/// What a world leaves open.
struct SlateChoices {
  std::optional<ResponseLink> link{};  ///< instead of the world's own: rl4rs-session in its saturated variant
  std::optional<Part> part{};          ///< whose starts; empty: everybody's
  float dropout = 0.0F;                ///< of the simulated people; the published environments: 0.2
};

/// The world of that name over this material.
SlateParameters slate_parameters(const SlateWorldEntry& world, const SlateMaterial& material,
                                 const SlateChoices& choices = {});

/// Made-up people of a known truth (simulators/response/synthetic_response.h) for this world; parameters and
/// seed stand in the source. Without `features` the items are made up, too: 283 with 40 values for
/// rl4rs-session, 3,706 with 33 for the others.
SlateMaterial synthetic_slate_material(const SlateWorldEntry& world,
                                       std::optional<ItemFeatures> features = {}, std::int32_t people = 4000);

}  // namespace veer
