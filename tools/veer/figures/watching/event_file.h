// Metrics as TensorBoard reads them: a file of framed Event messages, each with one scalar summary.
//
// Source: the TFRecord framing (length, masked CRC-32C of the length, bytes, masked CRC-32C of the bytes, all
// little-endian) and the fields of event.proto and summary.proto of TensorFlow that scalars need: Event
// wall_time = 1, step = 2, file_version = 3, summary = 5; Summary value = 1; Value tag = 1, simple_value = 2.
// Thread-safety: one thread at a time. Ownership: the object owns the open file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace veer::tools {

/// CRC-32C (Castagnoli) of the bytes; "123456789" gives 0xE3069283.
std::uint32_t crc32c(std::string_view bytes) noexcept;

/// One frame: what a reader takes for one message.
std::string framed(std::string_view message);
/// The message of one scalar.
std::string scalar_event(double wall_time, std::int64_t step, std::string_view tag, float value);

class EventFile {
 public:
  /// Creates the folder and a new file in it, named by the time: TensorBoard shows all files of a folder as
  /// one run. Throws IoError.
  explicit EventFile(const std::filesystem::path& folder);

  /// `tag` names the curve, '/' parting groups. NaN is left out. Throws IoError when the disk is full.
  void add(std::string_view tag, std::int64_t step, double value);
  /// Everything added so far can be read by others.
  void flush();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  void put(std::string_view message);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace veer::tools
