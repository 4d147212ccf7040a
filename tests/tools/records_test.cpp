// What is made of runs: differences of two, tables for other tools, running means, event files.
#include <bit>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "env/store/run/run_directory.h"
#include "tests/test.h"
#include "tests/tools/run_program.h"
#include "tests/tools/small_world.h"
#include "tools/veer/figures/watching/event_file.h"
#include "tools/veer/figures/watching/live_board.h"
#include "tools/veer/figures/watching/run_figures.h"
#include "tools/veer/training/training_curves.h"

using namespace veer;
using namespace veer::tests;
using Json = nlohmann::json;

namespace {

std::vector<std::vector<std::string>> table_of(const std::string& path) {
  std::vector<std::vector<std::string>> out;
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string>& cells = out.emplace_back(1);
    bool inside = false;
    for (const char c : line) {
      if (c == '"')
        inside = !inside;
      else if (c == ',' && !inside)
        cells.emplace_back();
      else
        cells.back() += c;
    }
  }
  return out;
}

float number(const std::string& text) {
  float value = 0.0F;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  CHECK(error == std::errc());
  CHECK(end == text.data() + text.size());
  return value;
}

Json change_of(const Json& changes, const std::string& key) {
  for (const Json& each : changes) {
    if (each["key"] == key) return each;
  }
  return {};
}

/// Numbers of a frame, little-endian.
std::uint64_t little(const std::string& bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return value;
}

/// Messages of an event file, every checksum checked by hand.
std::vector<std::string> messages_of(const std::string& bytes) {
  const auto unmasked = [](std::uint64_t crc) {
    return std::rotl(static_cast<std::uint32_t>(crc) - 0xA282EAD8U, 15);
  };
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::uint64_t size = little(bytes, at, 8);
    CHECK(unmasked(little(bytes, at + 8, 4)) == tools::crc32c(bytes.substr(at, 8)));
    REQUIRE(at + 16 + size <= bytes.size());
    out.push_back(bytes.substr(at + 12, size));
    CHECK(unmasked(little(bytes, at + 12 + size, 4)) == tools::crc32c(out.back()));
    at += 16 + size;
  }
  return out;
}

}  // namespace

TEST_CASE("two runs: what they were made of, and paired figures") {
  const SmallWorld world;
  const auto play = [&](const std::string& run, const std::vector<std::string>& more) {
    std::vector<std::string> command = world.evaluate({"--acceptance", "sampled", "-o", world.folder / run});
    command.insert(command.end(), more.begin(), more.end());
    const Finished done = run_veer(command);
    REQUIRE_MESSAGE(done.code == 0, done.err);
  };
  const auto diff = [&](const std::string& a, const std::string& b) {
    const Finished done = run_veer({"diff", world.folder / a, world.folder / b, "--json"});
    REQUIRE_MESSAGE(done.code == 0, done.err);
    return Json::parse(done.out);
  };
  play("a", {"--policy", "random", "--policy", "popular", "--episodes", "200"});
  play("b", {"--policy", "popular", "--policy", "random", "--episodes", "200"});
  play("c", {"--policy", "random", "--episodes", "100", "--horizon", "5"});
  play("d", {"--policy", "random", "--episodes", "200", "--seed", "2"});

  const Json order = diff("a", "b");
  CHECK(order["changes"].empty());  // the order of policies is none
  for (const Json& policy : order["policies"]) {
    CHECK(policy["paired"] == true);
    for (const Json& figure : policy["figures"]) {
      CHECK(figure["difference"]["mean"] == 0.0);
      CHECK(figure["difference"]["low"] == 0.0);
      CHECK(figure["difference"]["high"] == 0.0);
    }
  }
  const Json shorter = diff("a", "c");
  CHECK(change_of(shorter["changes"], "episodes")["before"] == "200");
  CHECK(change_of(shorter["changes"], "horizon")["after"] == "5");
  CHECK(change_of(shorter["changes"], "popular")["area"] == "policies");
  CHECK(change_of(shorter["changes"], "popular")["after"].is_null());
  REQUIRE(shorter["policies"].size() == 1);
  CHECK(shorter["policies"][0]["paired"] == true);
  CHECK(shorter["policies"][0]["episodes_before"] == 100);
  // By hand: the mean over the hundred episodes that both hold.
  const Trajectories long_ones = read_run(world.folder / "a", 0),
                     short_ones = read_run(world.folder / "c", 0);
  double sum = 0.0;
  for (std::size_t e = 0; e < 100; ++e) sum += short_ones.length[e] - long_ones.length[e];
  for (const Json& figure : shorter["policies"][0]["figures"]) {
    if (figure["figure"] != "length") continue;
    CHECK(figure["difference"]["mean"].get<double>() == doctest::Approx(sum / 100.0));
    CHECK(figure["difference"]["mean"].get<double>() < 0.0);
  }
  const Json seeds = diff("a", "d");
  CHECK(change_of(seeds["changes"], "seed")["after"] == "2");
  CHECK(seeds["policies"][0]["paired"] == false);
  CHECK(seeds["policies"][0]["episodes_after"] == 200);

  CHECK(diff("a", "a")["same_steps"] == true);
  const Finished text = run_veer({"diff", world.folder / "a", world.folder / "c"});
  CHECK(has(text.out, "configuration"));
  CHECK(run_veer({"diff", world.folder / "a", world.folder / "no-such"}).code != 0);
}

TEST_CASE("a run as tables holds every value to the last bit") {
  const SmallWorld world;
  const std::string run = world.folder / "run", tables = world.folder / "tables";
  const Finished played = run_veer(
      world.evaluate({"--policy", "random", "--policy", "beam:width=2,m=8", "--judge", "again=" + world.users,
                      "--acceptance", "sampled", "--episodes", "90", "--segment-episodes", "40", "-o", run}));
  REQUIRE_MESSAGE(played.code == 0, played.err);
  const Finished done = run_veer({"export", run, "-o", tables, "--data", world.data});
  REQUIRE_MESSAGE(done.code == 0, done.err);
  const auto steps = table_of(tables + "/steps.csv"), episodes = table_of(tables + "/episodes.csv");
  REQUIRE(steps[0].size() == 17);
  CHECK(steps[0][11] == "users acceptance");
  CHECK(steps[0][16] == "again rank");
  std::size_t line = 1, row = 1;
  for (std::int32_t p = 0; p < 2; ++p) {
    const Trajectories paths = read_run(run, p);
    for (std::size_t s = 0; s < paths.episode.size(); ++s, ++line) {
      REQUIRE(line < steps.size());
      const auto& cells = steps[line];
      REQUIRE(cells.size() == 17);
      CHECK(cells[0] == (p == 0 ? "random" : "beam:width=2,m=8"));  // quoted for its comma
      CHECK(cells[1] == std::to_string(paths.episode[s]));
      CHECK(cells[6] == std::to_string(paths.items[s]));
      CHECK(cells[7] == std::to_string(paths.feedback[s] & 1));
      CHECK(number(cells[9]) == paths.probability[s]);
      CHECK(number(cells[10]) == paths.log_prob[s]);
      CHECK(number(cells[15]) == paths.judges[1].interest[s]);
      CHECK(cells[16] == std::to_string(paths.judges[1].rank[s]));
    }
    for (std::size_t e = 0; e < paths.episode_id.size(); ++e, ++row) {
      REQUIRE(row < episodes.size());
      CHECK(episodes[row][1] == std::to_string(paths.episode_id[e]));
      CHECK(episodes[row][4] == std::to_string(paths.length[e]));
      CHECK(number(episodes[row][8]) == paths.judges[0].start_interest[e]);
    }
  }
  CHECK(line == steps.size());
  CHECK(row == episodes.size());
  CHECK(table_of(tables + "/items.csv").size() == 81);
  CHECK(table_of(tables + "/people.csv").size() == 61);
  CHECK_FALSE(std::filesystem::exists(tables + "/steps.csv.part"));
  const SmallWorld other(2);
  CHECK(run_veer({"export", run, "-o", tables, "--data", other.data}).code == 3);
  CHECK(run_veer({"export", run, "-o", world.data}).code == 1);
  const Finished inside = run_veer({"export", run, "-o", run});
  CHECK(inside.code == 2);
  CHECK(has(inside.err, "a run directory"));
}

TEST_CASE("running means: people count once, however often they played") {
  tools::RunningMean running;
  CHECK(std::isnan(running.mean()));
  running.add({1.0F, 3.0F}, {0, 0});
  CHECK(running.mean() == 2.0);
  CHECK(std::isnan(running.half_width()));
  running.add({5.0F, NAN}, {1, 2});
  CHECK(running.mean() == 3.0);
  // Sums apart from the mean: person 0: 4 - 6 = -2, person 1: 5 - 3 = 2; variance of the mean (4 + 4) * 2
  // / 9.
  CHECK(running.half_width() == doctest::Approx(1.959964 * std::sqrt(16.0 / 9.0)));
}

TEST_CASE("event files are framed, checked and hold the scalars that were added") {
  CHECK(tools::crc32c("123456789") == 0xE3069283U);
  CHECK(tools::crc32c(std::string(32, '\0')) == 0x8A9136AAU);  // RFC 3720, B.4
  CHECK(tools::crc32c(std::string(32, '\xff')) == 0x62A8AB43U);
  // By hand: wall_time 1.0, step 300, summary { value { tag "a" simple_value 0.5 } }.
  const std::string expected(
      "\x09\x00\x00\x00\x00\x00\x00\xF0\x3F\x10\xAC\x02\x2A\x0A\x0A\x08\x0A\x01"
      "a\x15\x00\x00\x00\x3F",
      24);
  CHECK(tools::scalar_event(1.0, 300, "a", 0.5F) == expected);
  ScratchFolder folder;
  {
    tools::EventFile file(folder / "events");
    file.add("a/b", 5, 0.25);
    file.add("a/b", 6, NAN);
    file.flush();
    CHECK(has(file.path().filename().string(), "tfevents"));
    const auto messages = messages_of(read_text(file.path()));
    REQUIRE(messages.size() == 2);
    CHECK(has(messages[0], "brain.Event:2"));
    CHECK(has(messages[1], "a/b"));
  }
  CHECK_THROWS(tools::EventFile("/proc/no-such/events"));
}

TEST_CASE("curves of a training keep its first and its last step, and few of those between") {
  ScratchFolder folder;
  {
    tools::TrainingCurves curves("sqn", folder / "board");
    for (std::int64_t step = 1; step <= 1000; ++step) {
      curves.add(step, "loss", 0.5);
      curves.add(step, "best", NAN);
    }
    tools::TrainingCurves("sqn", "").add(1, "loss", 0.5);
  }
  std::vector<std::filesystem::path> files(std::filesystem::directory_iterator(folder / "board"), {});
  REQUIRE(files.size() == 1);
  const auto messages = messages_of(read_text(files.front()));
  REQUIRE(messages.size() >= 3);
  CHECK(messages.size() < 500);
  // After the nine bytes of the time: the step, and the summary with the figure's name.
  const auto without_time = [](const std::string& message) { return message.substr(9); };
  CHECK(without_time(messages[1]) == without_time(tools::scalar_event(0.0, 1, "sqn/loss", 0.5F)));
  CHECK(without_time(messages.back()) == without_time(tools::scalar_event(0.0, 1000, "sqn/loss", 0.5F)));
}

TEST_CASE("a run that is watched says what it knows so far, and the last word is the leaderboard's") {
  const SmallWorld world;
  const Finished done = run_veer(
      world.evaluate({"--policy", "random", "--policy", "nearest", "--episodes", "400", "--segment-episodes",
                      "100", "--rows", "100", "--watch", "--tensorboard", world.folder / "board", "--json"}));
  REQUIRE_MESSAGE(done.code == 0, done.err);
  CHECK(has(done.err, "so far"));
  const Json found = Json::parse(done.out);
  double mean = NAN;
  for (const Json& entry : found["leaderboard"]) {
    if (entry["policy"] == "nearest") mean = entry["ioi"]["mean"];
  }
  // The last table's line: name, episodes, mean.
  CAPTURE(done.err);
  std::istringstream line(done.err.substr(done.err.rfind("\nnearest ")));
  std::string name, episodes, shown;
  line >> name >> episodes >> shown;
  CHECK(episodes == "400");
  CHECK(number(shown) == doctest::Approx(mean).epsilon(0.01));
  std::string bytes;
  for (const auto& entry : std::filesystem::directory_iterator(world.folder / "board")) {
    bytes = read_text(entry.path());
  }
  const auto messages = messages_of(bytes);
  // 2 policies, 4 waves; 3 figures of the people's model and 3 others, each with its half-width; and the
  // version.
  CHECK(messages.size() == 1 + 2 * 4 * (6 + 6));
  CHECK(
      run_veer(world.evaluate({"--policy", "random", "--episodes", "4", "--watch", "--quiet"})).err.empty());
}
