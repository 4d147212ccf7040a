// People who like one cluster of items, shown slates: a world whose best slates are known. Torch-free.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/error.h"
#include "env/scenario.h"

namespace veer::toys {

struct ClusterWorldOptions {
  std::int32_t items = 96;
  std::int32_t clusters = 8;  ///< item i belongs to cluster (i - 1) % clusters
  std::int32_t slots = 4;
  std::int32_t history = 4;  ///< items of the favourite cluster that an episode starts with
  std::int32_t horizon = 8;
  float liked = 0.9F, other = 0.1F;  ///< probability of a click
  float patience = 8.0F;             ///< the person leaves once so many items were refused
};

class ClusterUser : public UserModel {
 public:
  explicit ClusterUser(const ClusterWorldOptions& options) : options_(options) {
    spec_.kind = "cluster";
    spec_.items = options.items;
    spec_.state_width = 1;
  }
  const UserModelSpec& spec() const noexcept override { return spec_; }
  std::int32_t cluster(ItemId item) const noexcept { return (item - 1) % options_.clusters; }

  void begin(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t r : rows)
      shard.user_state(r) = static_cast<float>(shard.user(r) % options_.clusters);
  }
  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t r : rows) {
      for (std::int32_t k = 0; k < shard.items.width(); ++k) {
        const ItemId item = shard.items(r, k);
        const bool liked = item != no_item && static_cast<float>(cluster(item)) == shard.user_state(r);
        shard.probability(r, k) = item == no_item ? 0.0F : liked ? options_.liked : options_.other;
        const float u = uniform(shard.key(r), Stream::choice, static_cast<std::uint32_t>(k));
        shard.feedback(r, k) = u < shard.probability(r, k) ? feedback::accepted : feedback::refused;
      }
    }
  }
  void advance(Rows, Shard&, Workspace&) const override {}
  void copy_state(Rows from, Rows to, Shard& shard, Workspace&) const override {
    for (std::size_t i = 0; i < from.size(); ++i) shard.user_state(to[i]) = shard.user_state(from[i]);
  }
  void measure(Rows, Shard&, Workspace&) const override {
    throw ConfigError("cluster users have no targets");
  }
  void propose(Rows, Shard&, Workspace&, View<ItemId>) const override {
    throw ConfigError("cluster users have no targets");
  }
  void score_paths(const PathQuery&, const PathScores&, Workspace&) const override {
    throw ConfigError("cluster users answer slates");
  }

 private:
  ClusterWorldOptions options_;
  UserModelSpec spec_;
};

/// Reward of a step: the share of the slate that was clicked. Slates of the favourite cluster are best.
class ClusterWorld : public Scenario {
 public:
  explicit ClusterWorld(const ClusterWorldOptions& options) : options_(options), users_(options) {
    spec_.id = "cluster-v1";
    spec_.items = options.items;
    spec_.history_length = options.history;
    spec_.history_capacity = std::max(options.history, 12);
    spec_.horizon = options.horizon;
    spec_.slots = options.slots;
    spec_.acceptance = Acceptance::sampled;
    rewards_.push_back({"clicks", 1.0F, false, [](const RewardInputs& in, std::span<float> out) {
                          for (std::int32_t r = 0; r < in.end.rows(); ++r) {
                            float clicks = 0.0F;
                            for (const std::uint8_t answer : in.feedback.row(r))
                              clicks += answer != 0 ? 1.0F : 0.0F;
                            out[at(r)] = clicks / static_cast<float>(in.feedback.width());
                          }
                        }});
  }
  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return users_; }
  std::span<const RewardTerm> rewards() const noexcept override { return rewards_; }
  const ClusterUser& people() const noexcept { return users_; }

  void begin_episode(std::int32_t row, Shard& shard) const override {
    const StepKey key = shard.key(row);
    shard.user(row) = static_cast<UserId>(uniform_below(1000, key, Stream::begin_episode, 0));
    const auto each = static_cast<std::uint32_t>(options_.items / options_.clusters);
    for (std::int32_t i = 0; i < options_.history; ++i) {
      const std::uint32_t drawn =
          uniform_below(each, key, Stream::begin_episode, static_cast<std::uint32_t>(2 + i));
      shard.history(row, i) =
          1 + shard.user(row) % options_.clusters + static_cast<std::int32_t>(drawn) * options_.clusters;
    }
    shard.history_size(row) = options_.history;
    shard.patience(row) = options_.patience;
  }
  void settle(Rows rows, Shard& shard) const override {
    for (const std::int32_t r : rows) {
      for (const std::uint8_t answer : shard.feedback.row(r)) shard.patience(r) -= answer == 0 ? 1.0F : 0.0F;
    }
  }
  EndReason end_of(std::int32_t row, const Shard& shard) const override {
    return shard.patience(row) <= 0.0F ? EndReason::user_left : EndReason::running;
  }

 private:
  ClusterWorldOptions options_;
  EnvSpec spec_;
  ClusterUser users_;
  std::vector<RewardTerm> rewards_;
};

/// Shows items of the favourite cluster, or of the cluster after it: the best and a poor one.
class ClusterOracle : public Policy {
 public:
  ClusterOracle(const ClusterWorldOptions& options, std::int32_t shift = 0)
      : options_(options), shift_(shift) {
    spec_ = {.name = "oracle", .action = ActionKind::slate, .width = options.slots};
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t r : rows) {
      for (std::int32_t k = 0; k < spec_.width; ++k) {
        actions.items(r, k) = 1 + (seen.user(r) + shift_) % options_.clusters + k * options_.clusters;
      }
      actions.log_prob(r) = 0.0F;
    }
  }

 private:
  ClusterWorldOptions options_;
  std::int32_t shift_;
  PolicySpec spec_;
};

}  // namespace veer::toys
