// Logs of decisions: what is written is read, what cannot be a log is refused with its row.
#include "env/store/transition_file.h"

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>

#include "env/batch.h"
#include "env/error.h"
#include "tests/test.h"

namespace veer {
namespace {

/// Two episodes of two steps and of one, one after the other in time: 7/0, 9/0, 7/1.
TransitionLog small_log() {
  TransitionLog log;
  log.manifest = {.scenario = "fusion-v1",
                  .world = "part = \"all\"\n",
                  .regime = "random",
                  .policy = "random",
                  .grows = true,
                  .has_densities = true,
                  .largest_reward = 2.5,
                  .horizon = 3,
                  .fingerprint = "f",
                  .seed = 11};
  BatchShape shape;
  shape.slots = 0;
  shape.features = 2;
  shape.reals = 1;
  Transitions& t = log.transitions;
  t.resize(3, shape);
  t.episode = {7, 9, 7};
  t.step = {0, 0, 1};
  t.user = {4, 5, 4};
  t.observed = {0.0F, 1.0F, 2.0F, 3.0F, 4.0F, 5.0F};
  t.next_observed = {4.0F, 5.0F, 6.0F, 7.0F, 8.0F, 9.0F};
  t.action_reals = {-1.0F, 0.5F, 1.0F};
  t.log_prob = {-0.5F, 0.0F, 0.25F};
  t.reward = {1.0F, 2.0F, 3.0F};
  t.end = {EndReason::running, EndReason::horizon, EndReason::user_left};
  return log;
}

void check_refused(const std::function<void(TransitionLog&)>& change, const std::string& row,
                   const std::string& what) {
  TransitionLog log = small_log();
  change(log);
  try {
    (void)episodes_of(log, "x.log.h5");
    FAIL("accepted: ", what);
  } catch (const DataError& error) {
    const std::string text = error.what();
    CAPTURE(text);
    CHECK(text.find("x.log.h5") != std::string::npos);
    CHECK(text.find(row) != std::string::npos);
    CHECK(text.find(what) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("a log of decisions is read as it was written") {
  const TransitionLog log = small_log();
  const TransitionLog read = parse_transitions(transition_bytes(log), "log");
  CHECK(read.manifest == log.manifest);
  CHECK(transition_bytes(read) == transition_bytes(log));
  CHECK(read.transitions.step == log.transitions.step);
  CHECK(read.transitions.next_observed == log.transitions.next_observed);
  CHECK(read.transitions.end == log.transitions.end);

  const auto episodes = episodes_of(read, "log");
  REQUIRE(episodes.size() == 2);
  CHECK(episodes[0] == std::vector<std::int32_t>{0, 2});
  CHECK(episodes[1] == std::vector<std::int32_t>{1});
  const std::vector<double> returns = discounted_returns(read, episodes, 0.5);
  CHECK(returns == std::vector<double>{2.5, 2.0});
}

TEST_CASE("a source of its first part holds nothing else") {
  const TransitionLog log = small_log();
  LoggedTransitions source(log.transitions);
  CHECK(source.size() == 3);
  source.see_first(2);
  CHECK(source.size() == 2);
  Transitions out;
  const std::int64_t wanted[] = {1, 0, 1};
  source.gather(wanted, out);
  CHECK(out.reward == std::vector<float>{2.0F, 1.0F, 2.0F});
  CHECK(out.observed == std::vector<float>{2.0F, 3.0F, 0.0F, 1.0F, 2.0F, 3.0F});
}

TEST_CASE("logs that cannot be are refused with their row") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check_refused([](TransitionLog& l) { l.transitions.count = 0; }, "transitions", "none");
  check_refused([&](TransitionLog& l) { l.transitions.observed[3] = nan; }, "observed, row 1", "nan");
  check_refused([&](TransitionLog& l) { l.transitions.reward[2] = INFINITY; }, "reward, row 2", "inf");
  check_refused([&](TransitionLog& l) { l.transitions.log_prob[0] = nan; }, "log_prob, row 0", "nan");
  check_refused([](TransitionLog& l) { l.transitions.action_reals[2] = 1.01F; }, "action, row 2", "-1 to 1");
  check_refused([](TransitionLog& l) { l.transitions.step[2] = 2; }, "step, row 2", "count from 0");
  check_refused([](TransitionLog& l) { l.transitions.user[2] = 5; }, "user, row 2", "one person's");
  check_refused([](TransitionLog& l) { l.transitions.end[1] = EndReason::running; }, "end, row 1",
                "stops without an end");
  check_refused([](TransitionLog& l) { l.transitions.end[0] = EndReason::user_left; }, "end, row 0",
                "after the end");
}

TEST_CASE("what a log cuts off is truncated, what ended stays") {
  TransitionLog log = small_log();
  log.transitions.end = {EndReason::running, EndReason::user_left, EndReason::running};
  close_episodes(log.transitions);
  CHECK(log.transitions.end ==
        std::vector<EndReason>{EndReason::running, EndReason::user_left, EndReason::horizon});
}

TEST_CASE("damaged and foreign files are refused by name") {
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "veer-transition-test.log.h5";
  write_transitions(path, small_log());
  CHECK(read_transitions(path).manifest.regime == "random");
  std::vector<std::byte> bytes = transition_bytes(small_log());
  bytes[bytes.size() / 2] ^= std::byte{1};
  CHECK_THROWS_AS(parse_transitions(bytes, "x"), VerificationError);
  bytes.resize(600);
  CHECK_THROWS_AS(parse_transitions(bytes, "x"), FormatError);
  std::filesystem::remove(path);
  CHECK_THROWS_AS(read_transitions(path), IoError);
}

}  // namespace veer
