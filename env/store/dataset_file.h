// Dataset files (x.h5). Format: DATASET_FORMAT.md.
// Thread-safety: free functions; equal data sets give equal bytes (for one version of HDF5 and zlib).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "env/data/dataset.h"

namespace veer {

inline constexpr int dataset_format = 1;

/// Writes atomically. REQUIRES: dataset.fingerprint is set. Throws IoError, and DataError when the data set
/// breaks its own rules (env/data/check.h) or does not have the fingerprint it claims.
void write_dataset(const std::filesystem::path& path, const Dataset& dataset);

/// Reads, checks every index and offset, recomputes the fingerprint. Throws IoError, FormatError, or
/// VerificationError when the content does not match the checksum or the stored fingerprint.
Dataset read_dataset(const std::filesystem::path& path);

/// The same in memory; `name` stands for the file in messages.
std::vector<std::byte> dataset_bytes(const Dataset& dataset);
Dataset parse_dataset(std::span<const std::byte> bytes, const std::string& name);

}  // namespace veer
