#include "env/data/importers/fields.h"

#include "env/data/importers/text.h"
#include "tests/env/data/data_sets.h"

using namespace veer;
using namespace veer::testing;
using namespace veer::importers;

namespace {

using Fields = std::vector<std::string>;

std::vector<Fields> cut(std::string_view text, const std::string& delimiter, bool quotes) {
  LineReader lines("f", text);
  FieldReader reader(lines, delimiter, quotes);
  std::vector<Fields> rows;
  std::vector<std::string_view> fields;
  while (reader.next(fields)) rows.emplace_back(fields.begin(), fields.end());
  return rows;
}

}  // namespace

TEST_CASE("fields: cutting and quoting") {
  CHECK(cut("1::a:b::3\n", "::", false) == std::vector<Fields>{{"1", "a:b", "3"}});
  CHECK(cut("a||b|\n", "|", false) == std::vector<Fields>{{"a", "", "b", ""}});
  CHECK(cut("\"a,b\",c\n", ",", true) == std::vector<Fields>{{"a,b", "c"}});
  CHECK(cut("\"a,b\",c\n", ",", false) == std::vector<Fields>{{"\"a", "b\"", "c"}});
  CHECK(cut("\"say \"\"hi\"\"\",\"\"\"\",\"\"\n\"x\"\n", ",", true) ==
        std::vector<Fields>{{"say \"hi\"", "\"", ""}, {"x"}});
  CHECK(cut("a \"b\" c,d\n", ",", true) == std::vector<Fields>{{"a \"b\" c", "d"}});
  check_message(message_of<DataError>([] { cut("a,b\nc,\"d\n", ",", true); }),
                {"f:2", "a quoted field without its end", "\"d", "closing"});
  check_message(message_of<DataError>([] { cut("\"a\"b,c\n", ",", true); }),
                {"f:1", "text behind a quoted field"});
}

TEST_CASE("fields: numbers are used whole or refused") {
  CHECK(parse_integer("-17") == -17);
  CHECK(parse_integer("9223372036854775807") == 9223372036854775807);
  for (const char* bad : {"", " 1", "1 ", "+1", "1.0", "0x10", "9223372036854775808", "one", "-"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_integer(bad).has_value());
  }
  CHECK(parse_real("2.5e3") == 2500.0);
  for (const char* bad : {"", "nan", "inf", "-inf", "1,5", " 1", "1e999", "1.5x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_real(bad).has_value());
  }
}

TEST_CASE("fields: times in every unit, decimals, dates") {
  constexpr std::int64_t second = 1'000'000;
  CHECK(parse_time("978300019", TimeUnit::seconds) == 978300019 * second);
  CHECK(parse_time("978300019.25", TimeUnit::seconds) == 978300019 * second + 250'000);
  CHECK(parse_time("978300019.1234567", TimeUnit::seconds) == 978300019 * second + 123'456);
  CHECK(parse_time("-1.5", TimeUnit::seconds) == -1'500'000);
  CHECK(parse_time("-0.5", TimeUnit::seconds) == -500'000);
  CHECK(parse_time("9.78e8", TimeUnit::seconds) == 978000000 * second);
  CHECK(parse_time("978300019123", TimeUnit::milliseconds) == 978300019 * second + 123'000);
  CHECK(parse_time("978300019123456", TimeUnit::microseconds) == 978300019 * second + 123'456);
  CHECK(parse_time("978300019123456789", TimeUnit::nanoseconds) == 978300019 * second + 123'456);
  CHECK(parse_time("-1", TimeUnit::nanoseconds) == -1);
  CHECK(parse_time("1970-01-02", TimeUnit::seconds) == 86400 * second);
  CHECK(parse_time("2000-12-31T22:00:19Z", TimeUnit::seconds) == 978300019 * second);
  CHECK(parse_time("2000-12-31 22:00:19.277", TimeUnit::seconds) == 978300019 * second + 277'000);
  CHECK(parse_time("2000-12-31T22:00+00:00", TimeUnit::seconds) == 978300000 * second);
  CHECK(parse_time("2004-02-29", TimeUnit::seconds).has_value());
  // Milliseconds read as seconds would lie in the year 33,000.
  for (const char* bad : {"978300019123", "", "x", "nan", "1e300", "2001-02-29", "2001-13-01", "2001-1-1",
                          "2001-01-01T", "2001-01-01T25:00", "2001-01-01T10:00:00+02:00", "0000-01-01",
                          "2001-01-01T10:00:0", "2001-01-01T10:00:00.", "1.2.3"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time(bad, TimeUnit::seconds).has_value());
  }
}

TEST_CASE("text: UTF-8, ISO-8859-1, messages") {
  CHECK(is_utf8("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"));
  for (const char* bad :
       {"\xE9", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC3", "\x80", "\xF8"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
  CHECK(latin1_to_utf8("Am\xE9lie") == "Am\xC3\xA9lie");
  CHECK(latin1_to_utf8("Am\xC3\xA9lie") == "Am\xC3\xA9lie");
  CHECK(quote("a\tb\xE9\n") == "\"a\\tb\\xe9\\x0a\"");
  CHECK(quote(std::string(100, 'x')) == "\"" + std::string(60, 'x') + "...\"");
}

TEST_CASE("text: lists") {
  CHECK(split_list("a|b||c|", '|') == std::vector<std::string_view>{"a", "b", "c"});
  CHECK(split_list("", '|').empty());
  using Texts = std::vector<std::string>;
  CHECK(parse_python_list("[]") == Texts{});
  CHECK(parse_python_list("['Action', \"Women's Fiction\",'x', ]") ==
        Texts{"Action", "Women's Fiction", "x"});
  CHECK(parse_python_list(R"(['it\'s', 'a\\b', '\xe9\u20ac'])") ==
        Texts{"it's", "a\\b", "\xC3\xA9\xE2\x82\xAC"});
  for (const char* bad :
       {"", "[", "[a]", "['a' 'b']", "['a", "['a]", "'a'", "[,]", "['\\q']", "['\\ud800']", "['\\x1']"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_python_list(bad).has_value());
  }
}
