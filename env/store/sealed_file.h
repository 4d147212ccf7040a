// The seal in front of Veer's HDF5 files: 512 bytes of plain text that name the kind of file and the SHA-256
// of everything after them. HDF5 calls such a block a user block: h5dump, h5py and any other HDF5 reader skip
// it.
//
//   "Veer model 1\nsha256 <64 hex digits>\nbytes <decimal>\n", padded with '\n' to 512 bytes
//
// A reader checks length and checksum before HDF5 sees a byte, so truncated, foreign and damaged files never
// reach the parser. The seal protects against accidents; whoever forges a file on purpose can forge its
// checksum too. Thread-safety: free functions.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/store/hdf5/hdf5.h"

namespace veer {

inline constexpr std::size_t seal_size = 512;

/// Seal and image of a file built in memory, ready to be written. `kind` is one lower-case word: "model".
std::vector<std::byte> seal(const hdf5::File& file, std::string_view kind, int version);

/// The file behind the seal. Throws FormatError when `bytes` are of another kind or version, too short or too
/// long, and VerificationError when they do not match their checksum.
hdf5::File unseal(std::span<const std::byte> bytes, const std::string& name, std::string_view kind,
                  int version);

/// seal() and write_file_atomically(). Throws IoError.
void write_sealed(const std::filesystem::path& path, const hdf5::File& file, std::string_view kind,
                  int version);
/// read_file() and unseal(). Throws IoError, FormatError, VerificationError.
hdf5::File read_sealed(const std::filesystem::path& path, std::string_view kind, int version);

/// "model", "dataset", ... when the bytes start with a seal of any version; empty otherwise.
std::string sealed_kind(std::span<const std::byte> bytes);

}  // namespace veer
