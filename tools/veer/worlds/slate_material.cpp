#include "tools/veer/worlds/slate_material.h"

#include <fmt/format.h>

#include <optional>

#include "env/data/fingerprint.h"
#include "env/data/importers/profiles.h"
#include "env/data/importers/slate_tables.h"
#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
#include "scenarios/slate/slate_worlds.h"
#include "simulators/behaviours/behaviour_log.h"
#include "simulators/response/rated_slates.h"

namespace veer::tools {
namespace {

std::optional<ResponseLink> link_of(const std::string& word) {
  if (word.empty()) return std::nullopt;
  if (word == "soft") return ResponseLink::soft;
  if (word == "saturated") return ResponseLink::saturated;
  if (word == "doubled") return ResponseLink::doubled;
  throw ConfigError({{}, 0, "--link"}, {"'" + word + "'", "soft, saturated or doubled", ""});
}

/// Made-up people as a data set: their items are those they liked.
Dataset data_of(const SlatePeople& people, const SlateWorldEntry& world, std::int32_t items) {
  Dataset out;
  out.name = std::string(world.name) + ", made up";
  out.catalogue.ids = {""};
  for (std::int32_t i = 1; i <= items; ++i) out.catalogue.ids.push_back(std::to_string(i));
  out.catalogue.titles = out.catalogue.ids;
  out.catalogue.attribute_offsets.assign(at(items) + 2, 0);
  out.catalogue.popularity.assign(at(items) + 1, 0);
  out.interactions.offsets = people.offsets;
  out.interactions.items = people.liked;
  for (const ItemId item : people.liked) ++out.catalogue.popularity[at(item)];
  for (std::int32_t user = 0; user < people.size(); ++user)
    out.interactions.user_ids.push_back(std::to_string(user));
  out.parts = people.parts;
  out.provenance = {.source = "made up", .origin = "", .filters = "", .generator = std::string(world.name)};
  out.fingerprint = fingerprint_of(out);
  return out;
}

ModelFile read_users(const WorldOptions& options, SlateWorld& out) {
  ModelFile file = read_model(options.users);
  out.users.manifest = file.manifest;
  out.users.checksum = sha256_of_file(options.users);
  return file;
}

/// The model alone.
SlateMaterial model_of(const WorldOptions& options, const ModelFile& file) {
  return with_file_name(options.users, [&] {
    SlateMaterial material;
    if (file.manifest.kind == "behaviours") {
      material.behaviours = std::make_shared<const BehaviourModel>(behaviour_model_from(file));
    } else {
      material.model = std::make_shared<const ResponseModel>(response_model_from(file));
    }
    return material;
  });
}

bool one_of_two(const char* option, const std::string& word, const char* no, const char* yes) {
  if (word != no && word != yes) {
    throw ConfigError({{}, 0, option}, {"'" + word + "'", fmt::format("{} or {}", no, yes), ""});
  }
  return word == yes;
}

/// What the model file of --users says, and people cut from the ratings of --data.
SlateMaterial fitted_material(const WorldOptions& options, const SlateWorldEntry& world, const Dataset& data,
                              SlateWorld& out) {
  if (options.users.empty()) {
    throw ConfigError({{}, 0, "--users"}, {"nothing beside --data", "a response model of the data set",
                                           "veer fit response makes one"});
  }
  const ModelFile file = read_users(options, out);
  require_dataset(file.manifest, data.fingerprint);
  BlockProfiles profiles{{1}, std::vector<float>(at(data.interactions.users()), 1.0F)};
  if (!options.profiles.empty()) {
    profiles = read_profiles(options.profiles, data.interactions.user_ids);
    out.checksums.emplace_back("profiles_sha256", sha256_of_file(options.profiles));
  }
  const std::int32_t width = profiles.width();
  SlateMaterial material = model_of(options, file);
  const std::int32_t expected =
      material.model ? material.model->sizes.profile : material.behaviours->sizes.profile();
  if (width != expected) {
    throw ConfigError({{}, 0, "--profiles"},
                      {fmt::format("profiles of {} values", width),
                       fmt::format("{}, as the model was fitted with", expected),
                       fmt::format("give the option as veer fit {} had it", file.manifest.kind)});
  }
  SlateData slates = material.model
                         ? slates_of_ratings(data, std::move(profiles.values), width, {.slots = world.slots})
                         : slates_of_behaviours(data, std::move(profiles.values), width, world.slots);
  material.people = std::make_shared<const SlatePeople>(std::move(slates.people));
  return material;
}

/// Made-up people who do several things: as their truth says, or as a model that was fitted to their log.
SlateMaterial made_up_doers(const WorldOptions& options, const SlateWorldEntry& world, SlateWorld& out) {
  if (!options.items.empty()) {
    throw ConfigError({{}, 0, "--items"}, {"items for people of several behaviours", "their own items", ""});
  }
  SyntheticBehaviours made = make_synthetic_behaviours(made_up_behaviours(world, options.made_up_people));
  SlateMaterial material;
  if (options.users.empty()) {
    material.behaviours = std::make_shared<const BehaviourModel>(std::move(made.truth));
  } else {
    const ModelFile file = read_users(options, out);
    if (file.manifest.kind != "behaviours") {
      throw ConfigError({{}, 0, "--users"},
                        {"a model of kind '" + file.manifest.kind + "' without --data",
                         "the data set it was fitted on, or a model of behaviours of made-up people", ""});
    }
    if (file.manifest.dataset_fingerprint != made.data.fingerprint) {
      throw ConfigError({{}, 0, "--users"},
                        {"a model of " + file.manifest.dataset_fingerprint, made.data.fingerprint,
                         "give --data or --made-up-people as veer fit behaviours had it"});
    }
    material = model_of(options, file);
  }
  material.people = std::make_shared<const SlatePeople>(std::move(made.data.people));
  material.log = std::make_shared<const SlateLog>(std::move(made.data.log));
  return material;
}

}  // namespace

SlateWorld open_slates(const WorldOptions& options) {
  const SlateWorldEntry& world = slate_world(options.world);
  SlateWorld out;
  SlateChoices choices;
  choices.link = link_of(options.link);
  choices.dropout = options.user_dropout;
  choices.part = part_of(options);
  choices.all_behaviours = one_of_two("--answers", options.answers, "clicks", "behaviours");
  choices.published_correlation = one_of_two("--correlation", options.correlation, "cosine", "published");
  SlateMaterial material;
  if (!options.data.empty()) {
    auto data = std::make_shared<const Dataset>(read_dataset(options.data));
    material = fitted_material(options, world, *data, out);
    out.data = data;
  } else {
    const bool doers = choices.all_behaviours || !options.users.empty();
    if (!options.users.empty() && world.reward.kind != SlateRewardKind::mean_of_clicks) {
      throw ConfigError(
          {{}, 0, "--users"},
          {"a model without --data", "the data set it was fitted on, or made-up people without both",
           "only kuaisim worlds have made-up people whose models are fitted"});
    }
    if (doers) {
      material = made_up_doers(options, world, out);
    } else {
      std::optional<ItemFeatures> features;
      if (!options.items.empty()) {
        features = read_rl4rs_items(options.items);
        out.checksums.emplace_back("items_sha256", sha256_of_file(options.items));
      }
      material = synthetic_slate_material(world, std::move(features), options.made_up_people);
    }
    out.data = std::make_shared<const Dataset>(data_of(*material.people, world, material.features().items()));
    if (options.users.empty()) {
      out.users.manifest.kind = doers ? "made-up behaviours" : "made-up response";
      out.users.manifest.fitted_on = "nobody (known truth)";
      out.users.checksum = "known truth";
    }
    out.users.manifest.dataset_fingerprint = out.data->fingerprint;
  }
  out.parameters = slate_parameters(world, material, choices);
  out.material = material;
  out.choices = choices;
  out.users.users = out.parameters.users;
  out.users.item_table = material.features().values;
  out.users.table_width = material.features().width;
  return out;
}

}  // namespace veer::tools
