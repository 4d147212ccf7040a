#include "tools/veer/terminal/console.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/test.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

using namespace veer::tools;

TEST_CASE("progress says how much, how fast and how long still") {
  CHECK(progress_line("evaluate", "episodes", 0, 400, 0.0) == "evaluate: 0 of 400 episodes (0 %)");
  CHECK(progress_line("evaluate", "episodes", 100, 400, 2.0) ==
        "evaluate: 100 of 400 episodes (25 %), 50 episodes/s, 6 s left");
  CHECK(progress_line("fit", "steps", 400, 400, 8.0) == "fit: 400 of 400 steps (100 %), 50 steps/s");
}

TEST_CASE("durations in words") {
  CHECK(duration_text(-1.0) == "0 s");
  CHECK(duration_text(59.4) == "59 s");
  CHECK(duration_text(200.0) == "3 min 20 s");
  CHECK(duration_text(7500.0) == "2 h 5 min");
}

TEST_CASE("a console keeps results and notes apart, and quiet means quiet") {
  std::ostringstream out;
  std::ostringstream err;
  Console console({.quiet = false}, out, err);
  console.note("reading");
  CHECK(err.str() == "reading\n");
  CHECK(out.str().empty());
  CHECK(console.bold("x") == "x");
  CHECK(Console({.colour = true}, out, err).bold("x") == "\033[1mx\033[0m");

  Console quiet({.quiet = true, .terminal = true}, out, err);
  quiet.note("nothing");
  {
    Progress progress(quiet, "work", "items", 10);
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    progress.update(5);
  }
  CHECK(err.str() == "reading\n");
}

TEST_CASE("on a terminal, progress rewrites one line and takes it away at the end") {
  std::ostringstream out;
  std::ostringstream err;
  const Console console({.terminal = true}, out, err);
  {
    Progress progress(console, "work", "items", 10);
    progress.update(1);
    CHECK(err.str().empty());  // too early to say anything
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    progress.update(5);
  }
  CHECK(err.str().starts_with("\r\033[Kwork: 5 of 10 items (50 %)"));
  CHECK(err.str().ends_with("\r\033[K"));
  CHECK(err.str().find('\n') == std::string::npos);
}

TEST_CASE("tables align by characters, not bytes") {
  Table table({"policy", "IoI"});
  table.add({"beam", "1.25"});
  table.add({"Amélie", "-0.50"});
  CHECK(table.text() ==
        "policy    IoI\n"
        "-------------\n"
        "beam     1.25\n"
        "Amélie  -0.50\n");
}

TEST_CASE("long texts are cut between characters") {
  CHECK(shorten("short", 5) == "short");
  CHECK(shorten("Toy Story (1995)", 8) == "Toy S...");
  CHECK(shorten("ééééé", 4) == "é...");
}

TEST_CASE("a chart puts the largest value on top and the smallest at the bottom") {
  const double values[] = {-7.0, -5.0, -4.0};
  CHECK(chart(values, 4) ==
        "    -4.00 |        *\n"
        "          |    *\n"
        "          |\n"
        "    -7.00 |*\n"
        "           0   1   2\n");
  const double flat[] = {1.0, 1.0};
  CHECK(chart(flat, 1) == "     1.00 |*   *\n           0   1\n");
  CHECK(chart({}, 3).empty());
}

TEST_CASE("large numbers are grouped") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000209) == "1,000,209");
  CHECK(grouped(-123456) == "-123,456");
  CHECK(grouped(std::uint64_t{18446744073709551615U}) == "18,446,744,073,709,551,615");
}

TEST_CASE("a description stands in two columns whatever its keys; seeds are printed as typed") {
  std::ostringstream out;
  const nlohmann::ordered_json description{
      {"kind", "sasrec"},
      {"seed", 18000000000000000000U},
      {"parameters", 1234567},
      {"hyper_parameters", {{"a_very_long_name_of_a_parameter", "0.5"}, {"é", true}}}};
  print_description(Console({}, out, out), description);
  CHECK(out.str() ==
        "kind                                              sasrec\n"
        "seed                                              18000000000000000000\n"
        "parameters                                        1,234,567\n"
        "hyper_parameters.a_very_long_name_of_a_parameter  0.5\n"
        "hyper_parameters.é                                yes\n");
}
