#include "agents/external/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <utility>

#include "env/error.h"

extern char** environ;  // NOLINT: as POSIX has it

namespace veer::external {
namespace {

using Clock = std::chrono::steady_clock;

/// A pipe's two ends, closed unless released.
struct Pipe {
  Pipe() {
    if (pipe2(end.data(), O_CLOEXEC) != 0) {
      throw IoError({{}, 0, "pipe to a policy"},
                    {std::strerror(errno), "two free descriptors", "ask for fewer processes"});
    }
  }
  ~Pipe() {
    for (const int each : end) {
      if (each >= 0) close(each);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int release(std::size_t which) {
    fcntl(end[which], F_SETFL, O_NONBLOCK);
    return std::exchange(end[which], -1);
  }
  std::array<int, 2> end{-1, -1};
};

/// write() to a program that may be gone: no SIGPIPE, which would end this process, and no change of what it
/// does elsewhere.
ssize_t write_quietly(int descriptor, std::string_view bytes) {
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = write(descriptor, bytes.data(), bytes.size());
  const int error = errno;
  if (written < 0 && error == EPIPE) {
    const timespec now{};
    sigtimedwait(&pipe_signal, nullptr, &now);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, 1'000'000));
}

Clock::time_point in_seconds(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command) {
  Pipe input, output;
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.end[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.end[1], STDOUT_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A group of its own: what it starts can be ended with it, and Ctrl-C is for Veer to heed.
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (const int each : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&defaults, each);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = posix_spawnp(&process_, words.front(), &actions, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    process_ = -1;
    throw IoError({command.front(), 0, ""}, {std::strerror(error), "a program that can be started", ""});
  }
  to_ = input.release(1);
  from_ = output.release(0);
}

ChildProcess::~ChildProcess() {
  close(to_);
  if (process_ > 0) {
    ended_within(0.5);
    kill_group();
    reap();
  }
  close(from_);
}

bool ChildProcess::ended_within(double seconds) noexcept {
  const auto deadline = in_seconds(seconds);
  while (true) {
    siginfo_t info{};
    // WNOWAIT: as long as it is not reaped, its number and that of its group belong to it.
    if (waitid(P_PID, static_cast<id_t>(process_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == process_) {
      return true;
    }
    if (Clock::now() >= deadline) return false;
    poll(nullptr, 0, 5);
  }
}

void ChildProcess::kill_group() noexcept {
  kill(-process_, SIGKILL);
  kill(process_, SIGKILL);
}

void ChildProcess::reap() noexcept {
  while (waitpid(process_, &status_, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
}

std::string ChildProcess::how_it_ended() {
  if (process_ > 0) {
    const bool by_itself = ended_within(0.5);
    kill_group();
    reap();
    if (!by_itself) return "its output closed";
  }
  // A shell reports the signal that ended its program as 128 + signal.
  const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : 0;
  const int signal = WIFSIGNALED(status_) ? WTERMSIG(status_) : (code > 128 && code < 160 ? code - 128 : 0);
  if (signal > 0) return fmt::format("signal {} ({})", signal, strsignal(signal));
  return fmt::format("exit code {}{}", code, code == 127 ? " (no such command)" : "");
}

Reply ChildProcess::ask(std::string_view line, double seconds, std::size_t longest, std::string& answer) {
  const auto deadline = in_seconds(seconds);
  std::string out(line);
  out += '\n';
  std::string_view unsent = out;
  std::array<char, 65536> block;
  while (true) {
    const std::size_t end = read_.find('\n');
    if (end != std::string::npos && unsent.empty()) {
      answer.assign(read_, 0, end);
      if (answer.size() > longest || end + 1 != read_.size()) return Reply::too_long;
      read_.clear();
      return Reply::answered;
    }
    if (read_.size() > longest) return Reply::too_long;
    std::array<pollfd, 2> wait{{{from_, POLLIN, 0}, {unsent.empty() ? -1 : to_, POLLOUT, 0}}};
    const int ready = poll(wait.data(), wait.size(), milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || Clock::now() > deadline) return Reply::late;
    if (wait[1].revents != 0) {
      const ssize_t written = write_quietly(to_, unsent);
      if (written > 0) unsent.remove_prefix(static_cast<std::size_t>(written));
      if (written < 0 && errno != EAGAIN && errno != EINTR) return Reply::ended;
    }
    if (wait[0].revents != 0) {
      const ssize_t got = read(from_, block.data(), block.size());
      if (got > 0) read_.append(block.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return Reply::ended;
    }
  }
}

}  // namespace veer::external
