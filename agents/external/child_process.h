// A program that answers lines: started, asked one line at a time with a time limit, and ended for certain.
//
// Thread-safety: one thread at a time. Ownership: the object owns the process and everything that it started
// in its process group; both are gone when the destructor returns. POSIX only.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace veer::external {

enum class Reply {
  answered,  ///< one line
  late,      ///< no whole line within the time
  ended,     ///< the program ended, or closed its output
  too_long,  ///< more than one line, or one beyond the bound
};

class ChildProcess {
 public:
  /// Starts a program, looked up as a shell would; standard error stays this process's own. Throws IoError
  /// when there is none.
  explicit ChildProcess(const std::vector<std::string>& command);
  /// Closes its input, grants half a second to end, then kills the group.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Sends a line and waits for one, `seconds` for both together. `longest`: bytes of an answer, at most.
  /// After anything but `answered` the process is of no more use.
  Reply ask(std::string_view line, double seconds, std::size_t longest, std::string& answer);

  /// How it ended, where it has: "signal 11 (Segmentation fault)", "exit code 3". One that still runs is
  /// killed: "its output closed".
  std::string how_it_ended();

 private:
  void kill_group() noexcept;
  bool ended_within(double seconds) noexcept;  ///< without reaping
  void reap() noexcept;

  pid_t process_ = -1;  ///< -1 once reaped
  int status_ = 0;
  int to_ = -1, from_ = -1;
  std::string read_;  ///< behind the last answer
};

}  // namespace veer::external
