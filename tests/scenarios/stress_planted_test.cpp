// Policies with a planted weakness: the gate made for it fails them and passes healthy ones.
#include <string>
#include <vector>

#include "rewards/slate.h"
#include "scenarios/slate/slate.h"
#include "scenarios/stress/attribute_lies.h"
#include "scenarios/stress/delayed_policy.h"
#include "scenarios/stress/gates.h"
#include "scenarios/stress/resilience.h"
#include "tests/scenarios/stress_worlds.h"
#include "tests/test.h"

namespace veer::stress {
namespace {

/// Shows what is as odd or even as the first item of the history; if it learns, the other kind after a
/// refusal.
class Reader final : public Policy {
 public:
  explicit Reader(bool learns) : learns_(learns) {
    spec_.name = "reader";
    spec_.state_width = 1;
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void begin(Rows rows, const Observation& seen, PolicyState& state) const override {
    for (const std::int32_t row : rows) state.values(row) = static_cast<float>(seen.history(row, 0) % 2);
  }
  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      const bool refused = seen.step(row) > 0 && (seen.last_feedback(row, 0) & feedback::accepted) == 0;
      if (learns_ && refused) state.values(row) = 1.0F - state.values(row);
      actions.items(row, 0) = state.values(row) > 0.5F ? 1 : 2;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  bool learns_;
};

/// Shows one item, by lot of the episode, and the next one after a refusal; or keeps to what was taken once.
class Taster final : public Policy {
 public:
  Taster(bool learns, std::int32_t items) : learns_(learns), items_(items) {
    spec_.name = "taster";
    spec_.state_width = 2;
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void begin(Rows rows, const Observation& seen, PolicyState& state) const override {
    for (const std::int32_t row : rows) {
      state.values(row, 0) = static_cast<float>(
          uniform_below(static_cast<std::uint32_t>(items_), seen.key(row), Stream::policy, 0));
      state.values(row, 1) = 0.0F;
    }
  }
  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      const bool taken = seen.step(row) > 0 && (seen.last_feedback(row, 0) & feedback::accepted) != 0;
      if (taken) state.values(row, 1) = 1.0F;
      const bool stays = taken || seen.step(row) == 0 || (!learns_ && state.values(row, 1) > 0.0F);
      if (!stays) state.values(row, 0) += 1.0F;
      actions.items(row, 0) = 1 + static_cast<ItemId>(state.values(row, 0)) % items_;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  bool learns_;
  std::int32_t items_;
};

/// Shows items of one kind, odd or even: the kind of the item it was told of last if that was taken, the
/// other kind if it was refused, and as before while it was told nothing. One that takes silence for a
/// refusal, and every answer for one to what it shows now, changes its kind where it was not told of an item
/// taken.
class Guesser final : public Policy {
 public:
  explicit Guesser(bool waits) : waits_(waits) {
    spec_.name = "guesser";
    spec_.state_width = 1;
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void begin(Rows rows, const Observation& seen, PolicyState& state) const override {
    for (const std::int32_t row : rows) {
      state.values(row) = uniform(seen.key(row), Stream::policy) < 0.5F ? 1.0F : 0.0F;
    }
  }
  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      float& kind = state.values(row);
      const ItemId item = seen.last_items(row);
      const bool taken = (seen.last_feedback(row) & feedback::accepted) != 0;
      const auto about = static_cast<float>(item % 2);
      if (seen.step(row) > 0 && !waits_ && !taken) kind = 1.0F - kind;
      if (seen.step(row) > 0 && waits_ && item != no_item) kind = taken ? about : 1.0F - about;
      actions.items(row, 0) = kind > 0.5F ? 1 : 2;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  bool waits_;
};

/// Shows ten items of the kind that the first item of the history is of, as their attributes say.
class LabelReader final : public Policy {
 public:
  explicit LabelReader(const Catalogue& catalogue) : shelves_(2) {
    spec_.name = "labels";
    for (ItemId item = 1; item <= catalogue.size(); ++item)
      shelves_[at(catalogue.attributes_of(item).front())].push_back(item);
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      const std::vector<ItemId>& shelf = shelves_[at(seen.history(row, 0) % 2)];
      actions.items(row, 0) = shelf[seen.step(row) % shelf.size()];
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  std::vector<std::vector<ItemId>> shelves_;
};

/// Clicks item 1 six times in ten, and nothing else.
class OneItemReader final : public UserModel {
 public:
  OneItemReader() {
    spec_.kind = "one item";
    spec_.items = stock;
  }
  const UserModelSpec& spec() const noexcept override { return spec_; }
  void begin(Rows, Shard&, Workspace&) const override {}
  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
        const float p = shard.items(row, slot) == 1 ? often : 0.0F;
        const bool yes = uniform(shard.key(row), Stream::choice, static_cast<std::uint32_t>(slot)) < p;
        shard.probability(row, slot) = p;
        shard.feedback(row, slot) = yes ? feedback::accepted : feedback::refused;
      }
    }
  }
  void advance(Rows, Shard&, Workspace&) const override {}
  void measure(Rows, Shard&, Workspace&) const override {}
  void copy_state(Rows, Rows, Shard&, Workspace&) const override {}
  void propose(Rows, Shard&, Workspace&, View<ItemId>) const override {}
  void score_paths(const PathQuery&, const PathScores&, Workspace&) const override {}

 private:
  UserModelSpec spec_;
};

/// One person who looks at twenty slates of eight.
std::shared_ptr<const SlateScenario> page_world() {
  auto people = std::make_shared<SlatePeople>();
  people->profile_width = 1;
  people->profiles = {1.0F};
  people->offsets = {0, 1};
  people->liked = {3};
  people->starts = {{0, 1}};
  SlateParameters p;
  p.people = people;
  p.users = std::make_shared<const OneItemReader>();
  p.slots = stock;
  p.history = 4;
  p.reward = {.kind = SlateRewardKind::mean_of_clicks};
  p.patience_cost = PatienceCost::request;
  return std::make_shared<const SlateScenario>(p);
}

/// Shows all eight items on one slate: item 1 first, or last.
class Page final : public Policy {
 public:
  explicit Page(bool best_first) : best_first_(best_first) {
    spec_ = {.name = "page", .action = ActionKind::slate, .width = stock};
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation&, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      for (std::int32_t slot = 0; slot < stock; ++slot)
        actions.items(row, slot) = best_first_ ? slot + 1 : stock - slot;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  bool best_first_;
};

/// Of fifty trials with other seeds, how many fail the weak policy and how many pass the healthy one.
struct Planted {
  int fails = 0, passes = 0;
};
/// `lied_to`, `tested`: the weak and the healthy one as they are under stress; null: as in the calm world.
Planted trials_of(const Scenario& calm, const Scenario& stressed, const StressGate& gate, const Policy& weak,
                  const Policy& healthy, const Policy* lied_to = nullptr, const Policy* tested = nullptr) {
  constexpr int studies = 50, episodes = 120;
  Planted out;
  for (int study = 0; study < studies; ++study) {
    for (const Policy* policy : {&weak, &healthy}) {
      std::vector<EpisodeId> ids;
      for (int e = 0; e < episodes; ++e) ids.push_back(static_cast<EpisodeId>(e));
      const EngineOptions options{.rows = episodes, .seed = static_cast<std::uint64_t>(study + 1)};
      const Trajectories before = Engine(calm, policy->spec(), options).evaluate(*policy, Mode::sample, ids);
      const Policy* other = policy == &weak ? lied_to : tested;
      const Policy& now = other != nullptr ? *other : *policy;
      const Trajectories after = Engine(stressed, now.spec(), options).evaluate(now, Mode::sample, ids);
      const std::vector<float> slack =
          slack_of(gate, figure_of(after, gate.figure), figure_of(before, gate.figure), {});
      const std::vector<UserId> strangers(slack.size(), -1);
      // Every episode somebody else's: eight people are too few to resample.
      const std::vector<GateEvidence> evidence{weigh(slack, strangers, {.replicates = 1000})};
      const Verdict verdict = decide(evidence, 0.05).front();
      out.fails += policy == &weak && verdict == Verdict::fail ? 1 : 0;
      out.passes += policy == &healthy && verdict == Verdict::pass ? 1 : 0;
    }
  }
  return out;
}

void check_planted(const std::string& weakness, const Planted& found) {
  MESSAGE(weakness, ": of 50 trials ", found.fails, " fail who has it, ", found.passes,
          " pass who has it not");
  CHECK(found.fails >= 40);
  CHECK(found.passes >= 40);
}

TEST_CASE("planted weaknesses fail the gate made for them, healthy policies pass it") {
  const std::shared_ptr<const Dataset> data = stock_data();
  const StressGate keeps_most{GateFigure::taken, GateRule::keeps, 0.8, 0},
      keeps_half{GateFigure::taken, GateRule::keeps, 0.5, 0};
  // After the third step half of the people like the other kind: who cannot follow keeps 0.6 of the calm
  // world, who can 0.95.
  const auto tastes = calm_world(true);
  check_planted("cannot follow a shock",
                trials_of(*tastes,
                          PerturbedScenario(
                              tastes, {stress_of(PerturbationKind::taste_shock, 1.0F, {.onset = 2})}, data),
                          keeps_most, Reader(false), Reader(true)));
  // Every item goes or comes: what was taken before the third step is taken no more.
  constexpr std::int32_t many = 200;
  const auto plain = calm_world(false, 1000, false, many);
  check_planted(
      "ignores new items",
      trials_of(*plain,
                PerturbedScenario(plain, {stress_of(PerturbationKind::items_change, 0.5F, {.onset = 4})},
                                  stock_data(many)),
                keeps_half, Taster(false, many), Taster(true, many)));
  // Easy people take item 1 whatever they like; others do not. Who shows what people like loses nothing.
  const auto easy = calm_world(true, 1000, true);
  check_planted("exploits one user model",
                trials_of(*easy,
                          PerturbedScenario(easy, {stress_of(PerturbationKind::other_people, 1.0F)}, data,
                                            std::make_shared<const Plain>(true)),
                          keeps_most, Shelf(false), Reader(false)));
}

TEST_CASE("planted: who mistakes what it is told, who believes labels, who hides the best") {
  const StressGate keeps{GateFigure::taken, GateRule::keeps, 0.7, 0};
  // Three steps of silence. Who waits loses four steps where its first guess was wrong, and keeps 8 of 9.5;
  // who does not shows the liked kind in 6 steps, or in 5, and keeps 5.5 of 9.5 (by hand, step by step).
  const auto tastes = calm_world(true);
  const std::vector<Perturbation> late{stress_of(PerturbationKind::delayed_feedback, 3.0F)};
  const auto weak = std::make_shared<const Guesser>(false), healthy = std::make_shared<const Guesser>(true);
  check_planted("takes silence for an answer",
                trials_of(*tastes, PerturbedScenario(tastes, late, stock_data()), keeps, *weak, *healthy,
                          with_delays(weak, late, tastes->spec()).get(),
                          with_delays(healthy, late, tastes->spec()).get()));
  // Two hundred items whose attribute says whether they are odd; then each is said to be another.
  constexpr std::int32_t many = 200;
  auto labelled = std::make_shared<Dataset>(*stock_data(many));
  for (ItemId item = 1; item <= many; ++item) labelled->catalogue.attributes[at(item) - 1] = item % 2;
  const std::vector<Perturbation> lie{stress_of(PerturbationKind::wrong_attributes, 1.0F)};
  const auto crowd = calm_world(true, 1000, false, many);
  const LabelReader reader(labelled->catalogue),
      fooled(told_catalogue(labelled->catalogue, told_items(lie[0], 0, many, 1)));
  check_planted("believes labels", trials_of(*crowd, PerturbedScenario(crowd, lie, labelled), keeps, reader,
                                             Reader(false), &fooled));
  // Item 1 alone is taken, six times in ten; at the bottom of the page an eighth of those who would look do.
  const auto pages = page_world();
  check_planted(
      "hides the best",
      trials_of(*pages,
                PerturbedScenario(pages, {stress_of(PerturbationKind::position_bias, 1.0F)}, stock_data()),
                keeps, Page(false), Page(true)));
}

TEST_CASE("refusals are what a step takes from the patience, of slates too") {
  const auto pages = page_world();
  const Trajectories calm = played(*pages, Page(true), 20);
  const Trajectories after = played(
      PerturbedScenario(pages, {stress_of(PerturbationKind::impatience, 1.0F, {.onset = 4})}, stock_data()),
      Page(true), 20);
  for (std::size_t e = 0; e < 20; ++e) {
    CHECK(calm.length[e] == 20);   // one of twenty per slate
    CHECK(after.length[e] == 12);  // four slates for one, eight for two
    CHECK(figure_of(after, GateFigure::length)[e] == 12.0F);
  }
  // A click earns 1 / 8 of a slate.
  const std::vector<float> worth =
      step_worth(calm, 20, {.slate = slate_worth(pages->parameters().reward, stock)});
  for (std::size_t step = 0; step < 40; ++step) {
    const bool clicked = (calm.feedback[step * at(stock)] & feedback::accepted) != 0;
    CHECK(worth[step] == (clicked ? 0.125F : 0.0F));
  }
}

}  // namespace
}  // namespace veer::stress
