// Logs from comma-separated text: what is read, and which line is refused for what.
#include <string>
#include <variant>

#include "env/error.h"
#include "scenarios/ope/log_table.h"
#include "tests/test.h"

using namespace veer;
using namespace veer::ope;

namespace {

std::string refusal(const std::string& text, const TableOptions& options = {}) {
  try {
    read_table("log.csv", text, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "not refused";
}

void check_refused(const std::string& text, const std::string& beginning, const TableOptions& options = {}) {
  const std::string message = refusal(text, options);
  CAPTURE(message);
  CHECK(message.find(beginning) == 0);
}

}  // namespace

TEST_CASE("decisions are read by the names of their columns") {
  const std::string text =
      "target,behaviour,reward,v_hat,q_hat,cluster\n"
      "0.5,0.25,1,0.6,0.7,ann\n"
      "0.1,0.5,-2.5,0.4,0.3,bob\n"
      "1,1,0,0,0,ann\n";
  const LoggedData data = read_table("log.csv", text, {});
  const auto& log = std::get<BanditLog>(data);
  CHECK(log.reward == std::vector<double>{1, -2.5, 0});
  CHECK(log.behaviour == std::vector<double>{0.25, 0.5, 1});
  CHECK(log.target == std::vector<double>{0.5, 0.1, 1});
  CHECK(log.q_hat == std::vector<double>{0.7, 0.3, 0});
  CHECK(log.v_hat == std::vector<double>{0.6, 0.4, 0});
  CHECK(log.cluster == std::vector<UserId>{0, 1, 0});
}

TEST_CASE("trajectories are read in order") {
  const std::string text =
      "episode,step,reward,behaviour,target,end,cluster\n"
      "a,0,1,0.5,0.5,,x\n"
      "a,1,2,0.5,0.5,terminated,x\n"
      "b,0,3,0.5,0.5,truncated,y\n";
  const LoggedData data = read_table("log.csv", text, {.actions = {}, .gamma = 0.5});
  const auto& log = std::get<TrajectoryLog>(data);
  CHECK(log.offsets == std::vector<std::int64_t>{0, 2, 3});
  CHECK(log.end == std::vector<StepEnd>{StepEnd::none, StepEnd::terminated, StepEnd::truncated});
  CHECK(log.gamma == 0.5);
  CHECK(log.cluster == std::vector<UserId>{0, 1});
}

TEST_CASE("bad rows are refused with their line") {
  const std::string header = "reward,behaviour,target\n1,0.5,0.5\n";
  check_refused(header + "1,0,0.5\n", "log.csv:3: behaviour: found 0; expected a probability above 0");
  check_refused(header + "1,1.25,0.5\n", "log.csv:3: behaviour: found 1.25");
  check_refused(header + "1,0.5,-1\n", "log.csv:3: target: found -1");
  check_refused(header + "1,0.5,2\n", "log.csv:3: target: found 2");
  check_refused(header + "1,nan,0.5\n", "log.csv:3: behaviour: found \"nan\"");
  check_refused(header + "1,0.5,0.5\ninf,0.5,0.5\n", "log.csv:4: reward: found \"inf\"");
  check_refused(header + "1,,0.5\n", "log.csv:3: behaviour: found \"\"");
  check_refused(header + "1,0.5\n", "log.csv:3: found 2 fields; expected 3");
  check_refused(header + "\n1,0.5,0.5\n", "log.csv:3: ");
  CHECK(refusal(header + "1,7,0.5\n", {.actions = {ActionSpace::continuous, false}}) == "not refused");
  check_refused(header, "log.csv: target: found a deterministic policy over continuous actions",
                {.actions = {ActionSpace::continuous, true}});
}

TEST_CASE("bad headers are refused") {
  check_refused("", "log.csv");
  check_refused("reward,behaviour\n1,0.5\n",
                "log.csv:1: target: found reward, behaviour; expected a column target");
  check_refused("reward,behaviour,target,q_hat\n1,0.5,1,0\n", "log.csv:1: v_hat: found");
  check_refused("reward,behaviour,target,episode\n1,0.5,1,0\n", "log.csv:1: step: found");
  check_refused("reward,behaviour,target,propensity\n1,0.5,1,0\n", "log.csv:1: header: found \"propensity\"");
  check_refused("reward,behaviour,target,target\n1,0.5,1,0\n", "log.csv:1: header: found \"target\" twice");
  check_refused("reward,behaviour,target\n", "log.csv: found no rows");
}

TEST_CASE("bad trajectories are refused with their line") {
  const std::string header = "episode,step,reward,behaviour,target,end,cluster\na,0,1,0.5,0.5,,x\n";
  check_refused(header + "b,0,1,0.5,0.5,terminated,x\n", "log.csv:2: end: found nothing at the last step");
  check_refused(header, "log.csv:2: end: found nothing at the last step");
  check_refused(header + "a,2,1,0.5,0.5,terminated,x\n", "log.csv:3: step: found 2; expected 1");
  check_refused(header + "a,1,1,0.5,0.5,over,x\n", "log.csv:3: end: found \"over\"");
  check_refused(header + "a,1,1,0.5,0.5,terminated,y\n", "log.csv:3: cluster: found \"y\"");
  check_refused(header + "a,1,1,0.5,0.5,terminated,x\na,2,1,0.5,0.5,terminated,x\n",
                "log.csv:3: end: found an end; expected nothing before the last step");
  check_refused(
      header + "a,1,1,0.5,0.5,terminated,x\nb,0,1,0.5,0.5,terminated,x\na,0,1,0.5,0.5,terminated,x\n",
      "log.csv:5: episode: found \"a\" again");
  check_refused(header + "a,1,1,0,0.5,terminated,x\n", "log.csv:3: behaviour: found 0");
  check_refused(header + "a,1,1,0.5,0.5,terminated,x\n", "log.csv: gamma: found 1;",
                {.actions = {}, .gamma = 1.0});
}

TEST_CASE("without probabilities the frequencies of actions by context stand for them") {
  const LoggedData data = read_table("log.csv",
                                     "reward,target,action,context\n"
                                     "1,0.5,a,x\n1,0.5,a,x\n0,0.5,b,x\n0,0.25,a,y\n",
                                     {});
  const auto& log = std::get<BanditLog>(data);
  // Of three rows in x two show a and one b; y shows a alone.
  CHECK(log.behaviour == std::vector<double>{2.0 / 3.0, 2.0 / 3.0, 1.0 / 3.0, 1.0});
  CHECK(log.estimated_contexts == 2);
  const LoggedData steps = read_table("log.csv",
                                      "episode,step,reward,target,end,action\n"
                                      "e,0,1,0.5,,a\ne,1,1,0.5,terminated,b\nf,0,1,0.5,terminated,a\n",
                                      {});
  CHECK(std::get<TrajectoryLog>(steps).behaviour == std::vector<double>{2.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0});
  CHECK(std::get<TrajectoryLog>(steps).estimated_contexts == 1);
  CHECK(std::get<BanditLog>(read_table("log.csv", "reward,behaviour,target\n1,0.5,0.5\n", {}))
            .estimated_contexts == 0);

  check_refused("reward,target\n1,0.5\n", "log.csv:1: behaviour: found");
  check_refused("reward,target,behaviour,action\n1,0.5,0.5,a\n", "log.csv:1: header: found 'action' beside");
  check_refused("reward,target,action\n1,0.5,a\n", "log.csv:1: behaviour: found no such column",
                {.actions = {.space = ActionSpace::continuous}});
}
