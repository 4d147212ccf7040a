#include "env/data/importers/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "env/runtime.h"

namespace veer::importers {
namespace {

constexpr std::size_t block_size = std::size_t{1} << 20;
static_assert(block_size >= longest_line);

[[noreturn]] void fail_io(const std::filesystem::path& file, int error) {
  throw IoError(Where{file, 0, ""},
                Problem{fmt::format("\"{}\"", std::strerror(error)), "a readable text file",
                        error == ENOENT ? "check the path, and unpack compressed files first" : ""});
}

}  // namespace

LineReader::LineReader(std::filesystem::path file) : file_(std::move(file)) {
  descriptor_ = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) fail_io(file_, errno);
  // The destructor does not run when a constructor throws.
  try {
    buffer_.resize(block_size);
    refill();
    skip_byte_order_mark();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

LineReader::LineReader(std::string name, std::string_view text)
    : file_(std::move(name)), pending_(text), at_end_(true) {
  check_block(0);
  skip_byte_order_mark();
}

LineReader::~LineReader() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

LineReader::LineReader(LineReader&& other) noexcept
    : file_(std::move(other.file_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      buffer_(std::move(other.buffer_)),
      pending_(other.pending_),
      at_end_(other.at_end_),
      line_(other.line_),
      held_(std::exchange(other.held_, {})),
      held_line_(other.held_line_) {}

void LineReader::skip_byte_order_mark() {
  if (pending_.starts_with("\xEF\xBB\xBF")) pending_.remove_prefix(3);
}

void LineReader::fail(std::string field, std::string found, std::string expected, std::string hint) const {
  throw BadLine(Where{file_, line_, std::move(field)},
                Problem{std::move(found), std::move(expected), std::move(hint)});
}

void LineReader::fail_too_long() const {
  throw DataError(Where{file_, line_ + 1, ""},
                  Problem{fmt::format("a line of more than {} bytes", longest_line), "one record a line",
                          "check that this is a text file of the stated format"});
}

/// Looks for NUL bytes in pending_ from `first` on: text of no importer holds one, binary files and UTF-16
/// do.
void LineReader::check_block(std::size_t first) const {
  const std::size_t size = pending_.size() - first;
  if (size == 0) return;
  const void* found = std::memchr(pending_.data() + first, '\0', size);
  if (found == nullptr) return;
  const char* nul = static_cast<const char*>(found);
  const auto before = std::count(pending_.data(), nul, '\n');
  throw DataError(Where{file_, line_ + 1 + before, ""},
                  Problem{"a NUL byte", "text in UTF-8 or ISO-8859-1",
                          "unpack the file if it is compressed, convert it with iconv if it is UTF-16"});
}

/// Moves what is pending to the front of the buffer and reads behind it. False when nothing came.
bool LineReader::refill() {
  if (at_end_) return false;
  if (interrupted()) throw Interrupted("interrupted while reading " + file_.string());
  const std::size_t kept = pending_.size();
  if (kept > longest_line) fail_too_long();
  if (kept > 0) std::memmove(buffer_.data(), pending_.data(), kept);
  if (buffer_.size() < kept + block_size) buffer_.resize(kept + block_size);
  ssize_t count = 0;
  do {
    count = ::read(descriptor_, buffer_.data() + kept, block_size);
  } while (count < 0 && errno == EINTR);
  if (count < 0) fail_io(file_, errno);
  pending_ = {buffer_.data(), kept + static_cast<std::size_t>(count)};
  at_end_ = count == 0;
  check_block(kept);
  return count > 0;
}

bool LineReader::raw_line(std::string_view& line) {
  std::size_t searched = 0;
  while (true) {
    const std::size_t end = pending_.find('\n', searched);
    if (end != std::string_view::npos) {
      if (end > longest_line) fail_too_long();
      line = pending_.substr(0, end);
      pending_.remove_prefix(end + 1);
      break;
    }
    searched = pending_.size();
    if (refill()) continue;
    if (pending_.empty()) return false;
    if (pending_.size() > longest_line) fail_too_long();
    line = std::exchange(pending_, {});
    break;
  }
  ++line_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return true;
}

bool LineReader::next(std::string_view& line) {
  if (!held_.empty()) {
    line = std::exchange(held_, {});
    line_ = held_line_;
    return true;
  }
  if (!raw_line(line)) return false;
  if (!line.empty()) return true;
  const std::int64_t first_empty = line_;
  while (raw_line(line)) {
    if (line.empty()) continue;
    held_ = line;
    held_line_ = std::exchange(line_, first_empty);
    fail("", "an empty line", "one record a line", "delete the line; only the end of a file may be empty");
  }
  line_ = first_empty;
  return false;
}

}  // namespace veer::importers
