// Dataset files (x.h5). Format: DATASET_FORMAT.md.
#pragma once

#include <filesystem>

#include "env/data/dataset.h"

namespace veer {

inline constexpr int dataset_format = 1;

/// Writes atomically. REQUIRES: dataset.fingerprint is set. Throws IoError.
void write_dataset(const std::filesystem::path& path, const Dataset& dataset);

/// Reads, checks every index and offset, recomputes the fingerprint. Throws FormatError, or VerificationError when the
/// content does not match the stored fingerprint.
Dataset read_dataset(const std::filesystem::path& path);

}  // namespace veer
