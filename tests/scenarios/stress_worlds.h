// Small worlds under stress whose every answer can be computed by hand, and policies to walk through them.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "env/engine.h"
#include "scenarios/session.h"
#include "scenarios/stress/perturbed_scenario.h"

namespace veer::stress {

inline constexpr std::int32_t stock = 8;
inline constexpr float often = 0.6F;

/// Takes every item with one probability; or, `tastes`, surely what is as odd or even as the first item of
/// the person's history, and surely nothing else, but that an `easy` person also takes item 1.
class Plain final : public UserModel {
 public:
  explicit Plain(bool tastes, bool easy = false, std::int32_t items = stock) : tastes_(tastes), easy_(easy) {
    spec_.kind = "plain";
    spec_.items = items;
    spec_.state_width = 1;
  }
  const UserModelSpec& spec() const noexcept override { return spec_; }
  void begin(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) shard.user_state(row) = static_cast<float>(shard.history(row, 0) % 2);
  }
  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      const ItemId item = shard.items(row, 0);
      const bool likes = static_cast<float>(item % 2) == shard.user_state(row) || (easy_ && item == 1);
      const float p = !tastes_ ? often : likes ? 1.0F : 0.0F;
      shard.probability(row, 0) = p;
      shard.feedback(row, 0) =
          uniform(shard.key(row), Stream::choice) < p ? feedback::accepted : feedback::refused;
    }
  }
  void advance(Rows, Shard&, Workspace&) const override {}
  void measure(Rows, Shard&, Workspace&) const override {}
  void copy_state(Rows from, Rows to, Shard& shard, Workspace&) const override {
    for (std::size_t i = 0; i < from.size(); ++i) shard.user_state(to[i]) = shard.user_state(from[i]);
  }
  void propose(Rows, Shard&, Workspace&, View<ItemId>) const override {}
  void score_paths(const PathQuery&, const PathScores&, Workspace&) const override {}

 private:
  UserModelSpec spec_;
  bool tastes_, easy_;
};

/// Shows item 1 for ever, or 1, 2, 3, ... in turn.
class Shelf final : public Policy {
 public:
  explicit Shelf(bool turns) : turns_(turns) { spec_.name = "shelf"; }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t row : rows) {
      actions.items(row, 0) =
          turns_ ? 1 + static_cast<ItemId>(seen.step(row) % static_cast<std::uint32_t>(stock)) : 1;
      actions.log_prob(row) = 0.0F;
    }
  }

 private:
  PolicySpec spec_;
  bool turns_;
};

/// More than eight items are all like the eighth.
inline std::shared_ptr<const Dataset> stock_data(std::int32_t items = stock) {
  auto data = std::make_shared<Dataset>();
  data->catalogue.ids.assign(at(items) + 1, "i");
  data->catalogue.attribute_names = {"a", "b"};
  data->catalogue.attribute_offsets = {0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
  data->catalogue.attributes = {0, 0, 1, 1, 0, 0, 1, 1};
  data->catalogue.popularity = {0, 100, 50, 20, 10, 5, 2, 1, 0};
  for (std::int32_t item = stock; item < items; ++item) {
    data->catalogue.attribute_offsets.push_back(item + 1);
    data->catalogue.attributes.push_back(1);
    data->catalogue.popularity.push_back(0);
  }
  data->interactions.offsets = {0};
  for (std::int32_t person = 0; person < 8; ++person) {
    data->interactions.user_ids.push_back("u");
    for (const ItemId item : {1 + person % 8, 3, 4, 5}) data->interactions.items.push_back(item);
    data->interactions.offsets.push_back(data->interactions.size());
    data->parts.push_back(Part::test);
  }
  return data;
}

inline std::shared_ptr<const SessionScenario> calm_world(bool tastes, std::int32_t patience = 1000,
                                                         bool easy = false, std::int32_t items = stock) {
  SessionParameters p;
  p.data = stock_data(items);
  p.users = std::make_shared<const Plain>(tastes, easy, items);
  p.history = 4;
  p.cut = HistoryCut::last;
  p.horizon = 10;
  p.patience = patience;
  return std::make_shared<const SessionScenario>(p);
}

inline Trajectories played(const Scenario& world, const Policy& policy, std::int64_t episodes) {
  Engine engine(world, policy.spec(), {.rows = 256});
  std::vector<EpisodeId> ids;
  for (std::int64_t e = 0; e < episodes; ++e) ids.push_back(static_cast<EpisodeId>(e));
  return engine.evaluate(policy, Mode::sample, ids);
}

inline Trajectories under(const std::shared_ptr<const Scenario>& calm, std::vector<Perturbation> stress,
                          const Policy& policy, std::int64_t episodes) {
  const std::shared_ptr<const Dataset> data = stock_data();
  return played(PerturbedScenario(calm, std::move(stress), data), policy, episodes);
}

/// Share of episodes that took what step k showed.
inline std::vector<double> taken_by_step(const Trajectories& all) {
  std::vector<double> out(10, 0.0);
  for (std::int64_t s = 0; s < all.steps(); ++s) {
    out[all.step[at(s)]] += (all.feedback[at(s)] & feedback::accepted) != 0 ? 1.0 : 0.0;
  }
  for (double& value : out) value /= static_cast<double>(all.episodes());
  return out;
}

inline Perturbation stress_of(PerturbationKind kind, float intensity, Schedule when = {},
                              float share = 1.0F) {
  return {kind, when, intensity, share, 0};
}

}  // namespace veer::stress
