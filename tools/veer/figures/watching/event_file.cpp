#include "tools/veer/figures/watching/event_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <chrono>
#include <cmath>

#include "env/error.h"

namespace veer::tools {
namespace {

constexpr std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) != 0 ? 0x82F63B78U : 0U);
    table[i] = value;
  }
  return table;
}

template <class T>
void put_number(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFFU);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

/// Key of a field: its number and how its value is written (0 varint, 1 eight bytes, 2 length first, 5 four).
void put_key(std::string& out, unsigned field, unsigned wire) { put_varint(out, field << 3 | wire); }

void put_bytes(std::string& out, unsigned field, std::string_view bytes) {
  put_key(out, field, 2);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string event(double wall_time, std::int64_t step) {
  std::string out;
  put_key(out, 1, 1);
  put_number(out, std::bit_cast<std::uint64_t>(wall_time));
  put_key(out, 2, 0);
  put_varint(out, static_cast<std::uint64_t>(step));
  return out;
}

/// CRCs of bytes that hold CRCs would be weak: the format turns and shifts them.
std::uint32_t masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xA282EAD8U; }

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) noexcept {
  static constexpr auto table = crc_table();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xFFU];
  return ~crc;
}

std::string framed(std::string_view message) {
  std::string out;
  put_number(out, std::uint64_t{message.size()});
  put_number(out, masked(crc32c(out)));
  out += message;
  put_number(out, masked(crc32c(message)));
  return out;
}

std::string scalar_event(double wall_time, std::int64_t step, std::string_view tag, float value) {
  std::string entry;
  put_bytes(entry, 1, tag);
  put_key(entry, 2, 5);
  put_number(entry, std::bit_cast<std::uint32_t>(value));
  std::string summary;
  put_bytes(summary, 1, entry);
  std::string out = event(wall_time, step);
  put_bytes(out, 5, summary);
  return out;
}

EventFile::EventFile(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  path_ = folder / fmt::format("events.out.tfevents.{:010}.{}.veer", static_cast<std::int64_t>(seconds_now()),
                               getpid());
  file_.open(path_, std::ios::binary | std::ios::app);
  std::string first = event(seconds_now(), 0);
  put_bytes(first, 3, "brain.Event:2");
  put(first);
  flush();
}

void EventFile::put(std::string_view message) {
  const std::string frame = framed(message);
  file_.write(frame.data(), static_cast<std::streamsize>(frame.size()));
}

void EventFile::add(std::string_view tag, std::int64_t step, double value) {
  if (!std::isfinite(value)) return;
  put(scalar_event(seconds_now(), step, tag, static_cast<float>(value)));
}

void EventFile::flush() {
  file_.flush();
  if (file_) return;
  throw IoError({path_, 0, ""}, {"a file that cannot be written", "a folder with room for metrics",
                                 "free some space, or leave out --tensorboard"});
}

}  // namespace veer::tools
