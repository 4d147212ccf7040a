// Where interrupted training continues: named arrays in a sealed HDF5 file that appears whole or not at all.
#pragma once

#include <filesystem>
#include <string>

#include "env/named_arrays.h"

namespace veer {

/// Replaces the file atomically. Throws IoError.
void write_checkpoint(const std::filesystem::path& path, const NamedArrays& state);
/// Throws IoError when it cannot be read, FormatError or VerificationError when it is damaged or something
/// else.
NamedArrays read_checkpoint(const std::filesystem::path& path);
/// The same for training that stored itself in words as the text "identity". Throws ConfigError when the file
/// belongs to another.
NamedArrays read_checkpoint(const std::filesystem::path& path, const std::string& identity);

/// Throws Interrupted, saying how to go on from `checkpoint`; empty: nothing was kept.
[[noreturn]] void throw_training_interrupted(const std::filesystem::path& checkpoint);

}  // namespace veer
