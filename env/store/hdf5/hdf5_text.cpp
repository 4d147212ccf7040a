// Texts, lists of strings, and attributes.
#include <algorithm>
#include <array>

#include "env/store/hdf5/hdf5_calls.h"

namespace veer::hdf5 {

namespace {

constexpr std::size_t largest_text = std::size_t{1} << 30;
constexpr std::size_t largest_attribute = 60'000;  // HDF5's limit for an object header message is 64 KiB

/// UTF-8 of exactly this many bytes, padded with NUL; HDF5 knows no string of length 0.
Handle string_type(std::size_t length) {
  Handle type = take(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.id(), std::max<std::size_t>(length, 1));
  H5Tset_strpad(type.id(), H5T_STR_NULLPAD);
  H5Tset_cset(type.id(), H5T_CSET_UTF8);
  return type;
}

/// Length of a fixed-length string type; 0 when the type is something else.
std::size_t string_length(hid_t type) {
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0) return 0;
  return H5Tget_size(type);
}

void check_text(const std::string& file, const std::string& field, std::string_view text, std::size_t limit) {
  if (text.find('\0') != std::string_view::npos) {
    throw DataError(Where{file, 0, field}, Problem{"a text with a NUL byte", "UTF-8 text without one", ""});
  }
  if (text.size() > limit) {
    throw DataError(Where{file, 0, field}, Problem{"a text of " + std::to_string(text.size()) + " bytes",
                                                   "at most " + std::to_string(limit), ""});
  }
}

std::string without_padding(std::string text) {
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

}  // namespace

void Group::write_text(const std::string& name, std::string_view text) {
  const Lock lock;
  check_text(file_, place(name), text, largest_text);
  const Handle type = string_type(text.size());
  const Handle space = take(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle link = take(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(link.id(), 1);
  const Handle properties = take(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties.id(), false);
  const Handle dataset =
      take(H5Dcreate2(id(), name.c_str(), type.id(), space.id(), link.id(), properties.id(), H5P_DEFAULT),
           H5Dclose);
  const std::string value(text);  // ends in NUL, which the string of length 0 needs
  if (dataset.id() < 0 ||
      H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, value.c_str()) < 0) {
    fail(name, "a text that cannot be written (" + library_message() + ")", "a new name");
  }
}

std::string Group::read_text(const std::string& name) const {
  const Lock lock;
  const Handle dataset = open_dataset(name);
  const Handle type = take(H5Dget_type(dataset.id()), H5Tclose);
  const Handle space = take(H5Dget_space(dataset.id()), H5Sclose);
  const std::size_t length = string_length(type.id());
  if (length == 0 || H5Sget_simple_extent_type(space.id()) != H5S_SCALAR)
    fail(name, "something else", "one text");
  if (length > largest_text) fail(name, "a text of " + std::to_string(length) + " bytes", "at most 2^30");
  check_storage(dataset.id(), name, length);
  std::string text(length, '\0');
  const Handle memory = string_type(length);
  if (H5Dread(dataset.id(), memory.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()) < 0) {
    fail(name, "a text that cannot be read (" + library_message() + ")", "a text");
  }
  return without_padding(std::move(text));
}

void Group::write_strings(const std::string& name, std::span<const std::string> strings) {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::uint8_t> bytes;
  for (const std::string& text : strings) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  Group list = create_group(name);
  list.write("bytes", bytes);
  list.write("offsets", offsets);
}

std::vector<std::string> Group::read_strings(const std::string& name) const {
  const Group list = group(name);
  const auto bytes = list.read<std::uint8_t>("bytes");
  const auto offsets = list.read<std::int64_t>("offsets");
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != static_cast<std::int64_t>(bytes.size()) ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    fail(name, "offsets that do not rise from 0 to " + std::to_string(bytes.size()),
         "the bounds of the strings");
  }
  std::vector<std::string> strings;
  strings.reserve(offsets.size() - 1);
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    strings.emplace_back(bytes.begin() + offsets[i], bytes.begin() + offsets[i + 1]);
  }
  return strings;
}

// ---- attributes

namespace {

bool write_attribute(hid_t object, const std::string& name, hid_t type, const void* value) {
  const Handle space = take(H5Screate(H5S_SCALAR), H5Sclose);
  const Handle attribute =
      take(H5Acreate2(object, name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
  return attribute.id() >= 0 && H5Awrite(attribute.id(), type, value) >= 0;
}

}  // namespace

void Group::set_attribute(const std::string& name, std::string_view value) {
  const Lock lock;
  check_text(file_, place(name), value, largest_attribute);
  const Handle type = string_type(value.size());
  const std::string text(value);
  if (!write_attribute(id(), name, type.id(), text.c_str())) fail(name, library_message(), "a new attribute");
}

void Group::set_attribute(const std::string& name, std::int64_t value) {
  const Lock lock;
  if (!write_attribute(id(), name, H5T_STD_I64LE, &value)) fail(name, library_message(), "a new attribute");
}

void Group::set_attribute(const std::string& name, std::uint64_t value) {
  const Lock lock;
  if (!write_attribute(id(), name, H5T_STD_U64LE, &value)) fail(name, library_message(), "a new attribute");
}

void Group::set_attribute(const std::string& name, double value) {
  const Lock lock;
  if (!write_attribute(id(), name, H5T_IEEE_F64LE, &value)) fail(name, library_message(), "a new attribute");
}

bool Group::has_attribute(const std::string& name) const {
  const Lock lock;
  return H5Aexists(id(), name.c_str()) > 0;
}

std::vector<std::string> Group::attributes() const {
  const Lock lock;
  std::vector<std::string> names;
  for (hsize_t i = 0;; ++i) {
    std::array<char, 1024> buffer{};
    const ssize_t length = H5Aget_name_by_idx(id(), ".", H5_INDEX_NAME, H5_ITER_INC, i, buffer.data(),
                                              buffer.size(), H5P_DEFAULT);
    if (length < 0) break;  // past the last one
    if (length >= static_cast<ssize_t>(buffer.size()))
      fail("", "an attribute with a long name", "at most 1,023 bytes");
    names.emplace_back(buffer.data(), static_cast<std::size_t>(length));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Group::text_attribute(const std::string& name) const {
  const Lock lock;
  if (!has_attribute(name)) fail(name, "no attribute of this name", "a text");
  const Handle attribute = take(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle type = take(H5Aget_type(attribute.id()), H5Tclose);
  const Handle space = take(H5Aget_space(attribute.id()), H5Sclose);
  const std::size_t length = string_length(type.id());
  if (length == 0 || length > 65'536 || H5Sget_simple_extent_type(space.id()) != H5S_SCALAR) {
    fail(name, "something else", "a text attribute");
  }
  std::string text(length, '\0');
  const Handle memory = string_type(length);
  if (H5Aread(attribute.id(), memory.id(), text.data()) < 0)
    fail(name, library_message(), "a text attribute");
  return without_padding(std::move(text));
}

void Group::read_attribute(const std::string& name, std::int64_t type, void* value) const {
  if (!has_attribute(name)) fail(name, "no attribute of this name", "a number");
  const Handle attribute = take(H5Aopen(id(), name.c_str(), H5P_DEFAULT), H5Aclose);
  const Handle found = take(H5Aget_type(attribute.id()), H5Tclose);
  const Handle space = take(H5Aget_space(attribute.id()), H5Sclose);
  if (H5Tequal(found.id(), type) <= 0 || H5Sget_simple_extent_type(space.id()) != H5S_SCALAR) {
    fail(name, "something else", "one 64-bit number of the expected kind");
  }
  if (H5Aread(attribute.id(), type, value) < 0) fail(name, library_message(), "a number");
}

std::int64_t Group::integer_attribute(const std::string& name) const {
  const Lock lock;
  std::int64_t value = 0;
  read_attribute(name, H5T_STD_I64LE, &value);
  return value;
}

std::uint64_t Group::unsigned_attribute(const std::string& name) const {
  const Lock lock;
  std::uint64_t value = 0;
  read_attribute(name, H5T_STD_U64LE, &value);
  return value;
}

double Group::real_attribute(const std::string& name) const {
  const Lock lock;
  double value = 0;
  read_attribute(name, H5T_IEEE_F64LE, &value);
  return value;
}

}  // namespace veer::hdf5
