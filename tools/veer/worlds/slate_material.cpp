#include "tools/veer/worlds/slate_material.h"

#include <fmt/format.h>

#include <optional>

#include "env/data/fingerprint.h"
#include "env/data/importers/slate_tables.h"
#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
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

/// What the model file of --users says, and people cut from the ratings of --data.
SlateMaterial fitted_material(const WorldOptions& options, const SlateWorldEntry& world, const Dataset& data,
                              SlateWorld& out) {
  if (options.users.empty()) {
    throw ConfigError({{}, 0, "--users"}, {"nothing beside --data", "a response model of the data set",
                                           "veer fit response makes one"});
  }
  const ModelFile file = read_model(options.users);
  require_dataset(file.manifest, data.fingerprint);
  auto model = std::make_shared<const ResponseModel>(
      with_file_name(options.users, [&] { return response_model_from(file); }));
  out.users.manifest = file.manifest;
  out.users.checksum = sha256_of_file(options.users);
  std::vector<float> profiles(at(data.interactions.users()), 1.0F);
  std::int32_t width = 1;
  if (!options.profiles.empty()) {
    profiles = read_movielens_profiles(options.profiles, data.interactions.user_ids);
    width = movielens_profile_width;
    out.checksums.emplace_back("profiles_sha256", sha256_of_file(options.profiles));
  }
  if (width != model->sizes.profile) {
    throw ConfigError({{}, 0, "--profiles"},
                      {fmt::format("profiles of {} values", width),
                       fmt::format("{}, as the model was fitted with", model->sizes.profile),
                       "give the option as veer fit response had it"});
  }
  SlateData slates = slates_of_ratings(data, std::move(profiles), width, {.slots = world.slots});
  return {std::make_shared<const SlatePeople>(std::move(slates.people)), model};
}

}  // namespace

SlateWorld open_slates(const WorldOptions& options) {
  const SlateWorldEntry& world = slate_world(options.world);
  SlateWorld out;
  SlateChoices choices;
  choices.link = link_of(options.link);
  choices.dropout = options.user_dropout;
  choices.part = part_of(options);
  SlateMaterial material;
  if (!options.data.empty()) {
    auto data = std::make_shared<const Dataset>(read_dataset(options.data));
    material = fitted_material(options, world, *data, out);
    out.data = data;
  } else {
    if (!options.users.empty()) {
      throw ConfigError(
          {{}, 0, "--users"},
          {"a model without --data", "the data set it was fitted on, or made-up people without both", ""});
    }
    std::optional<ItemFeatures> features;
    if (!options.items.empty()) {
      features = read_rl4rs_items(options.items);
      out.checksums.emplace_back("items_sha256", sha256_of_file(options.items));
    }
    material = synthetic_slate_material(world, std::move(features), options.made_up_people);
    out.data =
        std::make_shared<const Dataset>(data_of(*material.people, world, material.model->features.items()));
    out.users.manifest.kind = "made-up response";
    out.users.manifest.fitted_on = "nobody (known truth)";
    out.users.manifest.dataset_fingerprint = out.data->fingerprint;
    out.users.checksum = "known truth";
  }
  out.parameters = slate_parameters(world, material, choices);
  out.material = material;
  out.choices = choices;
  out.users.users = out.parameters.users;
  out.users.item_table = material.model->features.values;
  out.users.table_width = material.model->features.width;
  return out;
}

}  // namespace veer::tools
