// Files that appear whole or not at all, and reading files whole.
// Thread-safety: free functions; two writers of the same path race for whose content stays, never for its
// wholeness.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veer {

/// Writes `bytes` to "<path>.part", syncs it, renames it to `path` and syncs the directory. On failure
/// removes the .part file, leaves an older file of this name as it was, and throws IoError naming the file
/// and the reason.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Appends `text` to an existing file and syncs it. On failure the file has its old length again, and IoError
/// names the file and the reason. A process that dies meanwhile may leave the beginning of `text`.
void append_durably(const std::filesystem::path& path, std::string_view text);

/// The whole file. Throws IoError when it is missing, not a regular file or cannot be read, FormatError when
/// it is larger than `limit` bytes.
std::vector<std::byte> read_file(const std::filesystem::path& path,
                                 std::uintmax_t limit = std::uintmax_t{1} << 36);
std::string read_text(const std::filesystem::path& path, std::uintmax_t limit = std::uintmax_t{1} << 36);

}  // namespace veer
