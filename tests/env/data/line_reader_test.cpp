#include "env/data/importers/line_reader.h"

#include <filesystem>
#include <fstream>

#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;
using importers::LineReader;

namespace {

std::vector<std::string> lines_of(LineReader reader) {
  std::vector<std::string> lines;
  std::string_view line;
  while (reader.next(line)) lines.emplace_back(line);
  CHECK_FALSE(reader.next(line));  // the end stays the end
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("lines: line ends, byte order mark, last line, trailing empty lines") {
  CHECK(lines_of(LineReader("f", "a\nbc\n")) == Lines{"a", "bc"});
  CHECK(lines_of(LineReader("f", "a\nbc")) == Lines{"a", "bc"});
  CHECK(lines_of(LineReader("f", "a\r\nbc\r\n")) == Lines{"a", "bc"});
  CHECK(lines_of(LineReader("f",
                            "\xEF\xBB\xBF"
                            "a\n")) == Lines{"a"});
  CHECK(lines_of(LineReader("f", "a\n\n\r\n\n")) == Lines{"a"});
  CHECK(lines_of(LineReader("f", "")).empty());
  CHECK(lines_of(LineReader("f", "\n\n")).empty());
}

TEST_CASE("lines: what no importer wants") {
  check_message(message_of<DataError>([] { lines_of(LineReader("f", "a\n\nb\n")); }),
                {"f:2", "an empty line", "one record a line"});
  const std::string_view binary("ab\ncd\n\0x\n", 9);
  check_message(message_of<DataError>([&] { lines_of(LineReader("f", binary)); }),
                {"f:3", "a NUL byte", "iconv"});
  const std::string longest(importers::longest_line, 'x');
  CHECK(lines_of(LineReader("f", longest + "\n" + longest)).size() == 2);
  check_message(message_of<DataError>([&] { lines_of(LineReader("f", "a\n" + longest + "x\nb\n")); }),
                {"f:2", "a line of more than 1048576 bytes"});
  check_message(message_of<DataError>([&] { lines_of(LineReader("f", "a\n" + longest + "x")); }),
                {"f:2", "a line of more than 1048576 bytes"});
}

TEST_CASE("lines: a file gives the same lines as memory, across blocks") {
  std::string text = "\xEF\xBB\xBF";
  for (int i = 0; i < 300'000; ++i)
    text += std::to_string(i * std::int64_t{7919}) + (i % 3 == 0 ? "\r\n" : "\n");
  text += std::string(900'000, 'y') + "\n" + std::string(900'000, 'z');
  const auto path = std::filesystem::temp_directory_path() / "veer_line_reader_test.txt";
  std::ofstream(path, std::ios::binary) << text;
  const Lines expected = lines_of(LineReader("f", text));
  CHECK(expected.size() == 300'002);
  CHECK(lines_of(LineReader(path)) == expected);

  std::ofstream(path, std::ios::binary) << "first\n" << std::string(3'000'000, 'x');
  check_message(message_of<DataError>([&] { lines_of(LineReader(path)); }),
                {path.string() + ":2", "a line of more"});
  std::ofstream(path, std::ios::binary) << std::string(1'500'000, '\n') << '\0';
  check_message(message_of<DataError>([&] { lines_of(LineReader(path)); }), {path.string(), "a NUL byte"});
  std::filesystem::remove(path);
}

TEST_CASE("lines: files that cannot be read") {
  check_message(message_of<IoError>([] { LineReader("/nonexistent/ratings.dat"); }),
                {"/nonexistent/ratings.dat", "No such file", "check the path"});
  check_message(message_of<IoError>([] { LineReader(std::filesystem::temp_directory_path()); }),
                {"directory"});
}
