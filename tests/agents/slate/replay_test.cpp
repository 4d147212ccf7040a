#include "agents/replay/replay_buffer.h"

#include <numeric>
#include <set>

#include "env/engine.h"
#include "env/error.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"
#include "tests/toys/policies.h"

namespace veer {
namespace {

Transitions numbered(std::int32_t first, std::int32_t count) {
  Transitions t;
  t.resize(count, BatchShape{.rows = count, .history_capacity = 3, .slots = 2, .policy_state = 2});
  for (std::int32_t i = 0; i < count; ++i) {
    const auto n = static_cast<std::size_t>(i);
    t.reward[n] = static_cast<float>(first + i);
    for (std::size_t h = 0; h < 3; ++h) t.next_history[3 * n + h] = first + i + static_cast<std::int32_t>(h);
    t.memory[2 * n + 1] = 0.5F * static_cast<float>(first + i);
    t.end[n] = i % 2 == 0 ? EndReason::running : EndReason::horizon;
  }
  return t;
}

std::vector<float> rewards(const TransitionSource& source) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(source.size()));
  std::iota(all.begin(), all.end(), 0);
  Transitions out;
  source.gather(all, out);
  return out.reward;
}

}  // namespace

TEST_CASE("a full replay buffer forgets the oldest transitions") {
  ReplayBuffer buffer(5);
  CHECK(buffer.size() == 0);
  buffer.add(numbered(0, 3));
  CHECK(rewards(buffer) == std::vector<float>{0, 1, 2});
  buffer.add(numbered(3, 4));
  CHECK(buffer.size() == 5);
  CHECK(buffer.added() == 7);
  CHECK(rewards(buffer) == std::vector<float>{5, 6, 2, 3, 4});
  Transitions out;
  buffer.gather(std::vector<std::int64_t>{1, 1, 4}, out);
  CHECK(out.reward == std::vector<float>{6, 6, 4});
  CHECK(std::vector<ItemId>(out.next_history.begin(), out.next_history.begin() + 3) ==
        std::vector<ItemId>{6, 7, 8});
  CHECK(out.memory[5] == 2.0F);
  CHECK(out.end[2] == EndReason::horizon);
  CHECK_THROWS_AS(ReplayBuffer(0), ConfigError);
  Transitions other;
  other.resize(1, BatchShape{.rows = 1, .history_capacity = 4});
  CHECK_THROWS_AS(buffer.add(other), ConfigError);
}

TEST_CASE("draws are uniform, and saved and loaded buffers draw the same") {
  ReplayBuffer buffer(40), again(40);
  buffer.add(numbered(0, 25));
  NamedArrays saved;
  buffer.save(saved);
  again.load(saved);
  buffer.add(numbered(25, 30));
  again.add(numbered(25, 30));
  Transitions a, b;
  std::vector<int> counts(60, 0);
  for (std::int64_t update = 0; update < 200; ++update) {
    draw_batch(buffer, 3, update, 50, a);
    draw_batch(again, 3, update, 50, b);
    REQUIRE(a.reward == b.reward);
    REQUIRE(a.next_history == b.next_history);
    for (const float r : a.reward) ++counts[static_cast<std::size_t>(r)];
  }
  for (std::size_t i = 15; i < 55; ++i) CHECK(std::abs(counts[i] - 250) < 80);  // 5 deviations of 16
  NamedArrays first, second;
  buffer.save(first);
  again.save(second);
  for (const auto& [name, array] : first.all()) CHECK(array.bytes == second.at(name).bytes);
  ReplayBuffer smaller(39);
  CHECK_THROWS_AS(smaller.load(saved), FormatError);
}

TEST_CASE("what a replay buffer keeps of an episode's end is the person's own next state") {
  const toys::LineWorld world({.items = 20, .horizon = 3, .slots = 1});
  const auto policy = std::make_shared<toys::UniformItems>(20, 1);
  Engine engine(world, policy->spec(), {.rows = 32, .shard_rows = 32, .seed = 5});
  Rollout rollout(engine.shape(), 12);
  engine.collect(policy, Mode::sample, rollout);
  ReplayBuffer buffer(1000);
  buffer.add(rollout.all());
  const Transitions& t = rollout.all();
  int ended = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(t.count); ++i) {
    if (!has_ended(t.end[i])) continue;
    ++ended;
    // The history before, slid by what was accepted.
    const std::size_t width = static_cast<std::size_t>(t.history_width);
    std::vector<ItemId> expected(t.history.begin() + std::ptrdiff_t(i * width),
                                 t.history.begin() + std::ptrdiff_t(i * width) + t.history_size[i]);
    if (t.feedback[i] != feedback::refused) expected.push_back(t.items[i]);
    if (expected.size() > width) expected.erase(expected.begin());
    const auto first = t.next_history.begin() + std::ptrdiff_t(i * width);
    CHECK(std::vector<ItemId>(first, first + t.next_history_size[i]) == expected);
  }
  CHECK(ended > 100);
}

}  // namespace veer
