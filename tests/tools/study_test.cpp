// Studies: tables, resumption, and what they refuse.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/error.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tools/veer/studies/study_log.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

std::string text_of(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

Finished study(const std::string& name, const std::string& output, std::vector<std::string> more) {
  std::vector<std::string> arguments{"study", name, "-o", output};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_veer(arguments);
}

}  // namespace

TEST_CASE("means of studies come with Student's interval") {
  const tools::MeanInterval three = tools::mean_interval({1.0, 2.0, 6.0});
  CHECK(three.mean == doctest::Approx(3.0));
  CHECK(three.half == doctest::Approx(4.303 * std::sqrt(7.0 / 3.0)));  // variance 14 / 2 over 3
  CHECK(tools::mean_interval({4.0}).half == 0.0);
  CHECK(tools::mean_interval(std::vector<double>(31, 1.0)).half == 0.0);
}

TEST_CASE("a study keeps what is finished, computes a cut line again and refuses other options") {
  const ScratchFolder folder;
  const std::string file = folder / "parts.jsonl";
  int computed = 0;
  const auto work = [&] { return tools::StudyFigures{{"figure", ++computed / 2.0}}; };
  {
    tools::StudyLog log(file, "one");
    CHECK(log.part("a", work).at("figure") == 0.5);
    CHECK(log.part("b", work).at("figure") == 1.0);
    CHECK(log.part("a", work).at("figure") == 0.5);
  }
  {
    tools::StudyLog log(file, "one");
    CHECK(log.known() == 2);
    CHECK(log.part("b", work).at("figure") == 1.0);
  }
  std::ofstream(file, std::ios::app) << "{\"part\": \"c\", \"fig";
  {
    tools::StudyLog log(file, "one");
    CHECK(log.known() == 2);
    CHECK(log.part("c", work).at("figure") == 1.5);
  }
  CHECK(tools::StudyLog(file, "one").known() == 3);  // and the cut line is gone
  CHECK_THROWS_WITH_AS(tools::StudyLog(file, "two"), doctest::Contains("another --output"), ConfigError);
  std::ofstream(file) << "no study\n{}\n";
  CHECK_THROWS_AS(tools::StudyLog(file, "one"), FormatError);
  std::ofstream(file) << "something precious";
  CHECK_THROWS_AS(tools::StudyLog(file, "one"), FormatError);
  CHECK(text_of(file) == "something precious");
}

TEST_CASE("the study of pages with ads prints a curve, and again from its file") {
  const ScratchFolder folder;
  const std::vector<std::string> small{"--seeds", "1", "--steps", "640", "--episodes", "40", "--json"};
  const Finished first = study("ads", folder / "ads.jsonl", small);
  CAPTURE(first.err);
  REQUIRE(first.code == 0);
  const Json rows = Json::parse(first.out);
  CHECK(rows[0]["name"] == "random");
  CHECK(rows[1]["ad_share"] == 1.0);  // whoever is greedy for revenue fills every slot
  CHECK(rows[2]["name"] == "fixed:-----");
  CHECK(rows[2]["revenue"]["mean"] == 0.0);
  const std::string before = text_of(folder / "ads.jsonl");
  const Finished again = study("ads", folder / "ads.jsonl", small);
  CHECK(again.out == first.out);
  CHECK(text_of(folder / "ads.jsonl") == before);
}

TEST_CASE("the study of interests compares both agents at every delay") {
  const ScratchFolder folder;
  const Finished done =
      study("interests", folder / "i.jsonl",
            {"--seeds", "2", "--steps", "960", "--episodes", "20", "--delays", "5", "10", "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json rows = Json::parse(done.out);
  REQUIRE(rows.size() == 14);
  CHECK(rows[6]["name"] == "difference to flat");
  CHECK(rows[6]["return"]["mean"].get<double>() ==
        doctest::Approx(rows[5]["return"]["mean"].get<double>() - rows[4]["return"]["mean"].get<double>()));
  CHECK(rows[7]["delay"] == 10);
  const Finished other = study("interests", folder / "i.jsonl", {"--steps", "1920"});
  CHECK(other.code == 2);
  CHECK(other.err.find("--output") != std::string::npos);
}
