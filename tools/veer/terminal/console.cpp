#include "tools/veer/terminal/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <ostream>
#include <utility>

namespace veer::tools {

ConsoleOptions console_for_this_process(bool json, bool quiet) {
  const char* no_colour = std::getenv("NO_COLOR");
  const bool colour_allowed = no_colour == nullptr || *no_colour == '\0';
  return {.json = json,
          .quiet = quiet,
          .colour = colour_allowed && !json && isatty(STDOUT_FILENO) == 1,
          .terminal = isatty(STDERR_FILENO) == 1};
}

void Console::note(std::string_view line) const {
  if (!options_.quiet) err_ << line << '\n' << std::flush;
}

std::string Console::bold(std::string_view text) const {
  return options_.colour ? fmt::format("\033[1m{}\033[0m", text) : std::string(text);
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

std::string progress_line(std::string_view label, std::string_view unit, std::int64_t done,
                          std::int64_t total, double seconds) {
  std::string line = fmt::format("{}: {} of {} {}", label, done, total, unit);
  if (total > 0) line += fmt::format(" ({} %)", done * 100 / total);
  if (seconds <= 0.0 || done <= 0) return line;
  const double rate = static_cast<double>(done) / seconds;
  line += fmt::format(", {:.3g} {}/s", rate, unit);
  if (done < total) line += fmt::format(", {} left", duration_text(static_cast<double>(total - done) / rate));
  return line;
}

Progress::Progress(const Console& console, std::string label, std::string unit, std::int64_t total)
    : console_(console), label_(std::move(label)), unit_(std::move(unit)), total_(total) {}

Progress::~Progress() {
  if (line_open_) console_.err() << "\r\033[K" << std::flush;
}

void Progress::update(std::int64_t done) {
  if (console_.quiet()) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  const auto interval =
      console_.terminal() ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000);
  if (now - shown_ < interval) return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const std::string line = progress_line(label_, unit_, done, total_, seconds);
  if (console_.terminal()) {
    console_.err() << "\r\033[K" << line << std::flush;
    line_open_ = true;
  } else {
    console_.err() << line << '\n' << std::flush;
  }
}

StatusLine::~StatusLine() {
  if (line_open_) console_.err() << "\r\033[K" << std::flush;
}

bool StatusLine::due() {
  const auto interval =
      console_.terminal() ? std::chrono::milliseconds(200) : std::chrono::milliseconds(10'000);
  return !console_.quiet() && Clock::now() - shown_ >= interval;
}

void StatusLine::show(std::string_view line) {
  if (console_.quiet()) return;
  shown_ = Clock::now();
  line_open_ = console_.terminal();
  console_.err() << (line_open_ ? "\r\033[K" : "") << line << (line_open_ ? "" : "\n") << std::flush;
}

}  // namespace veer::tools
