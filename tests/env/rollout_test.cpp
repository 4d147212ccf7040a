#include "env/loop/rollout.h"

#include <vector>

#include "env/engine.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"
#include "tests/toys/policies.h"

using namespace veer;
using namespace veer::toys;

TEST_CASE("a rollout keeps the final observation, not the next episode's first") {
  const LineWorldOptions options{.history = 3, .horizon = 4};
  const LineWorld world(options);
  const auto policy = std::make_shared<UniformItems>(20, 1);
  constexpr std::int32_t rows = 40;
  Engine engine(world, policy->spec(), {.rows = rows, .shard_rows = 32, .seed = 2});
  Rollout rollout(engine.shape(), 12);
  engine.collect(policy, Mode::sample, rollout);
  const Transitions& all = rollout.all();
  const auto width = static_cast<std::size_t>(all.history_width);
  int ended = 0, joined = 0;
  for (std::int32_t t = 0; t + 1 < 12; ++t) {
    for (std::int32_t row = 0; row < rows; ++row) {
      const auto i = static_cast<std::size_t>(t * rows + row);
      const auto next = i + rows;
      // What the step did to the history follows from the answer alone.
      std::vector<ItemId> expected(all.history.begin() + static_cast<std::ptrdiff_t>(i * width),
                                   all.history.begin() + static_cast<std::ptrdiff_t>((i + 1) * width));
      expected.resize(static_cast<std::size_t>(all.history_size[i]));
      if (all.feedback[i] != 0) expected.push_back(all.items[i]);
      if (expected.size() > width) expected.erase(expected.begin());
      REQUIRE(all.next_history_size[i] == static_cast<std::int32_t>(expected.size()));
      for (std::size_t k = 0; k < expected.size(); ++k) CHECK(all.next_history[i * width + k] == expected[k]);
      if (all.end[i] == EndReason::running) {
        ++joined;
        CHECK(all.episode[next] == all.episode[i]);
        CHECK(all.step[next] == all.step[i] + 1);
        for (std::size_t k = 0; k < width; ++k)
          CHECK(all.history[next * width + k] == all.next_history[i * width + k]);
      } else {
        ++ended;
        CHECK(all.episode[next] == all.episode[i] + rows);
        CHECK(all.step[next] == 0);
        CHECK(all.history_size[next] == options.history);
      }
    }
  }
  CHECK(ended > 50);
  CHECK(joined > 50);
}

TEST_CASE("gathering copies transitions in the order asked for") {
  const LineWorld world({});
  const auto policy = std::make_shared<UniformItems>(20, 1);
  Engine engine(world, policy->spec(), {.rows = 32, .shard_rows = 32, .seed = 2});
  Rollout rollout(engine.shape(), 3);
  engine.collect(policy, Mode::sample, rollout);
  Transitions some;
  const std::vector<std::int64_t> wanted{95, 0, 40, 40};
  rollout.gather(wanted, some);
  REQUIRE(some.count == 4);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto from = static_cast<std::size_t>(wanted[i]);
    CHECK(some.episode[i] == rollout.all().episode[from]);
    CHECK(some.items[i] == rollout.all().items[from]);
    CHECK(some.reward[i] == rollout.all().reward[from]);
    CHECK(some.terms[2 * i] == rollout.all().terms[2 * from]);
    CHECK(some.next_history[5 * i + 2] == rollout.all().next_history[5 * from + 2]);
  }
}

TEST_CASE("only the horizon truncates") {
  CHECK(is_truncated(EndReason::horizon));
  CHECK(!is_terminated(EndReason::horizon));
  for (const EndReason end : {EndReason::target_reached, EndReason::user_left, EndReason::policy_stopped}) {
    CHECK(is_terminated(end));
    CHECK(!is_truncated(end));
  }
  CHECK(!is_terminated(EndReason::running));
}
