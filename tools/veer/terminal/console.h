// Where the program's words go: results on stdout, everything else on stderr, progress as the terminal
// allows. Thread-safety: Progress::update may be called from any thread; everything else from the main
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <mutex>
#include <string>
#include <string_view>

namespace veer::tools {

struct ConsoleOptions {
  bool json = false;      ///< results are one JSON document
  bool quiet = false;     ///< nothing on stderr but errors
  bool colour = false;    ///< stdout is a terminal and NO_COLOR is not set
  bool terminal = false;  ///< stderr is a terminal: progress may rewrite its line
};

/// The options that the environment decides: terminals and NO_COLOR.
ConsoleOptions console_for_this_process(bool json, bool quiet);

class Console {
 public:
  /// The streams must outlive the console.
  Console(const ConsoleOptions& options, std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err) {}

  bool json() const noexcept { return options_.json; }
  bool quiet() const noexcept { return options_.quiet; }
  bool terminal() const noexcept { return options_.terminal; }
  std::ostream& out() const noexcept { return out_; }
  std::ostream& err() const noexcept { return err_; }

  /// One line on stderr, unless quiet.
  void note(std::string_view line) const;
  /// The text in bold when stdout shows colours.
  std::string bold(std::string_view text) const;

 private:
  ConsoleOptions options_;
  std::ostream& out_;
  std::ostream& err_;
};

/// "evaluate beam: 1024 of 4096 episodes (25 %), 310 episodes/s, 10 s left"
std::string progress_line(std::string_view label, std::string_view unit, std::int64_t done,
                          std::int64_t total, double seconds);
/// "4 s", "3 min 20 s", "2 h 5 min"
std::string duration_text(double seconds);

/// A line of one's own words about long work, shown as often as Progress shows its line. Not thread-safe.
class StatusLine {
 public:
  explicit StatusLine(const Console& console) : console_(console) {}
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  /// Whether it is time for another line: ask before making the words.
  bool due();
  void show(std::string_view line);

 private:
  using Clock = std::chrono::steady_clock;
  const Console& console_;
  Clock::time_point shown_ = Clock::now();
  bool line_open_ = false;
};

/// A line that says how far long work is: rewritten five times a second on a terminal, one every ten seconds
/// elsewhere, none when quiet.
class Progress {
 public:
  Progress(const Console& console, std::string label, std::string unit, std::int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(std::int64_t done);

 private:
  using Clock = std::chrono::steady_clock;
  const Console& console_;
  std::string label_;
  std::string unit_;
  std::int64_t total_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point shown_ = begin_;
  bool line_open_ = false;
  std::mutex mutex_;
};

}  // namespace veer::tools
