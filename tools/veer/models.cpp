#include "tools/veer/models.h"

#include <fmt/format.h>

#include <algorithm>

#include "env/data/sha256.h"
#include "env/error.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tools/veer/long_run_of_fit.h"

namespace veer::tools {
namespace {

void check_dataset(const std::filesystem::path& path, const ModelManifest& manifest, const Dataset& data) {
  if (manifest.dataset_fingerprint == data.fingerprint) return;
  throw ConfigError(
      {path, 0, "dataset_fingerprint"},
      {fmt::format("a model of data set {} ({:.12}...)", manifest.dataset_name, manifest.dataset_fingerprint),
       fmt::format("one of {} ({:.12}...)", data.name, data.fingerprint),
       "fit a model on this data set with veer fit, or name the data set it was fitted on"});
}

/// Topic vectors as an item table with an empty row for the padding item.
void take_topics(LoadedModel& model, const SyntheticWorld& world) {
  model.table_width = world.topics();
  const auto topics = world.all_topics();
  model.item_table.assign(static_cast<std::size_t>(world.topics()), 0.0F);
  model.item_table.insert(model.item_table.end(), topics.begin(), topics.end());
}

}  // namespace

LoadedModel load_user_model(const std::filesystem::path& path, const Dataset& data,
                            const std::string& device) {
  const ModelFile file = read_model(path);
  check_dataset(path, file.manifest, data);
  if (file.manifest.role != "user_model") {
    throw ConfigError({path, 0, "role"},
                      {"a model of role '" + file.manifest.role + "'", "a user model", ""});
  }
  LoadedModel model;
  model.manifest = file.manifest;
  model.checksum = sha256_of_file(path);
  try {
    if (file.manifest.kind == "synthetic") {
      const std::shared_ptr<const SyntheticUser> users = synthetic_user_from(file);
      take_topics(model, users->world());
      model.users = users;
    } else {
      load_sequence_model_into(model, file, device);
    }
  } catch (const VerificationError& error) {
    throw VerificationError(path.string() + ": " + error.what());
  } catch (const FormatError& error) {
    throw FormatError(path.string() + ": " + error.what());
  }
  if (model.users->spec().items != data.catalogue.size()) {
    throw FormatError({path, 0, "items"},
                      {std::to_string(model.users->spec().items),
                       std::to_string(data.catalogue.size()) + ", the items of the data set", ""});
  }
  return model;
}

std::string fit_of(const ModelManifest& manifest) {
  const std::string letter = long_run_letter(manifest);
  return fmt::format("{}, fitted on {}, seed {}{}", manifest.kind, manifest.fitted_on, manifest.seed,
                     letter.empty() ? "" : ", long run " + letter);
}

}  // namespace veer::tools
