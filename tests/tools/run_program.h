// Runs the built veer program as anybody would: a command line in, exit code, stdout and stderr out. POSIX
// only.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace veer::tests {

struct Finished {
  int code = -1;  ///< exit code; 128 + signal when a signal ended it
  std::string out;
  std::string err;
};

/// `environment` entries "NAME=value" are added to this process's own.
Finished run_veer(const std::vector<std::string>& arguments,
                  const std::vector<std::string>& environment = {});

bool has(const std::string& text, const std::string& part);
/// Whether the program was built with LibTorch.
bool can_fit();

/// A running program. Killed by the destructor if it still runs.
class Running {
 public:
  Running(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {});
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void signal(int number) const;
  bool ended();  ///< without waiting
  Finished wait();

 private:
  pid_t process_ = -1;
  int status_ = 0;
  std::filesystem::path out_;
  std::filesystem::path err_;
};

/// A folder of its own, removed with everything in it.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

void write_text(const std::filesystem::path& path, const std::string& text);
std::string read_text(const std::filesystem::path& path);

}  // namespace veer::tests
