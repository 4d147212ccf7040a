// Arrays with names and shapes, in memory: how weights, optimiser state and checkpoints travel between the
// code that computes them and env/store, which alone knows the file format. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veer {

enum class ArrayType : std::uint8_t { f32, f64, i32, i64, u64, u8 };

std::size_t size_of(ArrayType type) noexcept;
std::string_view name_of(ArrayType type) noexcept;

template <class T>
constexpr ArrayType array_type();
template <>
constexpr ArrayType array_type<float>() {
  return ArrayType::f32;
}
template <>
constexpr ArrayType array_type<double>() {
  return ArrayType::f64;
}
template <>
constexpr ArrayType array_type<std::int32_t>() {
  return ArrayType::i32;
}
template <>
constexpr ArrayType array_type<std::int64_t>() {
  return ArrayType::i64;
}
template <>
constexpr ArrayType array_type<std::uint64_t>() {
  return ArrayType::u64;
}
template <>
constexpr ArrayType array_type<std::uint8_t>() {
  return ArrayType::u8;
}

struct NamedArray {
  ArrayType type = ArrayType::f32;
  std::vector<std::int64_t> shape;  ///< empty: a scalar
  std::vector<std::byte> bytes;     ///< row-major, native byte order

  std::int64_t size() const noexcept;  ///< number of values
};

class NamedArrays {
 public:
  /// Stores a copy. A name may hold '/' to group; setting a name again replaces the array.
  template <class T>
  void set(const std::string& name, std::span<const T> values, std::vector<std::int64_t> shape = {}) {
    if (shape.empty()) shape = {static_cast<std::int64_t>(values.size())};
    const auto bytes = std::as_bytes(values);
    put(name, {array_type<T>(), std::move(shape), {bytes.begin(), bytes.end()}});
  }
  template <class T>
  void set_scalar(const std::string& name, T value) {
    const auto bytes = std::as_bytes(std::span<const T>(&value, 1));
    put(name, {array_type<T>(), {}, {bytes.begin(), bytes.end()}});
  }
  void set_text(const std::string& name, std::string_view text);

  /// The values of an array. Throws FormatError when it is missing or of another type.
  template <class T>
  std::span<const T> get(const std::string& name) const {
    const NamedArray& array = at(name, array_type<T>());
    return {reinterpret_cast<const T*>(array.bytes.data()), array.bytes.size() / sizeof(T)};
  }
  /// The one value of an array. Throws FormatError as get() does, and when there is not exactly one.
  template <class T>
  T scalar(const std::string& name) const {
    const std::span<const T> values = get<T>(name);
    if (values.size() != 1) refuse_scalar(name, values.size());
    return values.front();
  }
  std::string text(const std::string& name) const;

  bool contains(const std::string& name) const { return arrays_.contains(name); }
  const NamedArray& at(const std::string& name) const;
  void put(const std::string& name, NamedArray array);  ///< throws FormatError when shape and bytes disagree
  const std::map<std::string, NamedArray>& all() const noexcept { return arrays_; }

  /// All arrays below "prefix/", with the prefix taken off; and the reverse.
  NamedArrays group(const std::string& prefix) const;
  void put_group(const std::string& prefix, const NamedArrays& arrays);

 private:
  [[noreturn]] static void refuse_scalar(const std::string& name, std::size_t found);
  const NamedArray& at(const std::string& name, ArrayType type) const;
  std::map<std::string, NamedArray> arrays_;
};

}  // namespace veer
