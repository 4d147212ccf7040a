// Arrays: chunked and deflated on the way in, checked before memory is taken on the way out.
#include <algorithm>
#include <array>

#include "env/store/hdf5/hdf5_calls.h"

namespace veer::hdf5 {

namespace {

constexpr std::int64_t chunk_bytes = 256 << 10;
constexpr std::int64_t largest_chunk = 64 << 20;  // of a foreign writer; HDF5 holds one chunk in memory
constexpr std::size_t smallest_chunked = 1024;    // below, the index of the chunks would outweigh the data
constexpr int largest_rank = 8;
// Deflate shrinks at most 1,032 to 1. An array that claims more than that of what is stored is a lie.
constexpr std::uint64_t largest_ratio = 1040;

constexpr std::array all_types{ArrayType::f32, ArrayType::f64, ArrayType::i32,
                               ArrayType::i64, ArrayType::u64, ArrayType::u8};

std::string text_of(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t extent : shape) {
    if (text.size() > 1) text += ", ";
    text += extent < 0 ? "any" : std::to_string(extent);
  }
  return text + "]";
}

/// Whole rows of the first dimension while they fit; otherwise one row, cut along the next dimension, and so
/// on.
std::vector<hsize_t> chunk_shape(std::span<const std::int64_t> shape, std::size_t value_size) {
  std::int64_t room = chunk_bytes / static_cast<std::int64_t>(value_size);
  std::vector<hsize_t> chunk(shape.size());
  for (std::size_t i = shape.size(); i-- > 0;) {
    const std::int64_t extent = std::clamp<std::int64_t>(room, 1, shape[i]);
    chunk[i] = static_cast<hsize_t>(extent);
    room /= extent;
  }
  return chunk;
}

Handle array_properties(std::span<const std::int64_t> shape, std::size_t value_size, std::size_t bytes) {
  Handle properties = take(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(properties.id(), false);
  if (bytes > smallest_chunked) {
    const auto chunk = chunk_shape(shape, value_size);
    H5Pset_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(properties.id());
    H5Pset_deflate(properties.id(), 1);
  }
  return properties;
}

}  // namespace

hid_t stored_type(ArrayType type) {
  switch (type) {
    case ArrayType::f32:
      return H5T_IEEE_F32LE;
    case ArrayType::f64:
      return H5T_IEEE_F64LE;
    case ArrayType::i32:
      return H5T_STD_I32LE;
    case ArrayType::i64:
      return H5T_STD_I64LE;
    case ArrayType::u64:
      return H5T_STD_U64LE;
    case ArrayType::u8:
      return H5T_STD_U8LE;
  }
  return H5T_STD_U8LE;
}

void Group::write(const std::string& name, ArrayType type, std::span<const std::int64_t> shape,
                  std::span<const std::byte> bytes) {
  const Lock lock;
  std::vector<hsize_t> extents;
  std::size_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0) fail(name, "shape " + text_of(shape), "extents of at least 0");
    extents.push_back(static_cast<hsize_t>(extent));
    count *= static_cast<std::size_t>(extent);
  }
  if (count * size_of(type) != bytes.size()) {
    fail(name, std::to_string(bytes.size()) + " bytes", "as many as shape " + text_of(shape) + " holds");
  }
  const Handle space =
      shape.empty()
          ? take(H5Screate(H5S_SCALAR), H5Sclose)
          : take(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose);
  const Handle link = take(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(link.id(), 1);
  const Handle properties = array_properties(shape, size_of(type), bytes.size());
  const Handle dataset = take(
      H5Dcreate2(id(), name.c_str(), stored_type(type), space.id(), link.id(), properties.id(), H5P_DEFAULT),
      H5Dclose);
  if (dataset.id() < 0) fail(name, "an array that cannot be made (" + library_message() + ")", "a new name");
  if (!bytes.empty() &&
      H5Dwrite(dataset.id(), stored_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) {
    fail(name, "an array that cannot be written (" + library_message() + ")", "an array");
  }
}

Handle Group::open_dataset(const std::string& name) const {
  Handle dataset = open_object(name);
  if (H5Iget_type(dataset.id()) != H5I_DATASET) fail(name, "an object that is no array", "an array");
  return dataset;
}

void Group::check_storage(std::int64_t dataset, const std::string& name, std::uint64_t bytes) const {
  const Handle properties = take(H5Dget_create_plist(dataset), H5Pclose);
  const H5D_layout_t layout = H5Pget_layout(properties.id());
  if (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED) {
    fail(name, "virtual or unknown storage", "chunked, contiguous or compact storage");
  }
  if (H5Pget_external_count(properties.id()) != 0)
    fail(name, "values kept in another file", "values in this file");
  const int filters = H5Pget_nfilters(properties.id());
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, config = 0;
    std::size_t values = 0;
    const H5Z_filter_t filter = H5Pget_filter2(properties.id(), static_cast<unsigned>(i), &flags, &values,
                                               nullptr, 0, nullptr, &config);
    if (filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_FLETCHER32) {
      fail(name, "filter " + std::to_string(filter), "shuffle, deflate or fletcher32");
    }
  }
  if (layout == H5D_CHUNKED) {
    std::array<hsize_t, largest_rank> chunk{};
    const int rank = H5Pget_chunk(properties.id(), largest_rank, chunk.data());
    const Handle type = take(H5Dget_type(dataset), H5Tclose);
    std::uint64_t size = std::max<std::uint64_t>(H5Tget_size(type.id()), 1);
    for (int i = 0; i < rank && i < largest_rank; ++i) {
      const hsize_t extent = chunk[static_cast<std::size_t>(i)];
      if (extent == 0 || extent > largest_chunk / size) fail(name, "chunks above 64 MiB", "smaller ones");
      size *= extent;
    }
  }
  hsize_t file_size = 0;
  const Handle file = take(H5Iget_file_id(dataset), H5Fclose);
  H5Fget_filesize(file.id(), &file_size);
  const std::uint64_t stored = H5Dget_storage_size(dataset);
  if (stored > file_size || bytes / largest_ratio > stored || (stored == 0 && bytes > 0)) {
    fail(name, std::to_string(bytes) + " bytes of values in " + std::to_string(stored) + " stored ones",
         "what a file of " + std::to_string(file_size) + " bytes can hold");
  }
}

ArrayInfo Group::info(const std::string& name) const {
  const Lock lock;
  const Handle dataset = open_dataset(name);
  const Handle type = take(H5Dget_type(dataset.id()), H5Tclose);
  const auto found = std::find_if(all_types.begin(), all_types.end(),
                                  [&](ArrayType t) { return H5Tequal(type.id(), stored_type(t)) > 0; });
  if (found == all_types.end())
    fail(name, "another type of values", "f32, f64, i32, i64, u64 or u8, little-endian");
  const Handle space = take(H5Dget_space(dataset.id()), H5Sclose);
  const H5S_class_t extent_class = H5Sget_simple_extent_type(space.id());
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if ((extent_class != H5S_SCALAR && extent_class != H5S_SIMPLE) || rank < 0 || rank > largest_rank) {
    fail(name, "an array of " + std::to_string(rank) + " dimensions", "at most 8");
  }
  std::array<hsize_t, largest_rank> extents{};
  if (rank > 0) H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr);
  ArrayInfo result{*found, {}};
  std::uint64_t bytes = size_of(*found);
  for (std::size_t i = 0; i < static_cast<std::size_t>(rank); ++i) {
    std::uint64_t product = 0;
    if (extents[i] > std::uint64_t{1} << 48 || __builtin_mul_overflow(bytes, extents[i], &product) ||
        product > std::uint64_t{1} << 48) {
      fail(name, "an array of absurd size", "at most 2^48 bytes");
    }
    bytes = product;
    result.shape.push_back(static_cast<std::int64_t>(extents[i]));
  }
  check_storage(dataset.id(), name, bytes);
  return result;
}

NamedArray Group::read(const std::string& name) const {
  const Lock lock;
  ArrayInfo what = info(name);
  NamedArray array{what.type, std::move(what.shape), {}};
  array.bytes.resize(static_cast<std::size_t>(array.size()) * size_of(array.type));
  const Handle dataset = open_dataset(name);
  if (!array.bytes.empty() &&
      H5Dread(dataset.id(), stored_type(array.type), H5S_ALL, H5S_ALL, H5P_DEFAULT, array.bytes.data()) < 0) {
    fail(name, "values that cannot be read (" + library_message() + ")", "an array");
  }
  return array;
}

NamedArray Group::read(const std::string& name, ArrayType type, std::span<const std::int64_t> shape) const {
  const Lock lock;
  const ArrayInfo what = info(name);
  const bool fits =
      std::equal(what.shape.begin(), what.shape.end(), shape.begin(), shape.end(),
                 [](std::int64_t found, std::int64_t wanted) { return wanted < 0 || found == wanted; });
  if (what.type != type || !fits) {
    fail(name, std::string(name_of(what.type)) + text_of(what.shape),
         std::string(name_of(type)) + text_of(shape));
  }
  return read(name);
}

}  // namespace veer::hdf5
