// Policies from outside: the lines, what a policy is told, and every way to break the contract.
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "agents/external/outside_policy.h"
#include "agents/external/protocol.h"
#include "agents/policy_registry.h"
#include "env/data/dataset.h"
#include "env/engine.h"
#include "env/error.h"
#include "env/policy_error.h"
#include "env/runtime.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"

namespace veer {
namespace {

using external::Greeting;
using external::Question;

template <class Thrown>
std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Thrown& error) {
    return error.what();
  }
  return "no such error";
}

bool says(const std::string& message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

Greeting small_world(std::int32_t slots = 1) {
  return {.scenario = "line-v1",
          .options = "a=1,b",
          .sampled = true,
          .items = 9,
          .slots = slots,
          .history_capacity = 4,
          .horizon = 3,
          .item_ids = {"", "one", "2", "\"", "4", "5", "6", "7", "8", "nine"}};
}

const std::string broken = "policy p: ";

std::string refusal(const std::string& line, std::int32_t slots = 1) {
  return message_of<PolicyError>([&] { external::parse_answer(line, 7, 2, small_world(slots), "p"); });
}

/// A world of ten items in which a policy plays, and what it answers there.
struct Stage {
  Dataset data;
  toys::LineWorld world{toys::LineWorldOptions{}};

  PolicyContext context() {
    const EnvSpec& spec = world.spec();
    data.catalogue.ids.resize(at(spec.items) + 1);
    PolicyContext out;
    out.world = spec;
    out.data = &data;
    return out;
  }
  std::shared_ptr<const Policy> make(const std::string& option) {
    return PolicyRegistry().make(option, context());
  }
  Trajectories play(const Policy& policy) {
    Engine engine(world, policy.spec(), {.rows = 40, .shard_rows = 32, .seed = 3});
    std::vector<EpisodeId> ids(50);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
    return engine.evaluate(policy, Mode::sample, ids);
  }
};

std::string plugin(const std::string& fault) { return std::string(VEER_FAULTY_PLUGIN) + "," + fault; }

}  // namespace

TEST_CASE("what is asked is what is read") {
  const Greeting world = small_world(2);
  const Greeting greeted = external::parse_greeting(external::greeting_line(world));
  CHECK(greeted.item_ids == world.item_ids);
  CHECK(greeted.options == world.options);
  CHECK(greeted.sampled);
  Question asked;
  asked.number = 5;
  asked.greedy = true;
  asked.rows = 2;
  asked.episode = {3, 1ULL << 40};
  asked.step = {0, 2};
  asked.user = {4, 0};
  asked.target = {0, 9};
  asked.history = {1, 2, 3, 0, 7, 0, 0, 0};
  asked.history_size = {3, 1};
  asked.shown = {0, 0, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0};
  asked.answers = {0, 0, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0};
  asked.seed = {1, 4294967295U};
  asked.uniforms = {0.25F, 0.1F, 0x1.fffffep-1F, 0.0F};
  const Question read = external::parse_question(external::question_line(asked, world), world);
  CHECK(read.number == 5);
  CHECK(read.greedy);
  CHECK(read.episode == asked.episode);
  CHECK(read.step == asked.step);
  CHECK(read.user == asked.user);
  CHECK(read.target == asked.target);
  CHECK(read.history == asked.history);
  CHECK(read.history_size == asked.history_size);
  CHECK(read.shown == asked.shown);
  CHECK(read.answers == asked.answers);
  CHECK(read.seed == asked.seed);
  CHECK(read.uniforms == asked.uniforms);  // to the last bit
  const external::Answer given{{3, 4, 9, 1}, {-0.1F, 0.0F}};
  const external::Answer heard = external::parse_answer(external::answer_line(5, given, 2), 5, 2, world, "p");
  CHECK(heard.items == given.items);
  CHECK(heard.log_prob == given.log_prob);
}

TEST_CASE("answers that break the contract are told apart") {
  CHECK(refusal(R"({"act":7,"items":[1,9]})") == "no such error");
  CHECK(refusal(R"({"act":7,"items":[0,9],"log_prob":[0,-1.5]})") == "no such error");
  CHECK(refusal(R"({"act":7,"items":[[0],[9]]})") == "no such error");
  CHECK(says(refusal(R"({"act":7,"items":[1,10]})"), broken + "out of the catalogue: found item 10"));
  CHECK(says(refusal(R"({"act":7,"items":[1,-1]})"), broken + "out of the catalogue: found item -1"));
  CHECK(says(refusal(R"({"act":7,"items":[1,99999999999999999999999]})"), broken + "malformed"));
  CHECK(says(refusal(R"({"act":7,"items":[1,18446744073709551615]})"), broken + "out of the catalogue"));
  CHECK(says(refusal(R"({"act":7,"items":[1,NaN]})"), broken + "not a number"));
  CHECK(says(refusal(R"({"act":7,"items":[1,null]})"), broken + "not a number"));
  CHECK(says(refusal(R"({"act":7,"items":[1,2],"log_prob":[0,null]})"), broken + "not a number"));
  CHECK(says(refusal(R"({"act":7,"items":[1,2],"log_prob":[0,1e99]})"), broken + "not a number"));
  CHECK(says(refusal(R"({"act":7,"items":[1,2],"log_prob":[0,5.0]})"), "at most 0"));
  for (const std::string line :
       {"", "1", "[]", "{", "hello", R"({"act":7})", R"({"act":8,"items":[1,2]})", R"({"items":[1,2]})",
        R"({"act":7,"items":[1]})", R"({"act":7,"items":[1,2,3]})", R"({"act":7,"items":[1,2.0]})",
        R"({"act":7,"items":[1,"2"]})", R"({"act":7,"items":[1,[2,3]]})", R"({"act":7,"items":3})",
        R"({"act":7,"items":[1,2],"log_prob":[0]})", R"({"act":7,"items":[1,2],"log_prob":["0",0]})",
        R"({"act":7,"items":[1,2],"logprob":[0,0]})"}) {
    CAPTURE(line);
    CHECK(says(refusal(line), broken + "malformed answer"));
  }
  CHECK(says(refusal(R"({"error":"no \n memory"})"), broken + "gave up: found \"no ? memory\""));
  CHECK(refusal(R"({"act":7,"items":[[1,2],[0,0]]})", 2) == "no such error");
  for (const std::string line : {R"({"act":7,"items":[[1,1],[0,0]]})", R"({"act":7,"items":[[1,0],[0,0]]})",
                                 R"({"act":7,"items":[[1],[0,0]]})", R"({"act":7,"items":[1,2]})"}) {
    CAPTURE(line);
    CHECK(says(refusal(line, 2), broken + "malformed answer"));
  }
}

TEST_CASE("a plug-in conforms, and threads and processes change nothing") {
  Stage stage;
  const auto policy = stage.make(std::string("plugin:") + VEER_SEEDED_PLUGIN);
  conformance::check_policy(*policy, stage.world);
  const auto with = [&](int threads, const std::string& option) {
    Runtime runtime({.threads = threads});
    Trajectories out;
    runtime.run([&] { out = stage.play(*stage.make(option)); });
    return out;
  };
  const Trajectories one = with(1, std::string("plugin:") + VEER_SEEDED_PLUGIN);
  const Trajectories three = with(3, std::string("plugin:") + VEER_SEEDED_PLUGIN);
  const Trajectories shared = with(3, std::string("plugin[processes=1]:") + VEER_SEEDED_PLUGIN);
  CHECK(one.items == three.items);
  CHECK(one.log_prob == three.log_prob);
  CHECK(one.items == shared.items);
  // Nothing twice: a plug-in knows what it has shown, taken or not.
  for (std::int64_t e = 0; e < one.episodes(); ++e) {
    const auto first = one.items.begin() + one.first_step[at(e)];
    std::vector<ItemId> shown(first, first + one.length[at(e)]);
    std::sort(shown.begin(), shown.end());
    CHECK(std::adjacent_find(shown.begin(), shown.end()) == shown.end());
  }
}

TEST_CASE("a plug-in that breaks its contract is reported as what it did") {
  Stage stage;
  const auto failure = [&](const std::string& option) {
    return message_of<PolicyError>([&] { stage.play(*stage.make(option)); });
  };
  CHECK(failure("plugin:" + plugin("none")) == "no such error");
  CHECK(failure("plugin:" + plugin("print")) == "no such error");
  CHECK(says(failure("plugin:" + plugin("crash")), "crashed: found signal 11 (Segmentation fault)"));
  CHECK(says(failure("plugin:" + plugin("catalogue")), "out of the catalogue: found item 1000000"));
  CHECK(says(failure("plugin:" + plugin("nan")), "not a number"));
  CHECK(says(failure("plugin:" + plugin("give_up")), "gave up"));
  const auto begin = std::chrono::steady_clock::now();
  CHECK(says(failure("plugin[timeout=0.5]:" + plugin("hang")), "too late: found no answer within 0.5 s"));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("a program that breaks its contract is reported as what it did") {
  Stage stage;
  const auto failure = [&](const std::string& script) {
    return message_of<PolicyError>([&] { stage.play(*stage.make("process[timeout=2]:" + script)); });
  };
  const std::string hello = "read w; echo '{\"veer\":1}'; ";
  CHECK(says(failure(hello + "read q; exit 3"), "crashed: found exit code 3"));
  CHECK(says(failure(hello + "read q; kill -9 $$"), "crashed: found signal 9"));
  CHECK(says(failure(hello + "read q; echo oops; sleep 9"), "malformed answer: found \"oops\""));
  CHECK(says(failure(hello + "read q; echo 1; echo 2; sleep 9"), "malformed answer"));
  CHECK(says(failure(hello + "exec >&-; sleep 9"), "crashed: found its output closed"));
  CHECK(says(failure(hello + "read q; yes | tr -d '\\n'"), "malformed answer: found more than one line"));
  CHECK(says(failure(hello + "sleep 60"), "too late"));
}

TEST_CASE("what is wrong before the first question is an error of the command") {
  Stage stage;
  const auto refused = [&](const std::string& option) {
    return message_of<ConfigError>([&] { stage.make(option); });
  };
  CHECK(says(refused("process:/no/such/program"), "exit code 127 (no such command)"));
  CHECK(says(refused("process:read w; echo '{\"veer\":2}'"), "malformed answer"));
  CHECK(says(refused("process[start=0.2]:sleep 9"), "start=SECONDS in brackets"));
  CHECK(says(refused("process[timeout=0]:true"), "more than 0"));
  CHECK(says(refused("process[speed=1]:true"), "one of timeout, start, processes"));
  CHECK(says(refused("process"), "nothing behind the word"));
  CHECK(says(refused("process[timeout=1"), "no \"]:\""));
  CHECK(says(refused("plugin:/no/such.so"), "no readable file '/no/such.so'"));
  CHECK(says(refused("plugin:" + plugin("refuse")), "not in this world"));
  CHECK(says(refused(std::string("plugin:") + VEER_NO_PLUGIN), "invalid ELF header"));
}

}  // namespace veer
