// A small RAII layer over the HDF5 C API: files in memory, groups, arrays, texts, attributes.
//
// Thread-safety: HDF5 is one global lock at best and not thread-safe at worst, so every call here holds one
// process mutex, closing handles included. Calls from several threads are correct and gain nothing; objects
// of this header themselves belong to one thread at a time. Only hdf5*.cpp and hdf5_calls.h include HDF5.
// Ownership: File and Group own their HDF5 handles; a Group may outlive its File object.
//
// Files are built in memory and written by env/store/sealed_file.h, so that they appear whole or not at all,
// and equal content gives equal bytes: no times are stored, members are created in the order of the calls.
//
// Reading trusts nothing: type, rank and size are checked before memory is taken, links other than hard ones,
// external and virtual storage and unknown filters are refused, plug-ins are never loaded. Everything wrong
// with a file is a FormatError naming the file and the member.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "env/named_arrays.h"

namespace veer::hdf5 {

/// An HDF5 identifier (hid_t) that closes itself. Move-only.
class Handle {
 public:
  using Close = int (*)(std::int64_t);
  Handle() = default;
  Handle(std::int64_t id, Close close) noexcept : id_(id), close_(close) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle();
  std::int64_t id() const noexcept { return id_; }

 private:
  std::int64_t id_ = -1;
  Close close_ = nullptr;
};

/// Type and extents of a stored array; a scalar has no extents.
struct ArrayInfo {
  ArrayType type = ArrayType::f32;
  std::vector<std::int64_t> shape;
};

/// A group and what hangs on it. Names may hold '/'; groups on the way are created when writing.
class Group {
 public:
  /// The group of this name, created when it is not there.
  Group create_group(const std::string& name);
  Group group(const std::string& name) const;  ///< throws FormatError when it is missing or no group
  bool contains(const std::string& name) const;
  bool is_group(const std::string& name) const;
  std::vector<std::string> members() const;  ///< names in ascending byte order

  /// Writes an array row-major; anything above a kilobyte is cut into chunks of about 256 KiB, shuffled and
  /// deflated (level 1). Throws FormatError when bytes and shape disagree or the name is taken.
  void write(const std::string& name, ArrayType type, std::span<const std::int64_t> shape,
             std::span<const std::byte> bytes);
  void write(const std::string& name, const NamedArray& array) {
    write(name, array.type, array.shape, array.bytes);
  }
  /// An array of vector or span `values`; without a shape, one-dimensional.
  template <class Range>
  void write(const std::string& name, const Range& values, std::vector<std::int64_t> shape = {}) {
    using T = std::remove_cv_t<typename Range::value_type>;
    const std::span<const T> span(values);
    if (shape.empty()) shape = {static_cast<std::int64_t>(span.size())};
    write(name, array_type<T>(), shape, std::as_bytes(span));
  }

  ArrayInfo info(const std::string& name) const;
  NamedArray read(const std::string& name) const;
  /// Checked against the expected type and shape; an extent of -1 matches any. Throws FormatError.
  NamedArray read(const std::string& name, ArrayType type, std::span<const std::int64_t> shape) const;
  /// The values of an array of T; `shape` as above, one free dimension by default.
  template <class T>
  std::vector<T> read(const std::string& name, const std::vector<std::int64_t>& shape = {-1}) const {
    const NamedArray array = read(name, array_type<T>(), shape);
    std::vector<T> values(array.bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
    return values;
  }

  /// UTF-8 text of any length, stored as one fixed-length string. Throws DataError when it holds a NUL byte.
  void write_text(const std::string& name, std::string_view text);
  std::string read_text(const std::string& name) const;
  /// A list of strings: group `name` with arrays `bytes` (u8) and `offsets` (i64, one more than strings).
  void write_strings(const std::string& name, std::span<const std::string> strings);
  std::vector<std::string> read_strings(const std::string& name) const;

  /// Attributes of this group; a text attribute holds at most 60,000 bytes and no NUL.
  void set_attribute(const std::string& name, std::string_view value);
  void set_attribute(const std::string& name, const char* value) {
    set_attribute(name, std::string_view(value));
  }
  void set_attribute(const std::string& name, std::int64_t value);
  void set_attribute(const std::string& name, std::uint64_t value);
  void set_attribute(const std::string& name, double value);
  bool has_attribute(const std::string& name) const;
  std::vector<std::string> attributes() const;  ///< names in ascending byte order
  std::string text_attribute(const std::string& name) const;
  std::int64_t integer_attribute(const std::string& name) const;
  std::uint64_t unsigned_attribute(const std::string& name) const;
  double real_attribute(const std::string& name) const;

 protected:
  Group(Handle handle, std::string file, std::string path)
      : handle_(std::move(handle)), file_(std::move(file)), path_(std::move(path)) {}

 private:
  std::int64_t id() const noexcept { return handle_.id(); }
  std::string place(const std::string& name) const;
  [[noreturn]] void fail(const std::string& name, const std::string& found,
                         const std::string& expected) const;
  Handle open_object(const std::string& name) const;
  Handle open_dataset(const std::string& name) const;
  void check_storage(std::int64_t dataset, const std::string& name, std::uint64_t bytes) const;
  void read_attribute(const std::string& name, std::int64_t type, void* value) const;

  Handle handle_;
  std::string file_;
  std::string path_;  ///< "" for the root
};

/// The root group of a file.
class File : public Group {
 public:
  /// An empty file in memory; `name` is used in messages only.
  static File create_in_memory(const std::string& name);
  /// A read-only file from its bytes, which are copied. Throws FormatError when they are not an HDF5 file.
  /// libhdf5 itself can be made to crash by damaged structures: open files of unknown origin through their
  /// seal.
  static File open_image(std::span<const std::byte> bytes, const std::string& name);

  /// The bytes of the file as it stands.
  std::vector<std::byte> image() const;

 private:
  File(Handle root, Handle file, std::string name);
  Handle file_handle_;
};

/// "1.10.8 (thread-safe)": for --version.
std::string library_version();

}  // namespace veer::hdf5
