#include "env/store/dataset_file.h"

#include "env/data/check.h"
#include "env/data/fingerprint.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/sealed_file.h"

namespace veer {
namespace {

constexpr std::string_view dataset_kind = "dataset";

void write_catalogue(hdf5::Group group, const Catalogue& catalogue) {
  group.write_strings("ids", catalogue.ids);
  group.write_strings("titles", catalogue.titles);
  group.write_strings("attribute_names", catalogue.attribute_names);
  group.write("attribute_offsets", catalogue.attribute_offsets);
  group.write("attributes", catalogue.attributes);
  group.write("popularity", catalogue.popularity);
}

Catalogue read_catalogue(const hdf5::Group& group) {
  Catalogue catalogue;
  catalogue.ids = group.read_strings("ids");
  catalogue.titles = group.read_strings("titles");
  catalogue.attribute_names = group.read_strings("attribute_names");
  catalogue.attribute_offsets = group.read<std::int64_t>("attribute_offsets");
  catalogue.attributes = group.read<std::int32_t>("attributes");
  catalogue.popularity = group.read<std::int64_t>("popularity");
  return catalogue;
}

void write_people(hdf5::File& file, const Dataset& dataset) {
  hdf5::Group users = file.create_group("users");
  users.write_strings("ids", dataset.interactions.user_ids);
  std::vector<std::uint8_t> parts;
  for (const Part part : dataset.parts) parts.push_back(static_cast<std::uint8_t>(part));
  users.write("parts", parts);

  hdf5::Group interactions = file.create_group("interactions");
  interactions.write("offsets", dataset.interactions.offsets);
  interactions.write("items", dataset.interactions.items);
  if (!dataset.interactions.times.empty()) interactions.write("times", dataset.interactions.times);
  if (!dataset.interactions.ratings.empty()) interactions.write("ratings", dataset.interactions.ratings);
  if (!dataset.interactions.behaviour_names.empty()) {
    interactions.write_strings("behaviour_names", dataset.interactions.behaviour_names);
    interactions.write("behaviours", dataset.interactions.behaviours);
  }
}

void read_people(const hdf5::File& file, Dataset& dataset) {
  const hdf5::Group users = file.group("users");
  dataset.interactions.user_ids = users.read_strings("ids");
  for (const std::uint8_t part : users.read<std::uint8_t>("parts"))
    dataset.parts.push_back(static_cast<Part>(part));

  const hdf5::Group interactions = file.group("interactions");
  dataset.interactions.offsets = interactions.read<std::int64_t>("offsets");
  dataset.interactions.items = interactions.read<std::int32_t>("items");
  if (interactions.contains("times")) dataset.interactions.times = interactions.read<std::int64_t>("times");
  if (interactions.contains("ratings")) dataset.interactions.ratings = interactions.read<float>("ratings");
  if (interactions.contains("behaviour_names") || interactions.contains("behaviours")) {
    dataset.interactions.behaviour_names = interactions.read_strings("behaviour_names");
    dataset.interactions.behaviours = interactions.read<std::uint8_t>("behaviours");
  }
}

void write_provenance(hdf5::Group group, const Provenance& provenance) {
  group.write_text("source", provenance.source);
  group.write_text("origin", provenance.origin);
  group.write_text("filters", provenance.filters);
  group.write_text("generator", provenance.generator);
}

Provenance read_provenance(const hdf5::Group& group) {
  return {group.read_text("source"), group.read_text("origin"), group.read_text("filters"),
          group.read_text("generator")};
}

}  // namespace

std::vector<std::byte> dataset_bytes(const Dataset& dataset) {
  if (const auto fault = find_fault(dataset)) {
    throw DataError(Where{dataset.name, 0, fault->field}, Problem{fault->found, fault->expected, ""});
  }
  if (const std::string fingerprint = fingerprint_of(dataset); dataset.fingerprint != fingerprint) {
    throw DataError(Where{dataset.name, 0, "fingerprint"},
                    Problem{dataset.fingerprint.empty() ? "none" : dataset.fingerprint, fingerprint,
                            "set it with fingerprint_of after the last change"});
  }
  hdf5::File file = hdf5::File::create_in_memory("dataset");
  file.set_attribute("fingerprint", dataset.fingerprint);
  file.set_attribute("split_seed", dataset.split_seed);
  file.set_attribute("users", std::int64_t{dataset.interactions.users()});
  file.set_attribute("items", std::int64_t{dataset.catalogue.size()});
  file.set_attribute("interactions", dataset.interactions.size());
  file.write_text("name", dataset.name);
  write_catalogue(file.create_group("catalogue"), dataset.catalogue);
  write_people(file, dataset);
  write_provenance(file.create_group("provenance"), dataset.provenance);
  return seal(file, dataset_kind, dataset_format);
}

Dataset parse_dataset(std::span<const std::byte> bytes, const std::string& name) {
  const hdf5::File file = unseal(bytes, name, dataset_kind, dataset_format);
  Dataset dataset;
  dataset.fingerprint = file.text_attribute("fingerprint");
  dataset.split_seed = file.unsigned_attribute("split_seed");
  dataset.name = file.read_text("name");
  dataset.catalogue = read_catalogue(file.group("catalogue"));
  read_people(file, dataset);
  dataset.provenance = read_provenance(file.group("provenance"));

  // Everything that uses a Dataset indexes by its offsets and ids without looking again.
  if (const auto fault = find_fault(dataset)) {
    throw FormatError(Where{name, 0, fault->field},
                      Problem{fault->found, fault->expected, "import the data again"});
  }
  const std::pair<const char*, std::int64_t> counts[] = {{"users", dataset.interactions.users()},
                                                         {"items", dataset.catalogue.size()},
                                                         {"interactions", dataset.interactions.size()}};
  for (const auto& [attribute, count] : counts) {
    if (const std::int64_t stated = file.integer_attribute(attribute); stated != count) {
      throw FormatError(Where{name, 0, attribute},
                        Problem{std::to_string(stated), std::to_string(count), "import the data again"});
    }
  }
  if (const std::string fingerprint = fingerprint_of(dataset); fingerprint != dataset.fingerprint) {
    throw VerificationError(Where{name, 0, "fingerprint"},
                            Problem{dataset.fingerprint, fingerprint + ", that of the content",
                                    "the file was changed after it was written: import the data again"});
  }
  return dataset;
}

void write_dataset(const std::filesystem::path& path, const Dataset& dataset) {
  write_file_atomically(path, dataset_bytes(dataset));
}

Dataset read_dataset(const std::filesystem::path& path) {
  return parse_dataset(read_file(path), path.string());
}

}  // namespace veer
