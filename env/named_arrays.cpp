#include "env/named_arrays.h"

#include "env/error.h"

namespace veer {

std::size_t size_of(ArrayType type) noexcept {
  switch (type) {
    case ArrayType::f32:
    case ArrayType::i32:
      return 4;
    case ArrayType::u8:
      return 1;
    case ArrayType::f64:
    case ArrayType::i64:
    case ArrayType::u64:
      return 8;
  }
  return 1;
}

std::string_view name_of(ArrayType type) noexcept {
  switch (type) {
    case ArrayType::f32:
      return "f32";
    case ArrayType::f64:
      return "f64";
    case ArrayType::i32:
      return "i32";
    case ArrayType::i64:
      return "i64";
    case ArrayType::u64:
      return "u64";
    case ArrayType::u8:
      return "u8";
  }
  return "?";
}

std::int64_t NamedArray::size() const noexcept {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

void NamedArrays::put(const std::string& name, NamedArray array) {
  const std::size_t expected = static_cast<std::size_t>(array.size()) * size_of(array.type);
  if (array.bytes.size() != expected) {
    throw FormatError(Where{{}, 0, name}, Problem{std::to_string(array.bytes.size()) + " bytes",
                                                  std::to_string(expected) + " for its shape", ""});
  }
  arrays_[name] = std::move(array);
}

void NamedArrays::set_text(const std::string& name, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  put(name, {ArrayType::u8, {static_cast<std::int64_t>(text.size())}, {bytes.begin(), bytes.end()}});
}

std::string NamedArrays::text(const std::string& name) const {
  const auto bytes = get<std::uint8_t>(name);
  return {bytes.begin(), bytes.end()};
}

const NamedArray& NamedArrays::at(const std::string& name) const {
  const auto found = arrays_.find(name);
  if (found == arrays_.end()) {
    throw FormatError(Where{{}, 0, name}, Problem{"no array of this name", "one", ""});
  }
  return found->second;
}

const NamedArray& NamedArrays::at(const std::string& name, ArrayType type) const {
  const NamedArray& array = at(name);
  if (array.type != type) {
    throw FormatError(Where{{}, 0, name},
                      Problem{std::string(name_of(array.type)) + " values", std::string(name_of(type)), ""});
  }
  return array;
}

void NamedArrays::refuse_scalar(const std::string& name, std::size_t found) {
  throw FormatError(Where{{}, 0, name}, Problem{std::to_string(found) + " values", "one", ""});
}

NamedArrays NamedArrays::group(const std::string& prefix) const {
  NamedArrays result;
  const std::string start = prefix + "/";
  for (auto it = arrays_.lower_bound(start); it != arrays_.end() && it->first.starts_with(start); ++it) {
    result.arrays_.emplace(it->first.substr(start.size()), it->second);
  }
  return result;
}

void NamedArrays::put_group(const std::string& prefix, const NamedArrays& arrays) {
  for (const auto& [name, array] : arrays.arrays_) arrays_[prefix + "/" + name] = array;
}

}  // namespace veer
