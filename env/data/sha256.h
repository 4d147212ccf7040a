// SHA-256 of byte streams: fingerprints, file checksums and run digests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace veer {

/// Not thread-safe. Multi-byte values are hashed as the machine stores them; Veer runs on little-endian
/// machines only.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  template <class T>
  void update_values(std::span<const T> values) {
    update(std::as_bytes(values));
  }
  /// 64 lower-case hex digits. Call once, last.
  std::string finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string sha256_of(std::span<const std::byte> bytes);
std::string sha256_of(std::string_view text);
std::string sha256_of_file(const std::filesystem::path& path);  ///< throws IoError

}  // namespace veer
