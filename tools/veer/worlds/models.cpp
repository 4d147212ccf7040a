#include "tools/veer/worlds/models.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "env/data/sha256.h"
#include "env/error.h"
#include "simulators/ensemble/ensemble_file.h"
#include "simulators/ensemble/ensemble_user.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tools/veer/figures/trust/long_run_of_fit.h"

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

void load_into(LoadedModel& model, const ModelFile& file, const std::string& device, const UserModel* like) {
  if (file.manifest.kind != "synthetic") return load_sequence_model_into(model, file, device, like);
  const std::shared_ptr<const SyntheticUser> users = synthetic_user_from(file);
  take_topics(model, users->world());
  model.users = users;
}

template <class Failure>
[[noreturn]] void fail_in_member(std::size_t member, const Failure& failure) {
  throw Failure(fmt::format("member {}: {}", member + 1, failure.what()));
}

/// Every member as if it stood alone, its probe recomputed; then all of them as one.
void load_ensemble_into(LoadedModel& model, ModelFile file, const std::string& device) {
  const std::vector<ModelFile> files = members_of(std::move(file));
  std::vector<std::shared_ptr<const UserModel>> members;
  for (std::size_t m = 0; m < files.size(); ++m) {
    LoadedModel member;
    try {
      load_into(member, files[m], device, members.empty() ? nullptr : members.front().get());
    } catch (const VerificationError& error) {
      fail_in_member(m, error);
    } catch (const FormatError& error) {
      fail_in_member(m, error);
    }
    if (m == 0) {
      model.item_table = std::move(member.item_table);
      model.table_width = member.table_width;
    }
    members.push_back(std::move(member.users));
  }
  try {
    model.users = make_ensemble(std::move(members));
  } catch (const ConfigError& error) {
    throw FormatError(error.what());
  }
}

}  // namespace

LoadedModel load_user_model(const std::filesystem::path& path, const Dataset& data,
                            const std::string& device) {
  ModelFile file = read_model(path);
  check_dataset(path, file.manifest, data);
  if (file.manifest.role != "user_model") {
    throw ConfigError({path, 0, "role"},
                      {"a model of role '" + file.manifest.role + "'", "a user model", ""});
  }
  LoadedModel model;
  model.manifest = file.manifest;
  model.checksum = sha256_of_file(path);
  try {
    if (file.manifest.kind == "ensemble") {
      load_ensemble_into(model, std::move(file), device);
    } else {
      load_into(model, file, device, nullptr);
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
  std::string kind = manifest.kind;
  if (kind == "ensemble") {
    const auto& about = manifest.hyper_parameters;
    const auto word = [&](const char* name) { return about.contains(name) ? about.at(name) : "?"; };
    kind = fmt::format("ensemble of {} ({})", word("members"), word("kinds"));
  }
  const auto calibration = manifest.metrics.find("calibration_error");
  return fmt::format("{}, fitted on {}, seed {}{}{}", kind, manifest.fitted_on, manifest.seed,
                     calibration == manifest.metrics.end()
                         ? ""
                         : fmt::format(", calibration error {:.3f}", calibration->second),
                     letter.empty() ? "" : ", long run " + letter);
}

}  // namespace veer::tools
