#include "env/store/sealed_file.h"

#include <algorithm>
#include <charconv>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/atomic_file.h"

namespace veer {

namespace {

std::string seal_text(std::span<const std::byte> image, std::string_view kind, int version) {
  std::string text = "Veer ";
  text += kind;
  text += " " + std::to_string(version) + "\nsha256 " + sha256_of(image) + "\nbytes " +
          std::to_string(image.size()) + "\n";
  text.resize(seal_size, '\n');
  return text;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Takes "<word> <value>\n" off the front; empty when it does not stand there.
std::string_view take_line(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word) || !text.substr(word.size()).starts_with(' ')) return {};
  text.remove_prefix(word.size() + 1);
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return {};
  const std::string_view value = text.substr(0, end);
  text.remove_prefix(end + 1);
  return value;
}

}  // namespace

std::vector<std::byte> seal(const hdf5::File& file, std::string_view kind, int version) {
  const std::vector<std::byte> image = file.image();
  const std::string text = seal_text(image, kind, version);
  const auto front = std::as_bytes(std::span(text));
  std::vector<std::byte> bytes(front.size() + image.size());
  std::copy(front.begin(), front.end(), bytes.begin());
  std::copy(image.begin(), image.end(), bytes.begin() + static_cast<std::ptrdiff_t>(front.size()));
  return bytes;
}

std::string sealed_kind(std::span<const std::byte> bytes) {
  std::string_view text = text_of(bytes.first(std::min(bytes.size(), seal_size)));
  const std::string_view title = take_line(text, "Veer");
  return std::string(title.substr(0, title.find(' ')));
}

hdf5::File unseal(std::span<const std::byte> bytes, const std::string& name, std::string_view kind,
                  int version) {
  const std::string expected = "a Veer " + std::string(kind) + " file of format " + std::to_string(version);
  const auto refuse = [&](const std::string& found, const std::string& hint) -> void {
    throw FormatError(Where{name, 0, ""}, Problem{found, expected, hint});
  };
  if (bytes.size() < seal_size) {
    refuse("a file of " + std::to_string(bytes.size()) + " bytes", "it is truncated or something else");
  }
  std::string_view text = text_of(bytes.first(seal_size));
  const std::string_view title = take_line(text, "Veer");
  if (title.empty()) refuse("a file that is none of Veer's", "check the path, or import it first");
  if (title != std::string(kind) + " " + std::to_string(version)) {
    refuse("a file that calls itself \"Veer " + std::string(title) + "\"",
           sealed_kind(bytes) == kind ? "it was written by another version of Veer" : "check the path");
  }
  const std::string_view hash = take_line(text, "sha256");
  const std::string_view size_text = take_line(text, "bytes");
  std::uint64_t size = 0;
  const auto parsed = std::from_chars(size_text.data(), size_text.data() + size_text.size(), size);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == size_text.data() + size_text.size();
  if (hash.size() != 64 || size_text.empty() || !whole || text.find_first_not_of('\n') != text.npos) {
    refuse("a damaged seal", "the file is damaged");
  }
  const auto image = bytes.subspan(seal_size);
  if (image.size() != size) {
    refuse(std::to_string(image.size()) + " bytes behind the seal instead of " + std::to_string(size),
           image.size() < size ? "the file is truncated" : "something was appended to the file");
  }
  if (const std::string found = sha256_of(image); found != hash) {
    throw VerificationError(Where{name, 0, ""}, Problem{"content with SHA-256 " + found, std::string(hash),
                                                        "the file was changed after it was written"});
  }
  return hdf5::File::open_image(image, name);
}

void write_sealed(const std::filesystem::path& path, const hdf5::File& file, std::string_view kind,
                  int version) {
  write_file_atomically(path, seal(file, kind, version));
}

hdf5::File read_sealed(const std::filesystem::path& path, std::string_view kind, int version) {
  return unseal(read_file(path), path.string(), kind, version);
}

}  // namespace veer
