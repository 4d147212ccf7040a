#include "tests/conformance/conformance.h"

#include <tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "env/engine.h"
#include "env/path_scoring.h"
#include "tests/test.h"

namespace veer::conformance {
namespace {

std::vector<std::int32_t> iota_rows(std::int32_t count) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

BatchShape shape_for(const UserModel& model, const UserModelOptions& o) {
  return {.rows = o.shard_rows,
          .shard_rows = o.shard_rows,
          .history_capacity = o.history_capacity,
          .slots = 1,
          .user_state = model.spec().state_width};
}

/// Random users, targets and histories of every length from 1 up; a function of (seed, episode) alone.
void fill_row(const UserModel& model, const UserModelOptions& o, Shard& shard, std::int32_t row,
              EpisodeId episode) {
  shard.episode(row) = episode;
  shard.step(row) = 0;
  shard.active(row) = 1;
  const StepKey key = shard.key(row);
  const auto items = static_cast<std::uint32_t>(model.spec().items);
  shard.user(row) =
      static_cast<UserId>(uniform_below(static_cast<std::uint32_t>(o.people), key, Stream::scenario, 0));
  shard.target(row) = static_cast<ItemId>(1 + uniform_below(items, key, Stream::scenario, 1));
  const std::int32_t longest = std::max(1, o.history_capacity - o.horizon);
  const auto size = static_cast<std::int32_t>(
      1 + uniform_below(static_cast<std::uint32_t>(longest), key, Stream::scenario, 2));
  std::ranges::fill(shard.history.row(row), no_item);
  for (std::int32_t i = 0; i < size; ++i) {
    shard.history(row, i) = static_cast<ItemId>(
        1 + uniform_below(items, key, Stream::scenario, static_cast<std::uint32_t>(10 + i)));
  }
  shard.history_size(row) = size;
}

void show_item(const UserModel& model, Shard& shard, std::int32_t row) {
  shard.items(row) = static_cast<ItemId>(1 + uniform_below(static_cast<std::uint32_t>(model.spec().items),
                                                           shard.key(row), Stream::scenario, 99));
}

/// One step of all rows with the model's own answers.
void take_step(const UserModel& model, Rows rows, Shard& shard, Workspace& workspace) {
  for (const std::int32_t r : rows) show_item(model, shard, r);
  model.choose(rows, shard, workspace);
  for (const std::int32_t r : rows) {
    if ((shard.feedback(r) & feedback::accepted) != 0) append_history(shard, r, shard.items(r));
  }
  model.advance(rows, shard, workspace);
  for (const std::int32_t r : rows) ++shard.step(r);
}

std::vector<float> state_of(const Shard& shard, std::int32_t row) {
  const auto state = shard.user_state.row(row);
  return {state.begin(), state.end()};
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  return largest;
}

std::unique_ptr<Workspace> workspace_for(const UserModel& model, const UserModelOptions& o) {
  return model.make_workspace(
      {.rows = o.shard_rows, .history_capacity = o.history_capacity, .slots = 1, .horizon = o.horizon});
}

void check_ranges_and_choice(const UserModel& model, const UserModelOptions& o) {
  Batch batch(shape_for(model, o), 11);
  Shard shard = batch.shard(0);
  const auto rows = iota_rows(o.shard_rows);
  const auto workspace = workspace_for(model, o);
  for (const std::int32_t r : rows) fill_row(model, o, shard, r, static_cast<EpisodeId>(r));
  model.begin(rows, shard, *workspace);
  model.measure(rows, shard, *workspace);
  for (const std::int32_t r : rows) show_item(model, shard, r);
  std::vector<std::vector<float>> before;
  for (const std::int32_t r : rows) before.push_back(state_of(shard, r));
  model.choose(rows, shard, *workspace);
  const std::vector<std::uint8_t> first_answers(shard.feedback.data(), shard.feedback.data() + o.shard_rows);
  model.choose(rows, shard, *workspace);
  for (const std::int32_t r : rows) {
    CAPTURE(r);
    CHECK(std::isfinite(shard.interest(r)));
    CHECK(shard.interest(r) <= 1e-5F);
    CHECK(shard.rank(r) >= 1);
    CHECK(shard.rank(r) <= model.spec().items + 1);
    CHECK(shard.probability(r) >= 0.0F);
    CHECK(shard.probability(r) <= 1.0F);
    CHECK(shard.feedback(r) == first_answers[static_cast<std::size_t>(r)]);
    CHECK(state_of(shard, r) == before[static_cast<std::size_t>(r)]);
  }
  // Nothing shown is never accepted.
  for (const std::int32_t r : rows) shard.items(r) = no_item;
  model.choose(rows, shard, *workspace);
  for (const std::int32_t r : rows) CHECK(shard.feedback(r) == feedback::refused);
}

/// The same episode alone among strangers, at another place, must have the same bytes.
void check_row_independence(const UserModel& model, const UserModelOptions& o) {
  const auto rows = iota_rows(o.shard_rows);
  const auto play = [&](std::int32_t place, std::uint64_t strangers) {
    Batch batch(shape_for(model, o), 11);
    Shard shard = batch.shard(0);
    const auto workspace = workspace_for(model, o);
    for (const std::int32_t r : rows) fill_row(model, o, shard, r, strangers + static_cast<EpisodeId>(r));
    fill_row(model, o, shard, place, 5);
    model.begin(rows, shard, *workspace);
    for (std::int32_t t = 0; t < o.horizon; ++t) take_step(model, rows, shard, *workspace);
    model.measure(rows, shard, *workspace);
    std::vector<float> bytes = state_of(shard, place);
    bytes.push_back(shard.interest(place));
    bytes.push_back(static_cast<float>(shard.rank(place)));
    bytes.push_back(shard.probability(place));
    return bytes;
  };
  const auto expected = play(0, 1000);
  CHECK(play(0, 1000) == expected);
  if (tests::places_alike) CHECK(play(o.shard_rows - 1, 2000) == expected);
  if (tests::places_alike) CHECK(play(7, 3000) == expected);
}

void check_workspaces_and_copies(const UserModel& model, const UserModelOptions& o) {
  const auto rows = iota_rows(o.shard_rows);
  Batch batch(shape_for(model, o), 11), other(shape_for(model, o), 11);
  Shard shard = batch.shard(0), twin = other.shard(0);
  const auto kept = workspace_for(model, o);
  const auto first = workspace_for(model, o);
  for (const std::int32_t r : rows) {
    fill_row(model, o, shard, r, static_cast<EpisodeId>(r));
    fill_row(model, o, twin, r, static_cast<EpisodeId>(r));
  }
  model.begin(rows, shard, *kept);
  model.begin(rows, twin, *first);
  for (std::int32_t t = 0; t < o.horizon; ++t) {
    const auto lent = workspace_for(model, o);  // a new one each step: everything must be rebuilt
    take_step(model, rows, shard, *kept);
    take_step(model, rows, twin, *lent);
    for (const std::int32_t r : rows) {
      CAPTURE(r);
      CAPTURE(t);
      CHECK(distance(state_of(shard, r), state_of(twin, r)) <= o.tolerance);
    }
  }
  // Row 0 copied over rows 1..4 goes on exactly like row 0.
  const std::vector<std::int32_t> from{0, 0, 0, 0}, to{1, 2, 3, 4};
  copy_rows(shard, from, to);
  model.copy_state(from, to, shard, *kept);
  take_step(model, rows, shard, *kept);
  for (const std::int32_t r : to) CHECK(state_of(shard, r) == state_of(shard, 0));
}

void check_proposals(const UserModel& model, const UserModelOptions& o) {
  Batch batch(shape_for(model, o), 11);
  Shard shard = batch.shard(0);
  const auto rows = iota_rows(o.shard_rows);
  const auto workspace = workspace_for(model, o);
  for (const std::int32_t r : rows) fill_row(model, o, shard, r, static_cast<EpisodeId>(r));
  model.begin(rows, shard, *workspace);
  const std::vector<std::int32_t> some{0, 3, 5};
  for (const std::int32_t width : {std::min(4, model.spec().items), model.spec().items}) {
    std::vector<ItemId> items(some.size() * static_cast<std::size_t>(width), -1);
    const View<ItemId> out(items.data(), 3, width);
    model.propose(some, shard, *workspace, out);
    for (std::int32_t i = 0; i < 3; ++i) {
      std::set<ItemId> distinct;
      for (const ItemId item : out.row(i)) {
        CHECK(item >= 0);
        CHECK(item <= model.spec().items);
        if (item != no_item) distinct.insert(item);
      }
      if (width == model.spec().items) CHECK(static_cast<std::int32_t>(distinct.size()) == width);
      CHECK(!distinct.empty());
    }
  }
}

/// Plays with the model's own answers, then scores the same paths teacher-forced: both ways must agree.
void check_path_scores(const UserModel& model, const UserModelOptions& o) {
  const auto rows = iota_rows(o.shard_rows);
  const auto n = static_cast<std::size_t>(o.shard_rows);
  const auto cells = n * static_cast<std::size_t>(o.horizon);
  Batch batch(shape_for(model, o), 11);
  Shard shard = batch.shard(0);
  const auto workspace = workspace_for(model, o);
  for (const std::int32_t r : rows) fill_row(model, o, shard, r, static_cast<EpisodeId>(r));
  std::vector<ItemId> history(n * static_cast<std::size_t>(o.history_capacity));
  std::copy_n(shard.history.data(), history.size(), history.begin());
  std::vector<std::int32_t> size(n), prompt = iota_rows(o.shard_rows), length(n);
  std::vector<UserId> user(n);
  std::vector<ItemId> target(n), items(cells);
  std::vector<EpisodeId> episode(n);
  std::vector<std::uint8_t> accepted(cells);
  std::vector<float> acceptance(cells), interest(cells), start(n);
  std::vector<std::int32_t> rank(cells), start_rank(n);
  for (const std::int32_t r : rows) {
    const auto i = static_cast<std::size_t>(r);
    size[i] = shard.history_size(r);
    user[i] = shard.user(r);
    target[i] = shard.target(r);
    episode[i] = shard.episode(r);
    length[i] = o.horizon - r % 2;  // paths of two lengths
  }
  model.begin(rows, shard, *workspace);
  model.measure(rows, shard, *workspace);
  const std::vector<float> begun(shard.interest.data(), shard.interest.data() + n);
  for (std::int32_t t = 0; t < o.horizon; ++t) {
    take_step(model, rows, shard, *workspace);
    model.measure(rows, shard, *workspace);
    for (const std::int32_t r : rows) {
      const auto cell =
          static_cast<std::size_t>(r) * static_cast<std::size_t>(o.horizon) + static_cast<std::size_t>(t);
      items[cell] = shard.items(r);
      accepted[cell] = (shard.feedback(r) & feedback::accepted) != 0 ? shard.feedback(r) : feedback::refused;
      acceptance[cell] = shard.probability(r);
      interest[cell] = shard.interest(r);
      rank[cell] = shard.rank(r);
    }
  }
  std::vector<float> acceptance2(cells), interest2(cells);
  std::vector<std::int32_t> rank2(cells);
  score_paths_parallel(model,
                       {.seed = 11,
                        .history = {history.data(), o.shard_rows, o.history_capacity},
                        .history_size = size,
                        .user = user,
                        .target = target,
                        .episode = episode,
                        .prompt = prompt,
                        .items = {items.data(), o.shard_rows, o.horizon},
                        .accepted = {accepted.data(), o.shard_rows, o.horizon},
                        .length = length},
                       {.acceptance = {acceptance2.data(), o.shard_rows, o.horizon},
                        .interest = {interest2.data(), o.shard_rows, o.horizon},
                        .rank = {rank2.data(), o.shard_rows, o.horizon},
                        .start_interest = start,
                        .start_rank = start_rank},
                       16);
  std::int64_t equal_ranks = 0, ranks = 0;
  for (const std::int32_t r : rows) {
    const auto i = static_cast<std::size_t>(r);
    CHECK(std::abs(start[i] - begun[i]) <= o.tolerance * std::max(1.0F, std::abs(begun[i])));
    for (std::int32_t t = 0; t < length[i]; ++t) {
      const std::size_t cell = i * static_cast<std::size_t>(o.horizon) + static_cast<std::size_t>(t);
      CAPTURE(r);
      CAPTURE(t);
      CHECK(std::abs(acceptance2[cell] - acceptance[cell]) <= o.tolerance);
      CHECK(std::abs(interest2[cell] - interest[cell]) <=
            o.tolerance * std::max(1.0F, std::abs(interest[cell])));
      ++ranks;
      equal_ranks += rank2[cell] == rank[cell] ? 1 : 0;
      // Scores that round differently may swap neighbours, no more.
      CHECK(std::abs(rank2[cell] - rank[cell]) <= 1);
    }
  }
  CHECK(equal_ranks >= ranks * 95 / 100);
}

/// A path with gaps scores like the path without them, refused or accepted alike; outputs that are not wanted
/// change no other; without a target interest and rank are 0.
void check_gaps_and_empty_views(const UserModel& model, const UserModelOptions& o) {
  constexpr std::int32_t length = 5;
  const std::int32_t n = model.spec().items;
  const ItemId a = 1 + 3 % n, b = 1 + 5 % n, c = 1 + 7 % n;
  const std::vector<ItemId> history{1 + 2 % n, 1 + 4 % n, a, b};  // two people of two items
  const std::vector<std::int32_t> size{2, 2}, prompt{0, 0, 1};
  const std::vector<UserId> user{0, 1};
  const std::vector<EpisodeId> episode{3, 4};
  // The second path is the first with gaps; nothing depends on what the answer to a gap is said to be.
  const std::vector<ItemId> items{a, b, c, 0, 0, /**/ a, 0, b, 0, c, /**/ 0, c, 0, a, 0};
  const std::vector<std::uint8_t> accepted{1, 0, 1, 0, 0, /**/ 1, 1, 0, 0, 1, /**/ 1, 1, 1, 0, 0};
  const std::vector<std::int32_t> lengths{3, 5, 4};
  struct Scores {
    std::vector<float> acceptance = std::vector<float>(3 * length, -7.0F), interest = acceptance,
                       start = std::vector<float>(2, -7.0F);
    std::vector<std::int32_t> rank = std::vector<std::int32_t>(3 * length, -7),
                              start_rank = std::vector<std::int32_t>(2, -7);
    bool operator==(const Scores&) const = default;
  };
  const auto score = [&](ItemId target, unsigned wanted) {
    const std::vector<ItemId> targets(2, target);
    Scores s;
    PathScores out;
    if ((wanted & 1U) != 0) out.acceptance = {s.acceptance.data(), 3, length};
    if ((wanted & 2U) != 0) out.interest = {s.interest.data(), 3, length};
    if ((wanted & 4U) != 0) out.rank = {s.rank.data(), 3, length};
    if ((wanted & 8U) != 0) out.start_interest = s.start;
    if ((wanted & 16U) != 0) out.start_rank = s.start_rank;
    score_paths_parallel(model,
                         {.seed = 11,
                          .history = {history.data(), 2, 2},
                          .history_size = size,
                          .user = user,
                          .target = targets,
                          .episode = episode,
                          .prompt = prompt,
                          .items = {items.data(), 3, length},
                          .accepted = {accepted.data(), 3, length},
                          .length = lengths},
                         out);
    return s;
  };
  const Scores all = score(1, 31);
  const auto cell = [&](std::size_t path, std::size_t step) { return path * length + step; };
  const std::size_t gaps[][2] = {{1, 1}, {1, 3}, {2, 0}, {2, 2}};
  for (const auto& [path, step] : gaps) {
    CAPTURE(path);
    CAPTURE(step);
    CHECK(all.acceptance[cell(path, step)] == 0.0F);
    const bool first = step == 0;
    CHECK(all.interest[cell(path, step)] == (first ? all.start[1] : all.interest[cell(path, step - 1)]));
    CHECK(all.rank[cell(path, step)] == (first ? all.start_rank[1] : all.rank[cell(path, step - 1)]));
  }
  if (o.deterministic_state) {
    for (const auto& [plain, gapped] : {std::pair<std::size_t, std::size_t>{0, 0}, {1, 2}, {2, 4}}) {
      CAPTURE(plain);
      CHECK(all.acceptance[cell(0, plain)] ==
            doctest::Approx(all.acceptance[cell(1, gapped)]).epsilon(o.tolerance));
      CHECK(all.interest[cell(0, plain)] ==
            doctest::Approx(all.interest[cell(1, gapped)]).epsilon(o.tolerance));
    }
  }
  // Behind the end of a path nothing is written.
  for (const std::size_t past : {cell(0, 3), cell(0, 4), cell(2, 4)}) {
    CHECK(all.acceptance[past] == -7.0F);
    CHECK(all.interest[past] == -7.0F);
    CHECK(all.rank[past] == -7);
  }
  for (unsigned wanted = 0; wanted < 31; ++wanted) {
    CAPTURE(wanted);
    const Scores some = score(1, wanted);
    const Scores none;
    CHECK(some.acceptance == ((wanted & 1U) != 0 ? all.acceptance : none.acceptance));
    if (tests::places_alike) CHECK(some.interest == ((wanted & 2U) != 0 ? all.interest : none.interest));
    CHECK(some.rank == ((wanted & 4U) != 0 ? all.rank : none.rank));
    if (tests::places_alike) CHECK(some.start == ((wanted & 8U) != 0 ? all.start : none.start));
    CHECK(some.start_rank == ((wanted & 16U) != 0 ? all.start_rank : none.start_rank));
  }
  const Scores aimless = score(no_item, 31);
  CHECK(aimless.acceptance == all.acceptance);
  for (const std::size_t step : {cell(0, 0), cell(1, 1), cell(2, 3)}) {
    CHECK(aimless.interest[step] == 0.0F);
    CHECK(aimless.rank[step] == 0);
  }
  CHECK(aimless.start == std::vector<float>(2, 0.0F));
  CHECK(aimless.start_rank == std::vector<std::int32_t>(2, 0));
}

bool same(const Trajectories& a, const Trajectories& b) {
  return a.episode == b.episode && a.step == b.step && a.user == b.user && a.target == b.target &&
         a.items == b.items && a.feedback == b.feedback && a.probability == b.probability &&
         a.log_prob == b.log_prob && a.action_reals == b.action_reals && a.episode_id == b.episode_id &&
         a.first_step == b.first_step && a.length == b.length && a.history == b.history &&
         a.history_size == b.history_size && a.end == b.end && a.episode_return == b.episode_return;
}

}  // namespace

void check_user_model(const UserModel& model, const UserModelOptions& options) {
  check_ranges_and_choice(model, options);
  check_row_independence(model, options);
  check_workspaces_and_copies(model, options);
  check_proposals(model, options);
  check_path_scores(model, options);
  check_gaps_and_empty_views(model, options);
}

void check_policy(const Policy& policy, const Scenario& scenario) {
  const PolicySpec& spec = policy.spec();
  CHECK(!spec.name.empty());
  CHECK(spec.width > 0);
  std::vector<EpisodeId> ids(96);
  std::iota(ids.begin(), ids.end(), EpisodeId{0});
  const auto play = [&](std::int32_t rows, std::span<const EpisodeId> which) {
    Engine engine(scenario, spec, {.rows = rows, .shard_rows = 32, .seed = 7});
    return engine.evaluate(policy, Mode::sample, which);
  };
  const Trajectories all = play(96, ids);
  CHECK(same(all, play(96, ids)));
  if (tests::places_alike) CHECK(same(all, play(32, ids)));
  // The last third by itself: other neighbours, other places, other workspaces.
  const Trajectories tail = play(64, std::span(ids).subspan(64));
  const std::int64_t first = all.first_step[64];
  CHECK(std::equal(tail.items.begin(), tail.items.end(), all.items.begin() + first * all.slots));
  CHECK(std::equal(tail.feedback.begin(), tail.feedback.end(), all.feedback.begin() + first * all.slots));
  for (const float log_prob : all.log_prob) {
    REQUIRE(std::isfinite(log_prob));
    if (spec.action != ActionKind::vector) CHECK(log_prob <= 1e-5F);
  }
  for (const ItemId item : all.items) {
    REQUIRE(item >= 1);
    REQUIRE(item <= scenario.spec().items);
  }
}

void check_scenario(const Scenario& scenario, const std::shared_ptr<const Policy>& policy) {
  const EnvSpec& spec = scenario.spec();
  CHECK(!spec.id.empty());
  CHECK(spec.history_capacity >= spec.history_length);
  std::vector<EpisodeId> ids(200);
  std::iota(ids.begin(), ids.end(), EpisodeId{40});
  const auto play = [&](int threads, std::int32_t rows) {
    // The test program's runtime allows three workers, more than some machines have cores: the count must not
    // matter.
    tbb::task_arena arena(threads);
    Trajectories result;
    arena.execute([&] {
      Engine engine(scenario, policy->spec(), {.rows = rows, .shard_rows = 64, .seed = 3});
      result = engine.evaluate(*policy, Mode::sample, ids);
    });
    return result;
  };
  const Trajectories one = play(1, 64);
  CHECK(same(one, play(2, 64)));
  if (tests::places_alike) CHECK(same(one, play(3, 256)));
  if (tests::places_alike) CHECK(same(one, play(2, 100)));
  REQUIRE(one.episodes() == 200);
  CHECK(one.episode_id == ids);
  for (std::size_t e = 0; e < ids.size(); ++e) {
    CHECK(has_ended(one.end[e]));
    CHECK(one.length[e] <= spec.horizon);
    CHECK(std::isfinite(one.episode_return[e]));
    CHECK(one.history_size[e] <= spec.history_length);
    CHECK(one.episode_target[e] >= 0);
    CHECK(one.episode_target[e] <= spec.items);
  }
}

}  // namespace veer::conformance
