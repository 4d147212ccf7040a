// A file system of one megabyte that a test can fill: what happens when the disk is full. Linux only.
#pragma once

#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace veer::test {

/// Mounted over a new directory, unmounted at the end; not available() where this process may not mount one.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool available() const noexcept { return mounted_; }
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Writes `file` until there is room for no more than so many bytes.
  void fill(const std::string& file, std::size_t room) const {
    std::ofstream out(path_ / file, std::ios::binary);
    const std::string block(4'096, 'f');
    while (std::filesystem::space(path_).available > room &&
           out.write(block.data(), static_cast<std::streamsize>(block.size())) && out.flush()) {
    }
  }

 private:
  std::filesystem::path path_;
  bool mounted_ = false;
};

}  // namespace veer::test
