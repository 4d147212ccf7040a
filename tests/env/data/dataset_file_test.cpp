#include "env/store/dataset_file.h"

#include <filesystem>
#include <limits>

#include "env/data/check.h"
#include "env/data/fingerprint.h"
#include "env/store/atomic_file.h"
#include "env/store/sealed_file.h"
#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;

namespace {

void check_equal(const Dataset& a, const Dataset& b) {
  CHECK(a.name == b.name);
  CHECK(a.catalogue.ids == b.catalogue.ids);
  CHECK(a.catalogue.titles == b.catalogue.titles);
  CHECK(a.catalogue.attribute_names == b.catalogue.attribute_names);
  CHECK(a.catalogue.attribute_offsets == b.catalogue.attribute_offsets);
  CHECK(a.catalogue.attributes == b.catalogue.attributes);
  CHECK(a.catalogue.popularity == b.catalogue.popularity);
  CHECK(a.interactions.user_ids == b.interactions.user_ids);
  CHECK(a.interactions.offsets == b.interactions.offsets);
  CHECK(a.interactions.items == b.interactions.items);
  CHECK(a.interactions.times == b.interactions.times);
  CHECK(a.interactions.ratings == b.interactions.ratings);
  CHECK(a.interactions.behaviours == b.interactions.behaviours);
  CHECK(a.interactions.behaviour_names == b.interactions.behaviour_names);
  CHECK(a.parts == b.parts);
  CHECK(a.split_seed == b.split_seed);
  CHECK(a.provenance.source == b.provenance.source);
  CHECK(a.provenance.origin == b.provenance.origin);
  CHECK(a.provenance.filters == b.provenance.filters);
  CHECK(a.provenance.generator == b.provenance.generator);
  CHECK(a.fingerprint == b.fingerprint);
}

/// A sealed file of the small data set in which `change` has replaced members: what a forger or a faulty
/// writer makes.
std::vector<std::byte> forged(const std::function<void(hdf5::Group&, const Dataset&)>& extra,
                              const std::vector<std::string>& left_out = {}) {
  const Dataset data = small_movielens();
  const auto bytes = dataset_bytes(data);
  const hdf5::File original = unseal(bytes, "original", "dataset", dataset_format);
  hdf5::File copy = hdf5::File::create_in_memory("forged");
  copy.set_attribute("fingerprint", data.fingerprint);
  copy.set_attribute("split_seed", data.split_seed);
  copy.set_attribute("users", std::int64_t{2});
  copy.set_attribute("items", std::int64_t{3});
  copy.set_attribute("interactions", std::int64_t{5});
  copy.write_text("name", data.name);
  for (const std::string group : {"catalogue", "users", "interactions", "provenance"}) {
    for (const std::string& member : original.group(group).members()) {
      const std::string path = group + "/" + member;
      if (std::find(left_out.begin(), left_out.end(), path) != left_out.end()) continue;
      if (group == "provenance") {
        copy.write_text(path, original.read_text(path));
      } else if (original.is_group(path)) {
        copy.write_strings(path, original.read_strings(path));
      } else {
        copy.write(path, original.read(path));
      }
    }
  }
  extra(copy, data);
  return seal(copy, "dataset", dataset_format);
}

template <class Expected>
std::string parse_failure(const std::vector<std::byte>& bytes) {
  return message_of<Expected>([&] { parse_dataset(bytes, "x.h5"); });
}

template <class T>
std::string replaced(const std::string& path, std::vector<T> values) {
  return parse_failure<FormatError>(
      forged([&](hdf5::Group& file, const Dataset&) { file.write(path, values); }, {path}));
}

}  // namespace

TEST_CASE("dataset file: what is written is read, and equal data give equal bytes") {
  const Dataset data = small_movielens();
  const auto bytes = dataset_bytes(data);
  check_equal(parse_dataset(bytes, "x.h5"), data);
  CHECK(dataset_bytes(small_movielens()) == bytes);

  const auto path = std::filesystem::temp_directory_path() / "veer_dataset_file_test.h5";
  write_dataset(path, data);
  CHECK(read_file(path) == bytes);
  check_equal(read_dataset(path), data);
  std::filesystem::remove(path);

  Dataset other = data;
  other.split_seed = 2;
  CHECK(dataset_bytes(other) != bytes);
}

TEST_CASE("dataset file: without times, ratings, attributes and provenance") {
  ImportOptions options;
  options.duplicates = Duplicates::keep_all;
  Dataset data = import_texts("csv", {{"l.csv", "user,item\n1,7\n1,8\n1,7\n"}}, "l.csv", options);
  data.provenance = {};
  data.name = "";
  check_equal(parse_dataset(dataset_bytes(data), "x.h5"), data);
}

TEST_CASE("dataset file: kinds of interaction, and what breaks their rules") {
  ImportOptions options;
  options.purchase_rating = 4;
  const Dataset data = small_movielens(options);
  check_equal(parse_dataset(dataset_bytes(data), "x.h5"), data);

  const auto fault_of = [&](const std::function<void(Interactions&)>& change) {
    Dataset broken = data;
    change(broken.interactions);
    const auto fault = find_fault(broken);
    return fault ? fault->field + ": " + fault->found + "; " + fault->expected : "none";
  };
  check_message(fault_of([](Interactions& i) { i.behaviours.pop_back(); }), {"behaviours", "4 values", "5"});
  check_message(fault_of([](Interactions& i) { i.behaviours.clear(); }), {"behaviours", "0 values", "5"});
  check_message(fault_of([](Interactions& i) { i.behaviour_names.clear(); }),
                {"behaviours", "5 values", "0"});
  check_message(fault_of([](Interactions& i) { i.behaviours[3] = 2; }), {"behaviours[3]", "2", "0 to 1"});
  check_message(fault_of([](Interactions& i) { i.behaviour_names[1] = "click"; }),
                {"behaviour_names[1]", "again"});
  check_message(fault_of([](Interactions& i) {
                  i.behaviour_names.clear();
                  for (int kind = 0; kind < 256; ++kind) i.behaviour_names.push_back(std::to_string(kind));
                }),
                {"behaviour_names", "256 names", "at most 255"});
  CHECK(fault_of([](Interactions&) {}) == "none");
  // Half of the pair in a file is a format error.
  check_message(parse_failure<FormatError>(forged([](hdf5::Group& file, const Dataset&) {
                  file.write("interactions/behaviours", std::vector<std::uint8_t>{0, 0, 0, 0, 0});
                })),
                {"x.h5", "behaviour_names"});
}

TEST_CASE("dataset file: a data set that breaks its rules is not written") {
  const auto refuse = [](const std::function<void(Dataset&)>& change) {
    Dataset data = small_movielens();
    data.name = "small";
    change(data);
    return message_of<DataError>([&] { dataset_bytes(data); });
  };
  check_message(refuse([](Dataset& d) { d.fingerprint.clear(); }),
                {"small", "fingerprint", "none", "fingerprint_of"});
  check_message(refuse([](Dataset& d) { d.catalogue.titles[1] = "x"; }), {"fingerprint"});
  check_message(refuse([](Dataset& d) { d.interactions.items[0] = 4; }),
                {"interactions/items[0]", "4", "1 to 3"});
  check_message(refuse([](Dataset& d) { d.parts.pop_back(); }), {"users/parts", "1 values", "2"});
}

TEST_CASE("dataset file: every index and offset is checked") {
  using I64 = std::vector<std::int64_t>;
  using I32 = std::vector<std::int32_t>;
  check_message(replaced("interactions/items", I32{1, 3, 2, 1, 0}),
                {"x.h5", "interactions/items[4]", "0", "1 to 3"});
  check_message(replaced("interactions/items", I32{1, 3, 2, 1, -2147483647 - 1}),
                {"interactions/items[4]", "1 to 3"});
  check_message(replaced("interactions/items", I32{1, 3, 2, 1}),
                {"interactions/offsets", "5 last", "from 0 to 4"});
  check_message(replaced("interactions/offsets", I64{0, 7, 5}), {"interactions/offsets[2]", "5 after 7"});
  check_message(replaced("interactions/offsets", I64{1, 3, 5}), {"interactions/offsets", "1 first"});
  check_message(replaced("interactions/offsets", I64{}), {"interactions/offsets", "0 values", "3"});
  check_message(replaced("interactions/times", I64{50, 100, 99, 7, 8}),
                {"interactions/times[2]", "99 after 100"});
  check_message(replaced("interactions/times", I64{50}), {"interactions/times", "1 values", "5"});
  check_message(replaced("interactions/ratings",
                         std::vector<float>{3, 5, 4, 1, std::numeric_limits<float>::quiet_NaN()}),
                {"interactions/ratings[4]", "nan", "finite"});
  check_message(replaced("interactions/ratings", I32{1, 2, 3, 4, 5}), {"interactions/ratings", "f32"});
  check_message(replaced("catalogue/attribute_offsets", I64{0, 0, 2, 9, 4}),
                {"catalogue/attribute_offsets[4]", "4 after 9"});
  check_message(replaced("catalogue/attribute_offsets", I64{0, 2, 2, 3, 4}), {"catalogue", "index 0"});
  check_message(replaced("catalogue/attributes", I32{0, 1, 3, 0}),
                {"catalogue/attributes[2]", "3", "0 to 2"});
  check_message(replaced("catalogue/attributes", I32{1, 0, 2, 0}), {"attributes of item 1 out of order"});
  check_message(replaced("catalogue/popularity", I64{0, 2, 2, 2}),
                {"catalogue/popularity[3]", "2", "1, the number"});
  check_message(replaced("users/parts", std::vector<std::uint8_t>{0, 4}), {"users/parts[1]", "4", "0 to 3"});

  const auto replaced_texts = [](const std::string& path, const std::vector<std::string>& texts) {
    return parse_failure<FormatError>(
        forged([&](hdf5::Group& file, const Dataset&) { file.write_strings(path, texts); }, {path}));
  };
  check_message(replaced_texts("catalogue/ids", {"", "1", "2", "1"}),
                {"catalogue/ids[3]", "the text of 1 again"});
  check_message(replaced_texts("catalogue/ids", {"", "1", "", "3"}), {"catalogue/ids[2]", "an empty text"});
  check_message(replaced_texts("catalogue/ids", {""}), {"catalogue/ids", "1 values"});
  check_message(replaced_texts("catalogue/titles", {"", "a"}), {"catalogue/titles", "2 values", "4"});
  check_message(replaced_texts("users/ids", {}), {"users/ids", "0 values"});
}

TEST_CASE("dataset file: content that is not what the fingerprint says") {
  const auto bytes = forged(
      [](hdf5::Group& file, const Dataset& data) {
        std::vector<std::string> titles = data.catalogue.titles;
        titles[1] = "Another film";
        file.write_strings("catalogue/titles", titles);
      },
      {"catalogue/titles"});
  check_message(parse_failure<VerificationError>(bytes),
                {"x.h5", "fingerprint", "that of the content", "import"});
}

TEST_CASE("dataset file: missing members, other kinds, other versions, damage") {
  const auto nothing = [](hdf5::Group&, const Dataset&) {};
  CHECK_NOTHROW(parse_dataset(forged(nothing), "x.h5"));
  for (const char* path :
       {"catalogue/ids", "catalogue/popularity", "users/parts", "interactions/items", "provenance/origin"}) {
    CAPTURE(path);
    check_message(parse_failure<FormatError>(forged(nothing, {path})), {"x.h5", path});
  }
  // Times and ratings may be missing, but then the fingerprint is another one.
  check_message(parse_failure<VerificationError>(forged(nothing, {"interactions/times"})), {"fingerprint"});

  hdf5::File empty = hdf5::File::create_in_memory("empty");
  check_message(parse_failure<FormatError>(seal(empty, "dataset", dataset_format)), {"x.h5", "fingerprint"});
  check_message(parse_failure<FormatError>(seal(empty, "model", 1)), {"x.h5", "model"});
  check_message(parse_failure<FormatError>(seal(empty, "dataset", dataset_format + 1)), {"x.h5", "2"});

  std::vector<std::byte> bytes = dataset_bytes(small_movielens());
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{511}, std::size_t{512},
                           bytes.size() / 2, bytes.size() - 1}) {
    CAPTURE(size);
    parse_failure<FormatError>({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
  }
  for (std::size_t at = seal_size; at < bytes.size(); at += bytes.size() / 50) {
    std::vector<std::byte> damaged = bytes;
    damaged[at] ^= std::byte{1};
    CAPTURE(at);
    parse_failure<VerificationError>(damaged);
  }
  check_message(message_of<IoError>([] { read_dataset("/nonexistent/x.h5"); }), {"/nonexistent/x.h5"});
}
