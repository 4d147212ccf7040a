// veer report: one page that is well-formed, safe whatever titles say, and has the figures of veer compare.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/fingerprint.h"
#include "env/error.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"
#include "tools/report/assets.h"
#include "tools/veer/figures/methods/standing.h"
#include "tools/veer/figures/watching/episode_curves.h"
#include "tools/veer/page/html.h"
#include "tools/veer/page/svg_chart.h"

using namespace veer;
using namespace veer::tests;
using namespace veer::tools;
using Json = nlohmann::json;

namespace {

/// The first thing wrong with a page: a tag that closes none, stays open, or an attribute without quotes.
/// Empty: nothing.
std::string flaw_of(std::string_view page) {
  constexpr std::array<std::string_view, 4> empty_elements{"meta", "link", "br", "input"};
  std::vector<std::string> open;
  std::size_t place = page.find("<html");
  if (!page.starts_with("<!DOCTYPE html>")) return "no doctype";
  while ((place = page.find('<', place)) != std::string_view::npos) {
    const bool closes = page[place + 1] == '/';
    std::size_t end = place + (closes ? 2 : 1);
    const std::size_t name_begin = end;
    while (end < page.size() && (std::isalnum(static_cast<unsigned char>(page[end])) != 0)) ++end;
    const std::string name(page.substr(name_begin, end - name_begin));
    if (name.empty()) return "a bare '<' at " + std::to_string(place);
    bool quoted = false;
    while (end < page.size() && (quoted || page[end] != '>')) quoted ^= page[end++] == '"';
    const bool alone = page[end - 1] == '/';
    place = end;
    if (closes) {
      if (open.empty() || open.back() != name)
        return "</" + name + "> closes " + (open.empty() ? "none" : open.back());
      open.pop_back();
    } else if (!alone &&
               std::find(empty_elements.begin(), empty_elements.end(), name) == empty_elements.end()) {
      open.push_back(name);
      if (name == "script" || name == "style") {
        place = page.find("</" + name, place);
        if (place == std::string_view::npos) return name + " does not end";
      }
    }
  }
  return open.empty() ? "" : open.back() + " stays open";
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Json script_of(const std::string& page, const std::string& begin) {
  const std::size_t from = page.find(begin) + begin.size();
  return Json::parse(page.substr(from, page.find("</script>", from) - from));
}
Json data_of(const std::string& page) { return script_of(page, "id=\"paths-data\">"); }
Json first_block_of(const std::string& page) { return script_of(page, "class=\"paths-block\">"); }

constexpr const char* hostile =
    "</script><script>alert(1)</script><img src=x onerror='alert(\"2\")'> & \xC3\xA9\xE2\x80\xA8";

/// Titles that would run if they were believed.
struct Hostile : SmallWorld {
  std::string run = folder / "run", page = folder / "report.html";
  std::vector<std::string> all{"report", run, "--data", data, "-o", page};

  Hostile() {
    for (std::size_t i = 1; i < log.dataset.catalogue.titles.size(); ++i) {
      log.dataset.catalogue.titles[i] = hostile + std::to_string(i);
    }
    log.dataset.name = "<b>\"world\"</b>";
    log.dataset.fingerprint = fingerprint_of(log.dataset);
    write_dataset(data, log.dataset);
    write_model(users, synthetic_model_file(*log.truth, log.dataset.fingerprint, log.dataset.name));
    const Finished done = run_veer(evaluate({"--judge", "other=" + users, "--policy", "nearest", "--policy",
                                             "random", "--episodes", "60", "--targets", "uniform-unseen",
                                             "--acceptance", "sampled", "--horizon", "4", "-o", run}));
    CAPTURE(done.err);
    REQUIRE(done.code == 0);
  }
  Finished report(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = all;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_veer(arguments);
  }
};

}  // namespace

TEST_CASE("a report is well-formed, runs nothing that data say, and says what compare says") {
  const Hostile world;
  const Finished done = world.report({"--json", "--baseline", "random", "--paths", "14"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const std::string page = read_text(world.page);
  CHECK(flaw_of(page) == "");
  CHECK(has(page, "default-src 'none'"));
  const bool enlarges = !assets::chart_js().empty();
  CHECK(count_of(page, "<script>") == (enlarges ? 3U : 1U));  // the explorer's; titles add none
  CHECK(count_of(page, "<img") == 0);
  CHECK(count_of(page, "alert(1)</script>") == 0);
  CHECK(has(page, "&lt;/script&gt;&lt;script&gt;alert(1)"));
  CHECK(has(page, "&lt;b&gt;&quot;world&quot;&lt;/b&gt;"));
  if (!enlarges) CHECK(count_of(page, "http") == count_of(page, "http-equiv"));  // no address to load from

  // The figures are those of compare, in the page and in its JSON.
  const Finished compared =
      run_veer({"compare", world.run, "--data", world.data, "--baseline", "random", "--json"});
  REQUIRE(compared.code == 0);
  const Json said = Json::parse(done.out), expected = Json::parse(compared.out);
  CHECK(said["comparisons"] == expected["comparisons"]);
  for (const Json& comparison : expected["comparisons"]) {
    for (const Json& method : comparison["methods"]) {
      const Json& ioi = method["ioi"];
      CHECK(has(page, "<td>" + number_text(ioi["mean"], 3) + " (" + number_text(ioi["low"], 3) + " to " +
                          number_text(ioi["high"], 3) + ")</td>"));
    }
  }
  const Json& under_first = expected["comparisons"][0]["methods"];
  const bool nearest = under_first[0]["ioi"]["mean"] > under_first[1]["ioi"]["mean"];
  CHECK(said["conclusions"][0].get<std::string>().starts_with(
      nearest ? "nearest moves people's interest towards the target most"
              : "random moves people's interest towards the target most"));
  CHECK(has(page, html_text(said["conclusions"][0].get<std::string>())));
  CHECK(has(said["conclusions"].back().get<std::string>(), "judges put the same policy first"));

  // The explorer has 7 of 60 episodes, spread evenly, with the titles as they are.
  const Json data = data_of(page);
  CHECK(said["paths_shown"] == 14);
  CHECK(said["paths"] == 120);
  REQUIRE(data["episodes"]["id"].size() == 7);
  CHECK(data["episodes"]["id"][1] == 60 / 7);
  CHECK(data["policies"] == Json({"nearest", "random"}));
  CHECK(count_of(page, "class=\"paths-block\"") == 1);
  const Json block = first_block_of(page);
  REQUIRE(block["policies"].size() == 2);
  const Json& nearest_paths = block["policies"][0];
  std::size_t steps = 0;
  for (const Json& length : nearest_paths["length"]) steps += length.get<std::size_t>();
  CHECK(nearest_paths["items"].size() == steps);
  REQUIRE(nearest_paths["judges"].size() == data["judges"].size());
  for (const Json& judge : nearest_paths["judges"]) CHECK(judge["rank"].size() == steps);
  const std::string item = nearest_paths["items"][0].dump();
  CHECK(data["titles"][item] == hostile + item);
  CHECK(world.report({"--baseline", "random", "--paths", "14"}).code == 0);
  CHECK(read_text(world.page) == page);  // same bytes
}

TEST_CASE("curves of a report end where the figures of compare do") {
  const Hostile world;
  REQUIRE(world.report().code == 0);
  const std::string page = read_text(world.page);
  const Finished compared = run_veer({"compare", world.run, "--data", world.data, "--json"});
  const Json methods = Json::parse(compared.out)["comparisons"][0]["methods"];
  // The first column of numbers is that of nearest: the last row minus the first is its IoI.
  const std::size_t begin = page.find("<table", page.find("id=\"curve-interest-0\""));
  const std::string table = page.substr(begin, page.find("</table>", begin) - begin);
  const auto value = [&](const std::string& row) {
    const std::size_t at = table.find("<th scope=\"row\">" + row + "</th><td>");
    REQUIRE(at != std::string::npos);
    return std::stod(table.substr(table.find("<td>", at) + 4));
  };
  CHECK(value("4") - value("0") == doctest::Approx(methods[0]["ioi"]["mean"].get<double>()).epsilon(0.002));
}

TEST_CASE("sessions are reported with survival and take rate, stress with its onset") {
  const SmallWorld world;
  const std::string suite = world.folder / "suite.toml", trial = world.folder / "trial",
                    page = world.folder / "page.html";
  write_text(
      suite,
      "format = 1\nname = \"mine\"\n[[test]]\nname = \"bots\"\n[[test.perturbation]]\nkind = \"bots\"\n"
      "intensity = 0.0\nonset = 2\n[[test.gate]]\nfigure = \"return\"\nrule = \"keeps\"\nshare = 0.9\n"
      "[[test.gate]]\nfigure = \"length\"\nrule = \"at_least\"\nvalue = 1.0\n");
  const Finished played = run_veer({"stress", "--data", world.data, "--users", world.users, "--suite", suite,
                                    "--policy", "random", "--policy", "popular", "--episodes", "80",
                                    "--horizon", "6", "-o", trial, "--json"});
  CAPTURE(played.err);
  REQUIRE(played.code == static_cast<int>(ExitCode::gate));
  const Finished done =
      run_veer({"report", trial, "--data", world.data, "-o", page, "--by", "history", "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const std::string text = read_text(page);
  CHECK(flaw_of(text) == "");
  CHECK(has(text, "Who is still there"));
  CHECK(has(text, "random under bots"));
  CHECK(count_of(text, "class=\"onset\"") == 2);
  // Sums of the curves of stress are what veer stress printed.
  const Json bots = Json::parse(played.out)["policies"][0]["tests"][0];
  double calm = 0.0;
  for (const Json& step : bots["calm"]) calm += step.get<double>();
  CHECK(has(text, "<th scope=\"row\">random</th><td>" + number_text(calm, 2) + "</td>"));
  CHECK(has(text, "100 %"));  // from the onset on nobody takes anything
  const Json said = Json::parse(done.out);
  CHECK(has(said["conclusions"][0].get<std::string>(), "earns the most per visit"));
  CHECK(data_of(text)["judges"].empty());
  // Verdicts are computed from the runs once more, and are those of veer stress.
  const Json tested = Json::parse(played.out)["policies"];
  for (const Json& policy : tested) {
    REQUIRE(policy["gates"].size() == 2);
    for (const Json& gate : policy["gates"]) {
      const Json& slack = gate["slack"];
      const double mean = slack["mean"];
      std::string cells = "<td>" + std::string(mean < 0.0 ? "" : "+") + number_text(mean, 2);
      if (slack["low"] != slack["high"]) {
        cells += " (" + number_text(slack["low"], 2) + " to " + number_text(slack["high"], 2) + ")";
        CHECK(has(text, cells + "</td><td>" + gate["verdict"].get<std::string>() + "</td>"));
      }
    }
    const auto verdict = policy["verdict"].get<std::string>();
    CHECK(has(text, "<p>" + policy["policy"].get<std::string>() + ": " + verdict +
                        (verdict == "fail" ? ": bots.</p>" : ".</p>")));
  }
  CHECK(has(text, "<p>popular: fail: bots.</p>"));
  CHECK(has(text, "<td>bots</td><td>return keeps 90 %</td>"));
  // By who the people are: as many episodes in all groups together as were played.
  std::int64_t episodes = 0;
  for (const Json& group : said["by_history"]) episodes += group["episodes"].get<std::int64_t>();
  CHECK(episodes == 80);
  CHECK(has(text, "Return by history"));
  // Without the record of the trial nothing is judged.
  std::filesystem::remove(trial + "/trial.toml");
  REQUIRE(run_veer({"report", trial, "--data", world.data, "-o", page}).code == 0);
  CHECK(has(read_text(page), "The folder has no trial.toml"));
  CHECK(!has(read_text(page), "return keeps 90 %"));
  write_text(trial + "/trial.toml", "format = 1\nbaseline = \"\"\nsuite = \"format = 1\"\n");
  const Finished damaged = run_veer({"report", trial, "--data", world.data, "-o", page});
  CHECK(damaged.code == static_cast<int>(ExitCode::data));
  CHECK(has(damaged.err, "trial.toml (suite)"));
}

TEST_CASE("what cannot be reported is said, and nothing is replaced") {
  const Hostile world;
  const auto refused = [&](std::vector<std::string> arguments, ExitCode code, const std::string& word) {
    arguments.insert(arguments.begin(), "report");
    const Finished done = run_veer(arguments);
    CAPTURE(done.err);
    CHECK(done.code == static_cast<int>(code));
    CHECK(has(done.err, word));
    CHECK(!std::filesystem::exists(world.page));
  };
  refused({world.folder / "nowhere", "--data", world.data, "-o", world.page}, ExitCode::failure, "nowhere");
  refused({world.run, "--data", world.data, "-o", world.page, "--baseline", "beam"}, ExitCode::usage,
          "'beam'");
  refused({world.run, "--data", world.data, "-o", world.page, "--paths", "0"}, ExitCode::usage, "--paths");
  refused({world.run, "--data", world.data, "-o", world.folder / "none/x.html"}, ExitCode::failure,
          "directory");
  const std::string before = read_text(world.data);
  refused({world.run, "--data", world.data, "-o", world.data}, ExitCode::usage, "-o");
  CHECK(read_text(world.data) == before);
  const SmallWorld foreign(2);
  refused({world.run, "--data", foreign.data, "-o", world.page}, ExitCode::data, "another data set");
  // Incomplete: its manifest is as it was when the run began.
  const std::string manifest = world.run + "/manifest.toml", whole = read_text(manifest);
  std::string begun;
  for (std::size_t at = 0; at < whole.size();) {
    const std::size_t end = whole.find('\n', at) + 1;
    const std::string line = whole.substr(at, end - at);
    if (!line.starts_with("segments") && !line.starts_with("digest")) begun += line;
    at = end;
  }
  write_text(manifest, begun);
  refused({world.run, "--data", world.data, "-o", world.page}, ExitCode::data, "incomplete");
}

TEST_CASE("a report has budgets, natural drift and who judged") {
  const Hostile world;
  const Finished done = world.report(
      {"--baseline", "random", "--neutral", "random", "--rank-loss", "3", "--by", "difficulty", "--json"});
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const std::string page = read_text(world.page);
  CHECK(flaw_of(page) == "");
  const Json said = Json::parse(done.out);
  CHECK(has(page, "<section id=\"budget\""));
  CHECK(has(page, "the target never more than 3 places below where it began"));
  const Json& methods = said["budget"]["judges"][0]["methods"];
  REQUIRE(methods.size() == 2);
  CHECK(has(page, "Natural drift: under random"));
  CHECK(has(page, "Judge other: synthetic, fitted on nobody (known truth)"));
  CHECK(has(page, "IoI by difficulty under the judge other"));
  CHECK(said["by_difficulty"].size() >= 2);
  const Finished cohort = world.report({"--by", "cohort"});
  CHECK(cohort.code == static_cast<int>(ExitCode::usage));
  CHECK(has(cohort.err, "--population"));
}

TEST_CASE("a report splits episodes by cohort as the run was played") {
  const SmallWorld world;
  const std::string people = world.folder / "people.toml", run = world.folder / "run",
                    page = world.folder / "page.html";
  const std::string recipe =
      "format = 1\nname = \"two kinds\"\n[[cohort]]\nname = \"many\"\nweight = 3\n[[cohort]]\n"
      "name = \"few\"\n";
  write_text(people, recipe);
  const Finished played = run_veer(
      world.evaluate({"--policy", "random", "--policy", "popular", "--episodes", "60", "--targets",
                      "uniform-unseen", "--population", people, "--by", "cohort", "-o", run, "--json"}));
  CAPTURE(played.err);
  REQUIRE(played.code == 0);
  const std::vector<std::string> report{"report", run,    "--data", world.data,     "-o",  page,
                                        "--json", "--by", "cohort", "--population", people};
  const Finished done = run_veer(report);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const Json seen = Json::parse(played.out)["by_cohort"], said = Json::parse(done.out)["by_cohort"];
  REQUIRE(said.size() == 2);
  for (const Json& cohort : said) {
    const auto same = std::find_if(seen.begin(), seen.end(),
                                   [&](const Json& each) { return each["cohort"] == cohort["cohort"]; });
    REQUIRE(same != seen.end());
    CHECK(cohort["episodes"] == (*same)["episodes"]);
  }
  CHECK(said[0]["episodes"] > said[1]["episodes"]);
  CHECK(has(read_text(page), "IoI by cohort under the judge users"));
  write_text(people, recipe + "weight = 2\n");
  const Finished other = run_veer(report);
  CHECK(other.code == static_cast<int>(ExitCode::usage));
  CHECK(has(other.err, "another file than the run was played with"));
}

TEST_CASE("text is made safe for pages, scripts and policies of content") {
  CHECK(html_text("a<b>&\"'\x01\xE9") == "a&lt;b&gt;&amp;&quot;&#39; \xC3\xA9");
  CHECK(script_json({{"t", "</script>&<!--"}}) == "{\"t\":\"\\u003c/script\\u003e\\u0026\\u003c!--\"}");
  CHECK(Json::parse(script_json({{"t", "</script>&\xE2\x80\xA8"}}))["t"] == "</script>&\xE2\x80\xA8");
  CHECK(csp_hash("") == "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
}

TEST_CASE("curves hold what paths ended with, and lose who left") {
  Trajectories paths;
  paths.items = {1, 2, 3};
  paths.feedback = {feedback::accepted, feedback::refused, feedback::accepted | feedback::purchased};
  paths.episode_id = {0, 1};
  paths.episode_user = {0, 1};
  paths.first_step = {0, 2};
  paths.length = {2, 1};
  paths.judges = {{"one", {0.5F, 0.3F, 0.1F}, {-2.0F, -1.0F, -3.0F}, {9, 5, 8}, {-3.0F, -4.0F}, {10, 20}}};
  const Method method{"m", {"m"}};
  EpisodeCurves guidance(true);
  guidance.add("m", paths);
  const StepCurve interest = guidance.of(method, 0, CurveKind::interest);
  CHECK(interest.first_x == 0);
  CHECK(interest.mean == std::vector<double>{-3.5, -2.5, -2.0});
  CHECK(guidance.of(method, 0, CurveKind::rank).mean == std::vector<double>{15.0, 8.5, 6.5});
  CHECK(guidance.of(method, 0, CurveKind::acceptance).mean[1] == doctest::Approx(0.3));
  EpisodeCurves sessions(false);
  sessions.add("m", paths);
  CHECK(sessions.of(method, 0, CurveKind::present).mean == std::vector<double>{1.0, 0.5});
  CHECK(sessions.of(method, 0, CurveKind::taken).mean == std::vector<double>{1.0, 0.0});
  CHECK(sessions.of(method, 0, CurveKind::bought).mean == std::vector<double>{0.5, 0.0});
}

TEST_CASE("a chart breaks its line where nothing is defined, and escapes its labels") {
  LineChart chart{"x", "A < B", "about", "step", "y",
                  0,   1,       false,   1,      {{"p&q", {1.0, std::nan(""), 3.0, 4.0}, {}, {}}}};
  const std::string svg = line_chart(chart);
  CHECK(has(svg, "A &lt; B"));
  CHECK(has(svg, "p&amp;q"));
  CHECK(count_of(svg, "<circle") == 3);
  const std::size_t line = svg.find("class=\"line c0\" d=\"");
  const std::string path = svg.substr(line, svg.find("/>", line) - line);
  CHECK(std::count(path.begin(), path.end(), 'M') == 2);
  CHECK(has(svg, "class=\"onset\""));
  chart.lines[0].values = {2.0};
  CHECK(!has(line_chart(chart), "nan"));
  chart.lines.clear();
  CHECK(!has(line_chart(chart), "inf"));
}

// Needs a browser: run by the test report_in_browser, which is labelled slow.
TEST_CASE("a browser shows the report without complaint" * doctest::skip()) {
  if (std::system("command -v chromium > /dev/null") != 0) {
    MESSAGE("no chromium here: nothing was checked");
    return;
  }
  const Hostile world;
  REQUIRE(world.report().code == 0);
  const std::string dom = world.folder / "dom.html", log = world.folder / "chromium.log",
                    profile = world.folder / "profile";
  const std::string command = "HOME='" + profile +
                              "' chromium --headless --no-sandbox --disable-gpu --user-data-dir='" + profile +
                              "' --enable-logging=stderr --virtual-time-budget=5000 --dump-dom 'file://" +
                              world.page + "' > '" + dom + "' 2> '" + log + "'";
  CAPTURE(command);
  REQUIRE(std::system(command.c_str()) == 0);
  const std::string shown = read_text(dom), said = read_text(log);
  CHECK(!has(said, "CONSOLE"));  // what a page prints, errors and refused scripts among it
  CHECK(has(shown, "id=\"pick-episode\""));
  CHECK(has(shown, "60 of 60 episodes"));
  CHECK(has(shown, "Took before, newest last"));
  CHECK(count_of(shown, "<img") == 0);
}
