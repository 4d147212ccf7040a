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

/// People and the model that answers for them; see synthetic_response.h for made-up ones.
struct SlateMaterial {
  std::shared_ptr<const SlatePeople> people;
  std::shared_ptr<const ResponseModel> model;
};

/// The world of that name over this material. `link` replaces the world's own (soft, saturated).
SlateParameters slate_parameters(const SlateWorldEntry& world, const SlateMaterial& material,
                                 std::optional<ResponseLink> link = {}, std::optional<Part> part = {});

}  // namespace veer
