#include "env/store/model_file.h"

#include <cmath>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/hdf5/array_group.h"
#include "env/store/sealed_file.h"

namespace veer {

namespace {

constexpr std::string_view model_kind = "model";

/// "[17, 3]" for the value at `position` of a row-major array.
std::string index_text(std::int64_t position, const std::vector<std::int64_t>& shape) {
  std::string text;
  for (std::size_t i = shape.size(); i-- > 0;) {
    text = std::to_string(position % shape[i]) + (text.empty() ? "" : ", ") + text;
    position /= shape[i];
  }
  return "[" + text + "]";
}

/// `place`: "parameters/", with the member's group before it.
void check_finite(const NamedArrays& parameters, const std::string& place, const std::string& file) {
  for (const auto& [name, array] : parameters.all()) {
    if (array.type != ArrayType::f32) continue;
    const auto values = parameters.get<float>(name);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      throw DataError(
          Where{file, 0, place + name + index_text(static_cast<std::int64_t>(i), array.shape)},
          Problem{std::to_string(values[i]), "a finite number",
                  "the training that wrote this model diverged: fit it again with a smaller learning rate"});
    }
  }
}

void write_manifest(hdf5::Group manifest, const ModelManifest& about) {
  manifest.set_attribute("kind", about.kind);
  manifest.set_attribute("role", about.role);
  manifest.set_attribute("dataset_fingerprint", about.dataset_fingerprint);
  manifest.set_attribute("dataset_name", about.dataset_name);
  manifest.set_attribute("fitted_on", about.fitted_on);
  manifest.set_attribute("seed", about.seed);
  manifest.set_attribute("parameters", about.parameters);
  hdf5::Group hyper_parameters = manifest.create_group("hyper_parameters");
  for (const auto& [name, value] : about.hyper_parameters) hyper_parameters.set_attribute(name, value);
  hdf5::Group metrics = manifest.create_group("metrics");
  for (const auto& [name, value] : about.metrics) metrics.set_attribute(name, value);
}

ModelManifest read_manifest(const hdf5::Group& manifest) {
  ModelManifest about;
  about.kind = manifest.text_attribute("kind");
  about.role = manifest.text_attribute("role");
  about.dataset_fingerprint = manifest.text_attribute("dataset_fingerprint");
  about.dataset_name = manifest.text_attribute("dataset_name");
  about.fitted_on = manifest.text_attribute("fitted_on");
  about.seed = manifest.unsigned_attribute("seed");
  about.parameters = manifest.integer_attribute("parameters");
  const hdf5::Group hyper_parameters = manifest.group("hyper_parameters");
  for (const std::string& name : hyper_parameters.attributes()) {
    about.hyper_parameters[name] = hyper_parameters.text_attribute(name);
  }
  const hdf5::Group metrics = manifest.group("metrics");
  for (const std::string& name : metrics.attributes()) about.metrics[name] = metrics.real_attribute(name);
  return about;
}

/// The group of a member; numbers of equal width, so that their order is that of their names.
std::string member_name(std::size_t index) {
  const std::string number = std::to_string(index);
  return std::string(number.size() < 3 ? 3 - number.size() : 0, '0') + number;
}
constexpr std::size_t most_members = 1000;

void write_parts(hdf5::Group& group, const ModelFile& model) {
  write_manifest(group.create_group("manifest"), model.manifest);
  hdf5::Group parameters = group.create_group("parameters");
  write_arrays(parameters, model.parameters);
  hdf5::Group probe = group.create_group("probe");
  write_arrays(probe, model.probe);
}

/// `place`: what stands before the names of its parts, for messages.
ModelFile read_parts(const hdf5::Group& group, const std::string& place, const std::string& file) {
  ModelFile model{read_manifest(group.group("manifest")), read_arrays(group.group("parameters")),
                  read_arrays(group.group("probe"))};
  check_finite(model.parameters, place + "parameters/", file);
  return model;
}

}  // namespace

std::vector<std::byte> model_bytes(const ModelFile& model) {
  hdf5::File file = hdf5::File::create_in_memory("model");
  write_parts(file, model);
  if (model.members.size() > most_members) {
    throw DataError(Where{{}, 0, "members"}, Problem{std::to_string(model.members.size()),
                                                     "at most " + std::to_string(most_members), ""});
  }
  for (std::size_t m = 0; m < model.members.size(); ++m) {
    if (!model.members[m].members.empty()) {
      throw DataError(Where{{}, 0, "members"},
                      Problem{"a member with members", "members that are single models", ""});
    }
    hdf5::Group member = file.create_group("members/" + member_name(m));
    write_parts(member, model.members[m]);
  }
  return seal(file, model_kind, model_format);
}

ModelFile parse_model(std::span<const std::byte> bytes, const std::string& name) {
  const hdf5::File file = unseal(bytes, name, model_kind, model_format);
  ModelFile model = read_parts(file, "", name);
  if (!file.contains("members")) return model;
  const hdf5::Group members = file.group("members");
  const std::size_t count = members.members().size();
  if (count > most_members) {
    throw FormatError(Where{name, 0, "members"},
                      Problem{std::to_string(count), "at most " + std::to_string(most_members), ""});
  }
  for (std::size_t m = 0; m < count; ++m) {
    model.members.push_back(
        read_parts(members.group(member_name(m)), "members/" + member_name(m) + "/", name));
  }
  return model;
}

void write_model(const std::filesystem::path& path, const ModelFile& model) {
  write_file_atomically(path, model_bytes(model));
}

ModelFile read_model(const std::filesystem::path& path) {
  return parse_model(read_file(path), path.string());
}

void require_dataset(const ModelManifest& manifest, const std::string& expected) {
  if (expected.empty() || manifest.dataset_fingerprint == expected) return;
  throw ConfigError(Where{{}, 0, "dataset_fingerprint"},
                    {"a " + manifest.kind + " model fitted on data set " + manifest.dataset_fingerprint +
                         (manifest.dataset_name.empty() ? "" : " (" + manifest.dataset_name + ")"),
                     "a model fitted on data set " + expected,
                     "item numbers mean different items there; fit a model on this data set with veer fit"});
}

}  // namespace veer
