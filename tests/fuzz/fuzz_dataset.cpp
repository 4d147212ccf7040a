// Dataset files. An input that begins with "r" is the file itself: seal and length checks. Any other is a
// list of edits to a sound data set, which is written without the writer's checks, sealed, and read back: the
// reader's own checks.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/check.h"
#include "env/data/fingerprint.h"
#include "env/data/importers/importer.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
#include "env/store/sealed_file.h"

namespace {

using namespace veer;

Dataset sound_dataset() {
  const std::vector<SourceText> files = {
      {"l.csv", "user,item,time,rating\n1,7,1,5\n1,8,2,4\n2,7,1,3\n3,9,1,2\n3,7,2,1\n"},
      {"i.csv", "id,title,attributes\n7,A,x|y\n8,B,y\n9,C,\n"}};
  ImportOptions options;
  options.items_file = "i.csv";
  options.purchase_rating = 4;
  return import_from_memory("csv", files, "l.csv", options);
}

/// Takes values off the front of the input; zeros when it is used up.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() { return value<std::uint8_t>(); }
  template <class T>
  T value() {
    T value{};
    const std::size_t size = std::min(sizeof(T), bytes_.size());
    std::memcpy(&value, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return value;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// One edit of an array: change, insert or remove a value, or empty the array.
template <class T>
void edit(std::vector<T>& values, Input& input) {
  const std::uint8_t kind = input.byte();
  const std::size_t place = values.empty() ? 0 : input.byte() % values.size();
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(place);
  if (kind % 4 == 0 && !values.empty()) {
    // Small values reach further than wild ones.
    values[place] = (kind & 64) != 0 ? static_cast<T>(input.byte()) : input.value<T>();
  } else if (kind % 4 == 1) {
    values.insert(at, static_cast<T>(input.byte()));
  } else if (kind % 4 == 2 && !values.empty()) {
    values.erase(at);
  } else {
    values.clear();
  }
}

void edit_texts(std::vector<std::string>& texts, Input& input) {
  const std::uint8_t kind = input.byte();
  const std::size_t place = texts.empty() ? 0 : input.byte() % texts.size();
  if (kind % 3 == 0 && !texts.empty()) {
    texts[place].assign(input.byte() % 4, static_cast<char>(input.byte()));
  } else if (kind % 3 == 1) {
    texts.insert(texts.begin() + static_cast<std::ptrdiff_t>(place),
                 std::string(1, static_cast<char>(input.byte())));
  } else if (!texts.empty()) {
    texts.erase(texts.begin() + static_cast<std::ptrdiff_t>(place));
  }
}

std::vector<std::byte> unchecked_file(const Dataset& data, const std::vector<std::uint8_t>& parts,
                                      std::uint8_t left_out) {
  hdf5::File file = hdf5::File::create_in_memory("fuzz");
  file.set_attribute("fingerprint", data.fingerprint);
  file.set_attribute("split_seed", data.split_seed);
  file.set_attribute("users", static_cast<std::int64_t>(data.interactions.user_ids.size()));
  file.set_attribute("items", static_cast<std::int64_t>(data.catalogue.ids.size()) - 1);
  file.set_attribute("interactions", static_cast<std::int64_t>(data.interactions.items.size()));
  file.write_text("name", data.name);
  for (const char* text : {"source", "origin", "filters", "generator"}) {
    file.write_text(std::string("provenance/") + text, "x");
  }
  std::uint8_t member = 1;
  const auto wanted = [&] { return left_out != member++; };
  if (wanted()) file.write_strings("catalogue/ids", data.catalogue.ids);
  if (wanted()) file.write_strings("catalogue/titles", data.catalogue.titles);
  if (wanted()) file.write_strings("catalogue/attribute_names", data.catalogue.attribute_names);
  if (wanted()) file.write("catalogue/attribute_offsets", data.catalogue.attribute_offsets);
  if (wanted()) file.write("catalogue/attributes", data.catalogue.attributes);
  if (wanted()) file.write("catalogue/popularity", data.catalogue.popularity);
  if (wanted()) file.write_strings("users/ids", data.interactions.user_ids);
  if (wanted()) file.write("users/parts", parts);
  if (wanted()) file.write("interactions/offsets", data.interactions.offsets);
  if (wanted()) file.write("interactions/items", data.interactions.items);
  if (wanted()) file.write("interactions/times", data.interactions.times);
  if (wanted()) file.write("interactions/ratings", data.interactions.ratings);
  if (wanted()) file.write_strings("interactions/behaviour_names", data.interactions.behaviour_names);
  if (wanted()) file.write("interactions/behaviours", data.interactions.behaviours);
  return seal(file, "dataset", dataset_format);
}

std::vector<std::byte> edited_file(Input input) {
  Dataset data = sound_dataset();
  std::vector<std::uint8_t> parts;
  for (const Part part : data.parts) parts.push_back(static_cast<std::uint8_t>(part));
  const std::uint8_t left_out = input.byte();
  const bool refresh_fingerprint = (input.byte() & 1) != 0;
  for (int edits = 0; edits < 8 && !input.empty(); ++edits) {
    const std::uint8_t array = input.byte();
    if (array >= 248) {
      edit(data.interactions.behaviours, input);
      continue;
    }
    if (array >= 240) {
      edit_texts(data.interactions.behaviour_names, input);
      continue;
    }
    switch (array % 12) {
      case 0:
        edit_texts(data.catalogue.ids, input);
        break;
      case 1:
        edit_texts(data.catalogue.titles, input);
        break;
      case 2:
        edit_texts(data.catalogue.attribute_names, input);
        break;
      case 3:
        edit(data.catalogue.attribute_offsets, input);
        break;
      case 4:
        edit(data.catalogue.attributes, input);
        break;
      case 5:
        edit(data.catalogue.popularity, input);
        break;
      case 6:
        edit_texts(data.interactions.user_ids, input);
        break;
      case 7:
        edit(parts, input);
        break;
      case 8:
        edit(data.interactions.offsets, input);
        break;
      case 9:
        edit(data.interactions.items, input);
        break;
      case 10:
        edit(data.interactions.times, input);
        break;
      default:
        edit(data.interactions.ratings, input);
        break;
    }
  }
  data.parts.clear();
  for (const std::uint8_t part : parts) data.parts.push_back(static_cast<Part>(part));
  if (refresh_fingerprint) data.fingerprint = fingerprint_of(data);
  return unchecked_file(data, parts, left_out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::span<const std::uint8_t> input(bytes, size);
  if (input.empty()) return 0;
  try {
    const std::vector<std::byte> edited =
        input[0] == 'r' ? std::vector<std::byte>() : edited_file(Input(input));
    const auto file = input[0] == 'r' ? std::as_bytes(input.subspan(1)) : std::span<const std::byte>(edited);
    const Dataset dataset = parse_dataset(file, "fuzz.h5");
    if (find_fault(dataset) || fingerprint_of(dataset) != dataset.fingerprint) std::abort();
  } catch (const Error&) {
    // A clear message is the right answer to most inputs.
  }
  return 0;
}
