#include "env/store/hdf5/hdf5.h"

#include <algorithm>
#include <array>

#include "env/store/hdf5/hdf5_calls.h"

namespace veer::hdf5 {

namespace {

std::recursive_mutex& process_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

}  // namespace

Lock::Lock() : guard_(process_mutex()) {
  // The error stack belongs to a thread in thread-safe builds, so every thread has to silence its own.
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  static const herr_t plugins_off = H5PLset_loading_state(0);  // a filter named by a file must not load code
  (void)plugins_off;
}

Handle::~Handle() {
  if (id_ < 0) return;
  const Lock lock;
  close_(id_);
}

Handle take(hid_t id, herr_t (*close)(hid_t)) { return {id, close}; }

std::string library_message() {
  std::string message;
  const auto visit = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
    auto& text = *static_cast<std::string*>(out);
    if (text.empty() && error->desc != nullptr) text = error->desc;
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, visit, &message);
  return message;
}

void fail_at(const std::string& file, const std::string& field, const std::string& found,
             const std::string& expected) {
  throw FormatError(Where{file, 0, field},
                    Problem{found, expected, "the file is damaged or not what its name says"});
}

// ---- files

namespace {

/// Properties of a file that lives in memory only.
Handle memory_access() {
  Handle access = take(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_fapl_core(access.id(), std::size_t{1} << 20, false);
  return access;
}

/// HDF5 takes two files in memory for one when their names are equal, so each gets its own; never stored.
std::string unique_name() {
  static std::uint64_t count = 0;  // under the Lock
  return "veer-image-" + std::to_string(++count);
}

/// No times and no creation order: equal content, equal bytes.
Handle without_times(hid_t properties_class) {
  Handle properties = take(H5Pcreate(properties_class), H5Pclose);
  H5Pset_obj_track_times(properties.id(), false);
  return properties;
}

}  // namespace

File::File(Handle root, Handle file, std::string name)
    : Group(std::move(root), std::move(name), ""), file_handle_(std::move(file)) {}

File File::create_in_memory(const std::string& name) {
  const Lock lock;
  const Handle access = memory_access();
  const Handle creation = without_times(H5P_FILE_CREATE);
  Handle file = take(H5Fcreate(unique_name().c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), H5Fclose);
  Handle root = take(file.id() < 0 ? -1 : H5Gopen2(file.id(), "/", H5P_DEFAULT), H5Gclose);
  if (root.id() < 0)
    fail_at(name, "", "HDF5 cannot make a file in memory: " + library_message(), "a new file");
  return {std::move(root), std::move(file), name};
}

File File::open_image(std::span<const std::byte> bytes, const std::string& name) {
  const Lock lock;
  const Handle access = memory_access();
  if (bytes.empty()) fail_at(name, "", "an empty file", "an HDF5 file");
  // HDF5 takes a mutable pointer and copies what it points to.
  H5Pset_file_image(access.id(), const_cast<std::byte*>(bytes.data()), bytes.size());
  Handle file = take(H5Fopen(unique_name().c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose);
  if (file.id() < 0) fail_at(name, "", "no HDF5 file (" + library_message() + ")", "an HDF5 file");
  Handle root = take(H5Gopen2(file.id(), "/", H5P_DEFAULT), H5Gclose);
  if (root.id() < 0) fail_at(name, "/", "no root group (" + library_message() + ")", "an HDF5 file");
  return {std::move(root), std::move(file), name};
}

std::vector<std::byte> File::image() const {
  const Lock lock;
  H5Fflush(file_handle_.id(), H5F_SCOPE_GLOBAL);
  const ssize_t size = H5Fget_file_image(file_handle_.id(), nullptr, 0);
  std::vector<std::byte> bytes(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size <= 0 || H5Fget_file_image(file_handle_.id(), bytes.data(), bytes.size()) != size) {
    throw IoError("HDF5 cannot hand over a file it holds in memory: " + library_message());
  }
  return bytes;
}

std::string library_version() {
  const Lock lock;
  unsigned major = 0, minor = 0, release = 0;
  hbool_t threadsafe = false;
  H5get_libversion(&major, &minor, &release);
  H5is_library_threadsafe(&threadsafe);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release) +
         (threadsafe ? " (thread-safe)" : " (not thread-safe)");
}

// ---- groups

std::string Group::place(const std::string& name) const { return path_.empty() ? name : path_ + "/" + name; }

void Group::fail(const std::string& name, const std::string& found, const std::string& expected) const {
  fail_at(file_, place(name), found, expected);
}

Group Group::create_group(const std::string& name) {
  const Lock lock;
  if (contains(name)) return group(name);
  const Handle link = take(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(link.id(), 1);
  const Handle creation = without_times(H5P_GROUP_CREATE);
  Handle handle = take(H5Gcreate2(id(), name.c_str(), link.id(), creation.id(), H5P_DEFAULT), H5Gclose);
  if (handle.id() < 0) fail(name, "a group that cannot be made (" + library_message() + ")", "a new group");
  return {std::move(handle), file_, place(name)};
}

bool Group::contains(const std::string& name) const {
  const Lock lock;
  // H5Lexists fails, instead of saying no, when a group on the way is missing.
  for (std::size_t end = 0; end != std::string::npos;) {
    end = name.find('/', end + 1);
    if (H5Lexists(id(), name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return true;
}

Handle Group::open_object(const std::string& name) const {
  // Only hard links: a soft or external one could lead in circles or out of the file.
  for (std::size_t end = 0; end != std::string::npos;) {
    end = name.find('/', end + 1);
    const std::string part = name.substr(0, end);
    if (H5Lexists(id(), part.c_str(), H5P_DEFAULT) <= 0)
      fail(part, "nothing of this name", "a group or array");
    H5L_info_t link;
    if (H5Lget_info(id(), part.c_str(), &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD) {
      fail(part, "a link that is not a hard one", "a group or array");
    }
  }
  Handle object = take(H5Oopen(id(), name.c_str(), H5P_DEFAULT), H5Oclose);
  if (object.id() < 0)
    fail(name, "an object that cannot be opened (" + library_message() + ")", "a group or array");
  return object;
}

bool Group::is_group(const std::string& name) const {
  const Lock lock;
  return H5Iget_type(open_object(name).id()) == H5I_GROUP;
}

Group Group::group(const std::string& name) const {
  const Lock lock;
  Handle handle = open_object(name);
  if (H5Iget_type(handle.id()) != H5I_GROUP) fail(name, "an object that is no group", "a group");
  return {std::move(handle), file_, place(name)};
}

std::vector<std::string> Group::members() const {
  const Lock lock;
  H5G_info_t group_info;
  if (H5Gget_info(id(), &group_info) < 0) fail("", "a group that cannot be listed", "a group");
  std::vector<std::string> names;
  for (hsize_t i = 0; i < group_info.nlinks; ++i) {
    std::array<char, 1024> buffer{};
    const ssize_t length = H5Lget_name_by_idx(id(), ".", H5_INDEX_NAME, H5_ITER_INC, i, buffer.data(),
                                              buffer.size(), H5P_DEFAULT);
    if (length <= 0 || length >= static_cast<ssize_t>(buffer.size())) {
      fail("", "a member whose name cannot be read", "names of at most 1,023 bytes");
    }
    names.emplace_back(buffer.data(), static_cast<std::size_t>(length));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace veer::hdf5
