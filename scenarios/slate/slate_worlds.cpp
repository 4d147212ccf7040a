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

SlateReward reward_of_behaviours(const SlateWorldEntry& world, const BehaviourModel& model) {
  if (world.reward.kind != SlateRewardKind::mean_of_clicks) {
    throw ConfigError(
        {.file = {}, .line = 0, .field = "world of slates"},
        {std::string(world.name) + ", where clicks alone earn", "kuaisim-session or kuaisim-request",
         "only these are defined for several behaviours"});
  }
  SlateReward reward{.kind = SlateRewardKind::mean_of_behaviours};
  const bool request = world.patience_cost == PatienceCost::request;
  for (std::size_t b = 0; b < model.sizes.behaviours.size(); ++b) {
    const Behaviour behaviour = model.sizes.behaviours[b];
    float& weight = reward.weights[static_cast<std::size_t>(behaviour)];
    weight = request ? 1.0F : model.odds[b];
    if (behaviour == Behaviour::dislike) weight = request ? 0.0F : -weight;
  }
  return reward;
}

SlateParameters slate_parameters(const SlateWorldEntry& world, const SlateMaterial& material,
                                 const SlateChoices& choices) {
  SlateParameters p;
  p.people = material.people;
  p.slots = world.slots;
  p.history = world.history;
  p.reward = world.reward;
  p.patience_cost = world.patience_cost;
  p.part = choices.part;
  if (material.behaviours != nullptr) {
    const ResponseLink own = material.behaviours->doubled ? ResponseLink::doubled : ResponseLink::soft;
    p.users = make_behaviour_user(material.behaviours, material.people,
                                  {.link = choices.link.value_or(own),
                                   .dropout = choices.dropout,
                                   .correlation = world.response.correlation,
                                   .published_correlation = choices.published_correlation,
                                   .examination = world.response.examination});
    if (choices.all_behaviours) {
      p.reward = reward_of_behaviours(world, *material.behaviours);
      if (least_patience_taken(p.patience_cost, p.reward, p.slots) < 0.02F)
        p.horizon = longest_pleased_session;
    }
    return p;
  }
  if (choices.all_behaviours) {
    throw ConfigError(
        {.file = {}, .line = 0, .field = "world of slates"},
        {"people who only click", "a model of several behaviours", "veer fit behaviours makes one"});
  }
  ResponseOptions response = world.response;
  if (choices.link) response.link = *choices.link;
  response.dropout = choices.dropout;
  if (choices.published_correlation) response.correlation /= static_cast<float>(ResponseSizes::width);
  p.users = make_response_user(material.model, material.people, response);
  return p;
}

SyntheticBehaviourParameters made_up_behaviours(const SlateWorldEntry& world, std::int32_t people) {
  // Fixed before any agent was run on them: another seed or spread is another world.
  SyntheticBehaviourParameters p;
  p.people = people;
  p.slots = world.slots;
  p.seed = 20'261'123;
  p.sizes.history = 40;
  p.sizes.latent = 16;
  p.sizes.encoding = 32;
  p.sizes.heads = 2;
  p.sizes.inner = 32;
  p.sizes.hidden = 64;
  p.slates_before = 6;
  return p;
}

SlateMaterial synthetic_behaviour_material(const SlateWorldEntry& world, std::int32_t people) {
  SyntheticBehaviours made = make_synthetic_behaviours(made_up_behaviours(world, people));
  return {.people = std::make_shared<const SlatePeople>(std::move(made.data.people)),
          .model = nullptr,
          .log = std::make_shared<const SlateLog>(std::move(made.data.log)),
          .behaviours = std::make_shared<const BehaviourModel>(std::move(made.truth))};
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
          std::make_shared<const SlateLog>(std::move(made.data.log)),
          {}};
}

}  // namespace veer
