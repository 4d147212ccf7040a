// What the implementation files of hdf5.h share; nobody else includes this.
// Thread-safety: hold a Lock around every call into HDF5.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/store/hdf5/hdf5.h"

namespace veer::hdf5 {

static_assert(sizeof(hid_t) == sizeof(std::int64_t));

/// Holds the process mutex of HDF5 and keeps the library from printing: errors become exceptions here.
/// Recursive, since closing a handle inside a locked function locks again.
class Lock {
 public:
  Lock();

 private:
  std::lock_guard<std::recursive_mutex> guard_;
};

/// Takes ownership of what a call returned; negative means it failed.
Handle take(hid_t id, herr_t (*close)(hid_t));

/// The innermost description on HDF5's error stack, to be added to a message; empty when there is none.
std::string library_message();

/// The stored type of each ArrayType, little-endian whatever the machine.
hid_t stored_type(ArrayType type);

/// Throws FormatError naming file and member.
[[noreturn]] void fail_at(const std::string& file, const std::string& field, const std::string& found,
                          const std::string& expected);

}  // namespace veer::hdf5
