// Where an interrupted fit continues: named arrays in a sealed HDF5 file that appears whole or not at all.
#pragma once

#include <filesystem>

#include "env/named_arrays.h"

namespace veer {

/// Replaces the file atomically. Throws IoError.
void write_checkpoint(const std::filesystem::path& path, const NamedArrays& state);
/// Throws IoError when it cannot be read, FormatError or VerificationError when it is damaged or something
/// else.
NamedArrays read_checkpoint(const std::filesystem::path& path);

}  // namespace veer
