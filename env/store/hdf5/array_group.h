// NamedArrays as a group of an HDF5 file: one dataset per array, '/' in a name makes a group.
// Thread-safety: free functions.
#pragma once

#include "env/named_arrays.h"
#include "env/store/hdf5/hdf5.h"

namespace veer {

/// Throws DataError when a part of a name is empty or ".", FormatError when a name is also the group of
/// another.
void write_arrays(hdf5::Group& group, const NamedArrays& arrays);

/// Everything below `group`, at most 16 levels deep and 100,000 objects. Throws FormatError.
NamedArrays read_arrays(const hdf5::Group& group);

}  // namespace veer
