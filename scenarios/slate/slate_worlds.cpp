#include "scenarios/slate/slate_worlds.h"

#include <array>
#include <string>
#include <utility>

#include "env/error.h"
#include "simulators/response/synthetic_response.h"

namespace veer {
namespace {

constexpr SlateReward with_cost{.kind = SlateRewardKind::mean_with_cost};
constexpr SlateReward sweet{.kind = SlateRewardKind::sweet_point};
constexpr SlateReward clicks{.kind = SlateRewardKind::mean_of_clicks};

constexpr std::array<SlateWorldEntry, 4> worlds = {{
    {"ml1m-session",
     "slates of 9, a click earns 1 and a miss costs 0.1; whoever finds little goes early",
     9,
     50,
     with_cost,
     PatienceCost::shortfall,
     {}},
    {"rl4rs-session",
     "slates of 9 that earn most with 8 clicks; whoever finds less or more goes earlier",
     9,
     50,
     sweet,
     PatienceCost::shortfall,
     {}},
    {"kuaisim-session",
     "slates of 6 whose alike items are clicked less; sessions of 10 to 20 slates",
     6,
     100,
     clicks,
     PatienceCost::dissatisfaction,
     {.link = ResponseLink::doubled, .correlation = 0.2F}},
    {"kuaisim-request",
     "20 slates of 6 for everybody, each judged by itself",
     6,
     100,
     clicks,
     PatienceCost::request,
     {.link = ResponseLink::doubled}},
}};

}  // namespace

std::span<const SlateWorldEntry> slate_worlds() noexcept { return worlds; }

const SlateWorldEntry& slate_world(std::string_view name) {
  std::string known;
  for (const SlateWorldEntry& world : worlds) {
    if (world.name == name) return world;
    known += (known.empty() ? "" : ", ") + std::string(world.name);
  }
  throw ConfigError({.file = {}, .line = 0, .field = "world of slates"},
                    {"'" + std::string(name) + "'", "one of " + known, {}});
}

SlateParameters slate_parameters(const SlateWorldEntry& world, const SlateMaterial& material,
                                 const SlateChoices& choices) {
  ResponseOptions response = world.response;
  if (choices.link) response.link = *choices.link;
  response.dropout = choices.dropout;
  SlateParameters p;
  p.people = material.people;
  p.users = make_response_user(material.model, material.people, response);
  p.slots = world.slots;
  p.history = world.history;
  p.reward = world.reward;
  p.patience_cost = world.patience_cost;
  p.part = choices.part;
  return p;
}

SlateMaterial synthetic_slate_material(const SlateWorldEntry& world, std::optional<ItemFeatures> features,
                                       std::int32_t people) {
  const bool session = world.reward.kind == SlateRewardKind::sweet_point;
  const bool movies = world.reward.kind == SlateRewardKind::mean_with_cost;
  // Fixed before any agent was run on them: another seed or spread is another world.
  SyntheticResponseParameters p{.people = people,
                                .profile = movies ? 30 : 42,
                                .history = world.history,
                                .slots = world.slots,
                                .merges_profile = movies,
                                .seed = 20'260'901};
  const std::int32_t items = session ? 283 : 3706, width = session ? 40 : 33;
  if (!features) features = synthetic_item_features(items, width, p.seed);
  SyntheticResponse made = make_synthetic_response(std::move(*features), p);
  return {std::make_shared<const SlatePeople>(std::move(made.data.people)),
          std::make_shared<const ResponseModel>(std::move(made.truth)),
          std::make_shared<const SlateLog>(std::move(made.data.log))};
}

}  // namespace veer
