#include "simulators/ensemble/ensemble_user.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "env/engine.h"
#include "env/error.h"
#include "simulators/history_reader.h"
#include "simulators/next_item.h"
#include "simulators/synthetic/synthetic_user.h"
#include "tests/conformance/conformance.h"
#include "tests/test.h"
#include "tests/toys/line_user.h"
#include "tests/toys/line_world.h"
#include "tests/toys/policies.h"

namespace veer {
namespace {

using doctest::Approx;
using Models = std::vector<std::shared_ptr<const UserModel>>;

std::shared_ptr<const SyntheticUser> synthetic(std::uint64_t seed, std::int32_t topics = 5) {
  SyntheticParameters p;
  p.items = 40;
  p.topics = topics;
  p.seed = seed;
  p.rates.drift = 0.0F;
  return std::make_shared<const SyntheticUser>(std::make_shared<const SyntheticWorld>(p));
}

/// Says what it is told, whatever happens.
class Constant final : public UserModel, public NextItemChooser {
 public:
  Constant(float acceptance, float target, std::int32_t rank, std::vector<ItemId> proposals)
      : acceptance_(acceptance), interest_(std::log(target)), rank_(rank), proposals_(std::move(proposals)) {
    spec_ = {.kind = "constant", .items = 5, .state_width = 1, .modifiers = {"knob"}};
  }
  const UserModelSpec& spec() const noexcept override { return spec_; }
  void begin(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) shard.user_state(row) = acceptance_;
  }
  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      shard.probability(row) = shard.user_state(row);
      shard.feedback(row) = feedback::accepted;  // an ensemble must not take this for its answer
    }
  }
  /// What stands in the columns of the world must reach every member.
  void advance(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      if (shard.feedback(row) == feedback::accepted) shard.user_state(row) += shard.modifiers(row);
    }
  }
  void measure(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      shard.interest(row) = interest_;
      shard.rank(row) = rank_;
    }
  }
  void copy_state(Rows, Rows, Shard&, Workspace&) const override {}
  void propose(Rows rows, Shard&, Workspace&, View<ItemId> out) const override {
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(rows.size()); ++i) {
      for (std::int32_t k = 0; k < out.width(); ++k) {
        out(i, k) = k < static_cast<std::int32_t>(proposals_.size()) ? proposals_[static_cast<std::size_t>(k)]
                                                                     : no_item;
      }
    }
  }
  void draw_next(Rows rows, const Shard&, Workspace&, View<const ItemId>, std::span<const float> uniforms,
                 std::span<ItemId> out) const override {
    for (std::size_t i = 0; i < rows.size(); ++i) out[i] = uniforms[i] < 0.5F ? proposals_[0] : proposals_[1];
  }
  void score_paths(const PathQuery& query, const PathScores& out, Workspace&) const override {
    for (float& value : out.start_interest) value = interest_;
    for (std::int32_t& value : out.start_rank) value = rank_;
    for (std::int32_t path = 0; path < query.items.rows(); ++path) {
      for (std::int32_t k = 0; k < query.length[static_cast<std::size_t>(path)]; ++k) {
        if (!out.acceptance.empty()) out.acceptance(path, k) = acceptance_;
        if (!out.interest.empty()) out.interest(path, k) = interest_;
        if (!out.rank.empty()) out.rank(path, k) = rank_;
      }
    }
  }

 private:
  float acceptance_, interest_;
  std::int32_t rank_;
  std::vector<ItemId> proposals_;
  UserModelSpec spec_;
};

Models three() {
  return {std::make_shared<Constant>(0.2F, 0.1F, 3, std::vector<ItemId>{1, 2, 3}),
          std::make_shared<Constant>(0.4F, 0.2F, 100, std::vector<ItemId>{2, 4, 1}),
          std::make_shared<Constant>(0.9F, 0.3F, 8, std::vector<ItemId>{5, 1, 2})};
}
// Deviations from the mean of 0.5: 0.3, 0.1 and 0.4.
const double deviation_of_three = std::sqrt((0.09 + 0.01 + 0.16) / 3.0);

/// All that a model says about two paths after two histories.
struct Said {
  std::vector<float> acceptance = std::vector<float>(8, -9.0F), interest = acceptance, apart = acceptance,
                     interest_apart = acceptance, start = std::vector<float>(2);
  std::vector<std::int32_t> rank = std::vector<std::int32_t>(8, -9),
                            start_rank = std::vector<std::int32_t>(2);
  bool operator==(const Said&) const = default;
};

Said say(const UserModel& model, bool deviations = true) {
  const std::int32_t n = model.spec().items;
  const std::vector<ItemId> history{1, 2 + n / 3, 0, 3, 4, 5}, target{n, 2};
  const std::vector<ItemId> items{3, 1, 4, 1 + n / 2, 2, 5, 1, 0};
  const std::vector<std::uint8_t> accepted{1, 0, 1, 1, 1, 1, 0, 0};
  const std::vector<std::int32_t> size{2, 3}, prompt{0, 1}, length{4, 3};
  const std::vector<UserId> user{4, 7};
  Said said;
  PathScores out{.acceptance = {said.acceptance.data(), 2, 4},
                 .interest = {said.interest.data(), 2, 4},
                 .rank = {said.rank.data(), 2, 4},
                 .start_interest = said.start,
                 .start_rank = said.start_rank};
  if (deviations) {
    out.acceptance_deviation = {said.apart.data(), 2, 4};
    out.interest_deviation = {said.interest_apart.data(), 2, 4};
  }
  const auto workspace = model.make_workspace({.rows = 2, .history_capacity = 7, .slots = 1, .horizon = 4});
  model.score_paths({.seed = 5,
                     .history = {history.data(), 2, 3},
                     .history_size = size,
                     .user = user,
                     .target = target,
                     .episode = {},
                     .prompt = prompt,
                     .items = {items.data(), 2, 4},
                     .accepted = {accepted.data(), 2, 4},
                     .length = length},
                    out, *workspace);
  return said;
}

/// Every float and integer of 64 rows that live through five steps with their own answers.
std::vector<float> live(const UserModel& model) {
  Batch batch({.rows = 64,
               .shard_rows = 64,
               .history_capacity = 12,
               .slots = 2,
               .user_state = model.spec().state_width},
              3);
  Shard shard = batch.shard(0);
  const auto workspace = model.make_workspace({.rows = 64, .history_capacity = 12, .slots = 2, .horizon = 5});
  std::vector<std::int32_t> rows;
  for (std::int32_t row = 0; row < 64; ++row) {
    rows.push_back(row);
    shard.episode(row) = static_cast<EpisodeId>(row);
    shard.user(row) = row % 9;
    shard.target(row) = 1 + row % model.spec().items;
    shard.history_size(row) = 3;
    for (std::int32_t t = 0; t < 3; ++t) shard.history(row, t) = 1 + (row * 5 + t * 3) % model.spec().items;
  }
  std::vector<float> out;
  model.begin(rows, shard, *workspace);
  for (std::int32_t t = 0; t < 5; ++t) {
    for (const std::int32_t row : rows) {
      shard.items(row, 0) = 1 + (row + t * 7) % model.spec().items;
      shard.items(row, 1) = 1 + (row + t * 7 + 3) % model.spec().items;
    }
    model.choose(rows, shard, *workspace);
    model.advance(rows, shard, *workspace);
    model.measure(rows, shard, *workspace);
    for (const std::int32_t row : rows) {
      ++shard.step(row);
      for (std::int32_t slot = 0; slot < 2; ++slot) {
        out.push_back(shard.probability(row, slot));
        out.push_back(shard.feedback(row, slot));
      }
      out.push_back(shard.interest(row));
      out.push_back(static_cast<float>(shard.rank(row)));
    }
  }
  std::vector<ItemId> proposed(64 * 6);
  model.propose(rows, shard, *workspace, {proposed.data(), 64, 6});
  out.insert(out.end(), proposed.begin(), proposed.end());
  return out;
}

TEST_CASE("ensembles of one, of equals and of strangers keep the contract of user models") {
  const auto equals = make_ensemble({synthetic(1), synthetic(2), synthetic(3)});
  CHECK(equals->spec().kind == "ensemble");
  CHECK(equals->spec().members == 3);
  CHECK(equals->spec().state_width == 30);
  conformance::check_user_model(*equals, {});
  const auto strangers = make_ensemble({std::make_shared<toys::LineUser>(40), synthetic(2, 7)});
  CHECK(strangers->spec().state_width == 15);
  CHECK(strangers->spec().modifiers == std::vector<std::string>{"eagerness", "shift_scale", "boredom_scale",
                                                                "recovery_scale", "drift_scale"});
  conformance::check_user_model(*strangers, {});
  conformance::check_user_model(*make_ensemble({synthetic(4)}), {});
}

TEST_CASE("an ensemble of one is that one, bit for bit") {
  const auto one = synthetic(6);
  const auto ensemble = make_ensemble({one});
  CHECK(ensemble->spec().members == 1);
  CHECK(live(*ensemble) == live(*one));
  CHECK(say(*ensemble, false) == say(*one, false));
}

TEST_CASE("copies of one model say what it says, and agree") {
  const auto one = synthetic(6);
  const auto ensemble = make_ensemble({one, one, one, one, one});
  CHECK(live(*ensemble) == live(*one));
  const Said alone = say(*one, false), together = say(*ensemble);
  CHECK(together.acceptance == alone.acceptance);
  CHECK(together.interest == alone.interest);
  CHECK(together.rank == alone.rank);
  CHECK(together.start == alone.start);
  CHECK(together.start_rank == alone.start_rank);
  const std::vector<float> none{0, 0, 0, 0, 0, 0, 0, -9.0F};  // past a path's end nothing is written
  CHECK(together.apart == none);
  CHECK(together.interest_apart == none);
}

TEST_CASE("means, deviations and medians by hand") {
  const auto ensemble = make_ensemble(three());
  const Said said = say(*ensemble);
  for (const std::size_t cell : {0U, 1U, 2U, 3U, 4U, 5U, 6U}) {
    CHECK(said.acceptance[cell] == Approx(0.5));
    CHECK(said.apart[cell] == Approx(deviation_of_three));
    CHECK(said.interest[cell] == Approx(std::log(0.2)));
    CHECK(said.rank[cell] == 8);
  }
  const double mean = (std::log(0.1) + std::log(0.2) + std::log(0.3)) / 3.0;
  double squares = 0.0;
  for (const double p : {0.1, 0.2, 0.3}) squares += (std::log(p) - mean) * (std::log(p) - mean) / 3.0;
  CHECK(said.interest_apart[0] == Approx(std::sqrt(squares)));
  CHECK(said.acceptance[7] == -9.0F);
  CHECK(said.apart[7] == -9.0F);
  CHECK(said.start[1] == Approx(std::log(0.2)));
  CHECK(said.start_rank[1] == 8);
  std::vector<std::int32_t> even{9, 3, 100, 8};
  CHECK(median_rank(even) == 9);
  std::vector<std::int32_t> two{1, 4};
  CHECK(median_rank(two) == 3);
  std::vector<std::int32_t> one{7};
  CHECK(median_rank(one) == 7);
}

TEST_CASE("one answer from the mean moves every member, with the knobs of the world") {
  const auto ensemble = make_ensemble(three());
  Batch batch({.rows = 64, .shard_rows = 64, .history_capacity = 2, .user_state = 3, .modifiers = 1}, 3);
  Shard shard = batch.shard(0);
  const auto workspace = ensemble->make_workspace({.rows = 64, .history_capacity = 2});
  std::vector<std::int32_t> rows(64);
  for (std::int32_t row = 0; row < 64; ++row) {
    rows[static_cast<std::size_t>(row)] = row;
    shard.episode(row) = static_cast<EpisodeId>(row);
    shard.items(row) = 2;
    shard.modifiers(row) = 0.25F;
  }
  ensemble->begin(rows, shard, *workspace);
  ensemble->choose(rows, shard, *workspace);
  std::int32_t yes = 0;
  for (const std::int32_t row : rows) {
    CHECK(shard.probability(row) == Approx(0.5));
    const bool drawn = uniform(shard.key(row), Stream::choice, 0) < shard.probability(row);
    CHECK((shard.feedback(row) == feedback::accepted) == drawn);
    yes += drawn ? 1 : 0;
  }
  CHECK(yes > 16);
  CHECK(yes < 48);
  ensemble->advance(rows, shard, *workspace);
  for (const std::int32_t row : rows) {
    const float moved = shard.feedback(row) == feedback::accepted ? 0.25F : 0.0F;
    CHECK(shard.user_state(row, 0) == 0.2F + moved);
    CHECK(shard.user_state(row, 1) == 0.4F + moved);
    CHECK(shard.user_state(row, 2) == 0.9F + moved);
  }
}

TEST_CASE("proposals take turns without repeats; a next item is drawn from the mixture") {
  const auto ensemble = make_ensemble(three());
  Batch batch({.rows = 64, .shard_rows = 64, .history_capacity = 2, .user_state = 3}, 3);
  Shard shard = batch.shard(0);
  const auto workspace = ensemble->make_workspace({.rows = 64, .history_capacity = 2});
  const std::vector<std::int32_t> row{7};
  const auto proposed = [&](std::int32_t width) {
    std::vector<ItemId> out(static_cast<std::size_t>(width));
    ensemble->propose(row, shard, *workspace, {out.data(), 1, width});
    return out;
  };
  CHECK(proposed(2) == std::vector<ItemId>{1, 2});
  CHECK(proposed(3) == std::vector<ItemId>{1, 2, 5});
  CHECK(proposed(5) == std::vector<ItemId>{1, 2, 5, 4, 3});

  const auto* chooser = dynamic_cast<const NextItemChooser*>(ensemble.get());
  REQUIRE(chooser != nullptr);
  // Sixths: each member's first and second item.
  const std::vector<float> uniforms{0.05F, 0.2F, 0.4F, 0.55F, 0.7F, 0.95F};
  const std::vector<std::int32_t> rows{0, 1, 2, 3, 4, 5};
  std::vector<ItemId> drawn(6);
  chooser->draw_next(rows, shard, *workspace, {}, uniforms, drawn);
  CHECK(drawn == std::vector<ItemId>{1, 2, 2, 4, 5, 1});
  // One who cannot say what comes next makes an ensemble that cannot.
  const auto mute = make_ensemble({std::make_shared<toys::LineUser>(5), three()[0]});
  CHECK(dynamic_cast<const NextItemChooser*>(mute.get()) == nullptr);
}

/// A line user that starts from the first item of the history, and counts how often it reads one.
class Reading final : public toys::LineUser, public HistoryReader {
 public:
  Reading(std::string id, int& reads) : LineUser(20), id_(std::move(id)), reads_(reads) {}
  const std::string& reader_id() const noexcept override { return id_; }
  std::int32_t readout_width() const noexcept override { return 2; }
  void read(Rows rows, View<const ItemId> history, View<const std::int32_t>, View<float> readouts,
            Workspace&) const override {
    ++reads_;
    for (const std::int32_t row : rows) readouts(row, 1) = static_cast<float>(position(history(row, 0)));
  }
  void begin_read(Rows rows, View<const float> readouts, Shard& shard) const override {
    for (const std::int32_t row : rows) shard.user_state(row) = readouts(row, 1);
  }
  void score_read(View<const float> readouts, const PathQuery& query, const PathScores& out) const override {
    for (std::size_t p = 0; p < query.target.size(); ++p) {
      out.start_interest[p] = -readouts(static_cast<std::int32_t>(p), 1);
    }
  }

 private:
  std::string id_;
  int& reads_;
};

TEST_CASE("histories are read once for all members that read alike") {
  int first = 0, second = 0;
  const auto reads = [&](std::string id, int& count) {
    return std::make_shared<Reading>(std::move(id), count);
  };
  const auto ensemble = make_ensemble({reads("a", first), reads("b", second), reads("a", first),
                                       std::make_shared<toys::LineUser>(20), reads("a", first)});
  Batch batch({.rows = 64, .shard_rows = 64, .history_capacity = 2, .user_state = 5}, 3);
  Shard shard = batch.shard(0);
  const auto workspace = ensemble->make_workspace({.rows = 64, .history_capacity = 2});
  const std::vector<std::int32_t> rows{3, 9};
  for (const std::int32_t row : rows) {
    shard.history(row, 0) = row;
    shard.history(row, 1) = 20;
    shard.history_size(row) = 2;
  }
  ensemble->begin(rows, shard, *workspace);
  CHECK(first == 1);
  CHECK(second == 1);
  for (const std::int32_t row : rows) {
    const float read = static_cast<float>(row) / 20.0F;
    for (const std::int32_t m : {0, 1, 2, 4}) CHECK(shard.user_state(row, m) == read);
    CHECK(shard.user_state(row, 3) == Approx((read + 1.0F) / 2.0F));
  }
  const std::vector<ItemId> history{4, 8}, target{1, 1};
  const std::vector<std::int32_t> size{1, 1};
  const std::vector<UserId> user{0, 0};
  std::vector<float> start(2);
  const auto alike = make_ensemble({reads("a", first), reads("a", second)});
  first = second = 0;
  alike->score_paths(
      {.history = {history.data(), 2, 1},
       .history_size = size,
       .user = user,
       .target = target,
       .episode = {},
       .prompt = {},
       .items = {},
       .accepted = {},
       .length = {}},
      {.acceptance = {}, .interest = {}, .rank = {}, .start_interest = start, .start_rank = {}},
      *alike->make_workspace({.rows = 2, .history_capacity = 1}));
  CHECK(first == 1);
  CHECK(second == 0);
  CHECK(start[0] == Approx(-0.2));
  CHECK(start[1] == Approx(-0.4));
}

TEST_CASE("judged paths carry the deviations of ensembles and of nobody else") {
  toys::LineWorld world({});
  Engine engine(world, toys::UniformItems(20, 1).spec(), {.rows = 64, .seed = 4});
  std::vector<EpisodeId> ids(100);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
  Trajectories paths = engine.evaluate(toys::UniformItems(20, 1), Mode::sample, ids);
  const auto line = std::make_shared<toys::LineUser>(20);
  judge_paths(*line, "alone", paths);
  judge_paths(*make_ensemble({line, line}), "twins", paths);
  SyntheticParameters p;
  p.items = 20;
  const auto other = std::make_shared<const SyntheticUser>(std::make_shared<const SyntheticWorld>(p));
  judge_paths(*other, "other", paths);
  judge_paths(*make_ensemble({line, other}), "both", paths);
  const auto steps = static_cast<std::size_t>(paths.steps());
  REQUIRE(steps > 100);
  CHECK(paths.judges[0].acceptance_deviation.empty());
  CHECK(paths.judges[0].interest_deviation.empty());
  CHECK(paths.judges[1].acceptance_deviation == std::vector<float>(steps, 0.0F));
  CHECK(paths.judges[1].acceptance == paths.judges[0].acceptance);
  CHECK(paths.judges[1].rank == paths.judges[0].rank);
  REQUIRE(paths.judges[3].acceptance_deviation.size() == steps);
  REQUIRE(paths.judges[3].interest_deviation.size() == steps);
  for (std::size_t s = 0; s < steps; ++s) {
    // Of two values the deviation is half their distance.
    CHECK(paths.judges[3].acceptance_deviation[s] ==
          Approx(std::abs(paths.judges[0].acceptance[s] - paths.judges[2].acceptance[s]) / 2).epsilon(1e-5));
    CHECK(paths.judges[3].interest_deviation[s] ==
          Approx(std::abs(paths.judges[0].interest[s] - paths.judges[2].interest[s]) / 2).epsilon(1e-5));
  }
  const Trajectories part = cut(paths, 10, 20);
  CHECK(part.judges[0].acceptance_deviation.empty());
  CHECK(part.judges[3].acceptance_deviation.size() == static_cast<std::size_t>(part.steps()));
  Trajectories joined = cut(paths, 0, 10);
  joined.append(part);
  CHECK(joined.judges[3].interest_deviation == cut(paths, 0, 20).judges[3].interest_deviation);
}

TEST_CASE("what makes no ensemble is refused in words") {
  const auto message = [](Models members) -> std::string {
    try {
      make_ensemble(std::move(members));
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(has(message({}), "no member"));
  CHECK(has(message({synthetic(1), nullptr}), "without a model"));
  CHECK(has(message({synthetic(1), std::make_shared<toys::LineUser>(7)}), "7 items"));
  CHECK(has(message({make_ensemble({synthetic(1), synthetic(2)}), synthetic(1)}), "an ensemble itself"));
}

}  // namespace
}  // namespace veer
