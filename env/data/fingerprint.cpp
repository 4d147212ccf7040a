#include "env/data/fingerprint.h"

#include "env/data/sha256.h"

namespace veer {
namespace {

void add_count(Sha256& hash, std::size_t count) {
  const std::uint64_t value = count;
  hash.update_values(std::span<const std::uint64_t>(&value, 1));
}

void add_texts(Sha256& hash, const std::vector<std::string>& texts) {
  add_count(hash, texts.size());
  for (const std::string& text : texts) {
    add_count(hash, text.size());
    hash.update(text);
  }
}

template <class T>
void add_array(Sha256& hash, const std::vector<T>& values) {
  add_count(hash, values.size());
  hash.update_values(std::span<const T>(values));
}

}  // namespace

std::string fingerprint_of(const Dataset& dataset) {
  static_assert(sizeof(Part) == 1);
  Sha256 hash;
  hash.update("veer dataset 1\n");
  add_texts(hash, dataset.catalogue.ids);
  add_texts(hash, dataset.catalogue.titles);
  add_texts(hash, dataset.catalogue.attribute_names);
  add_array(hash, dataset.catalogue.attribute_offsets);
  add_array(hash, dataset.catalogue.attributes);
  add_texts(hash, dataset.interactions.user_ids);
  add_array(hash, dataset.interactions.offsets);
  add_array(hash, dataset.interactions.items);
  add_array(hash, dataset.interactions.times);
  add_array(hash, dataset.interactions.ratings);
  add_array(hash, dataset.parts);
  if (!dataset.interactions.behaviour_names.empty()) {
    hash.update("behaviours\n");
    add_texts(hash, dataset.interactions.behaviour_names);
    add_array(hash, dataset.interactions.behaviours);
  }
  return hash.finish();
}

}  // namespace veer
