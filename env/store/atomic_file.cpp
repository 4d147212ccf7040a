#include "env/store/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer {

namespace {

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  int get() const noexcept { return value_; }
  /// Some file systems report a full disk only here.
  bool close() noexcept { return ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

IoError failure(const std::filesystem::path& path, const std::string& what, int error) {
  if (path.empty()) return IoError(Where{}, Problem{"an empty name", "the name of a file", ""});
  const std::string hint =
      error == ENOSPC || error == EDQUOT                    ? "free some space and run the same command again"
      : error == EACCES || error == EROFS || error == EPERM ? "choose a place you may write to"
                                                            : "";
  return IoError(Where{path, 0, ""},
                 Problem{what + ": " + std::strerror(error), "a file that can be read or written", hint});
}

bool write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// `sync` is fsync or fdatasync; a signal that arrives meanwhile is no failure.
bool synced(int (*sync)(int), int file) {
  int result = 0;
  do {
    result = sync(file);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

/// Opens the temporary file for one writer. The lock goes with the descriptor, so a writer that died leaves
/// none.
Descriptor locked_part(const std::filesystem::path& path, const std::filesystem::path& part) {
  for (;;) {
    Descriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (file.get() < 0) throw failure(path, "a file that cannot be created", errno);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) throw failure(path, "a file that cannot be locked", errno);
      throw IoError(Where{path, 0, ""}, Problem{"another process writing this file", "one writer at a time",
                                                "wait for it to end, or write to another file"});
    }
    // Between open and lock another writer may have given this file its final name.
    struct stat opened {
    }, named{};
    if (::fstat(file.get(), &opened) == 0 && ::stat(part.c_str(), &named) == 0 &&
        opened.st_ino == named.st_ino && opened.st_dev == named.st_dev) {
      return file;
    }
  }
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  // A rename would replace a device such as /dev/full or a pipe by a file.
  struct stat there {};
  if (::stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    throw IoError(Where{path, 0, ""}, Problem{"a directory or device", "the name of a file to write", ""});
  }
  std::filesystem::path part = path;
  part += ".part";
  // The message names the file that was asked for, not the temporary one.
  const auto give_up = [&](const std::string& what) {
    const int error = errno;
    ::unlink(part.c_str());
    throw failure(path, what, error);
  };
  Descriptor file = locked_part(path, part);
  if (::ftruncate(file.get(), 0) != 0) give_up("a file that cannot be emptied");
  if (!write_all(file.get(), bytes)) give_up("a file that cannot be written");
  if (!synced(::fsync, file.get())) give_up("a file that cannot be synced to disk");
  if (!file.close()) give_up("a file that cannot be closed");
  if (::rename(part.c_str(), path.c_str()) != 0) give_up("a file that cannot be given its name");

  // The new name itself lives in the directory; without this a power cut may lose it.
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || (!synced(::fsync, directory.get()) && errno != EINVAL)) {
    throw failure(parent, "a directory that cannot be synced to disk", errno);
  }
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

void append_durably(const std::filesystem::path& path, std::string_view text) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (file.get() < 0) throw failure(path, "a file that cannot be opened", errno);
  struct stat before {};
  if (::fstat(file.get(), &before) != 0) throw failure(path, "a file that cannot be examined", errno);
  if (write_all(file.get(), std::as_bytes(std::span(text))) && synced(::fdatasync, file.get())) return;
  const int error = errno;
  // What cannot be taken back is a line without an end, which readers ignore.
  const bool taken_back = ::ftruncate(file.get(), before.st_size) == 0;
  throw failure(path, taken_back ? "a file that cannot be written" : "a file that was written in part",
                error);
}

std::vector<std::byte> read_file(const std::filesystem::path& path, std::uintmax_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw failure(path, "a file that cannot be opened", errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw failure(path, "a file that cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) {
    throw IoError(Where{path, 0, ""}, Problem{"a directory or device", "a regular file", ""});
  }
  if (static_cast<std::uintmax_t>(status.st_size) > limit) {
    throw FormatError(Where{path, 0, ""}, Problem{std::to_string(status.st_size) + " bytes",
                                                  "at most " + std::to_string(limit), ""});
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw failure(path, "a file that cannot be read", errno);
    if (got == 0) break;  // it shrank meanwhile
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

std::string read_text(const std::filesystem::path& path, std::uintmax_t limit) {
  const std::vector<std::byte> bytes = read_file(path, limit);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace veer
