// A world of LineUsers, in every shape the engine supports: one item, slates, vector actions, targets or
// none.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "env/scenario.h"
#include "tests/toys/line_user.h"

namespace veer::toys {

struct LineWorldOptions {
  std::int32_t items = 20;
  std::int32_t history = 3;
  std::int32_t horizon = 6;
  std::int32_t slots = 1;
  std::int32_t reals = 0;  ///< 1: the policy sets a point of [0, 1], people see the item there
  Acceptance acceptance = Acceptance::sampled;
  float patience = 2.0F;  ///< the user leaves at this many refusals
  bool rewards = true;
  float interest_weight = 1.0F;
  bool modifier = false;  ///< a column "eagerness", 0.5 for every second user
};

class LineWorld : public Scenario {
 public:
  explicit LineWorld(const LineWorldOptions& options) : options_(options), users_(options.items) {
    spec_.id = "line-v1";
    spec_.items = options.items;
    spec_.history_length = options.history;
    spec_.history_capacity = options.history + 2;  // small enough to slide within an episode
    spec_.horizon = options.horizon;
    spec_.slots = options.slots;
    spec_.reals = options.reals;
    spec_.acceptance = options.acceptance;
    if (options.modifier) spec_.modifiers = {"eagerness"};
    if (options.rewards) {
      rewards_.push_back(
          {"interest", options.interest_weight, true, [](const RewardInputs& in, std::span<float> out) {
             for (std::int32_t r = 0; r < in.end.rows(); ++r) {
               out[static_cast<std::size_t>(r)] = in.interest(r) - in.interest_before(r);
             }
           }});
      rewards_.push_back({"reached", 2.0F, false, [](const RewardInputs& in, std::span<float> out) {
                            for (std::int32_t r = 0; r < in.end.rows(); ++r) {
                              out[static_cast<std::size_t>(r)] =
                                  in.end(r) == EndReason::target_reached ? 1.0F : 0.0F;
                            }
                          }});
    }
  }
  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return users_; }
  std::span<const RewardTerm> rewards() const noexcept override { return rewards_; }
  const LineUser& line() const noexcept { return users_; }

  void begin_episode(std::int32_t row, Shard& shard) const override {
    const StepKey key = shard.key(row);
    const auto items = static_cast<std::uint32_t>(options_.items);
    shard.user(row) = static_cast<UserId>(uniform_below(100, key, Stream::begin_episode, 0));
    shard.target(row) = static_cast<ItemId>(1 + uniform_below(items, key, Stream::begin_episode, 1));
    for (std::int32_t i = 0; i < options_.history; ++i) {
      const auto lane = static_cast<std::uint32_t>(2 + i);
      shard.history(row, i) = static_cast<ItemId>(1 + uniform_below(items, key, Stream::begin_episode, lane));
    }
    shard.history_size(row) = options_.history;
    shard.patience(row) = options_.patience;
    if (options_.modifier) shard.modifiers(row, 0) = shard.user(row) % 2 == 0 ? 1.0F : 0.5F;
  }
  void present(Rows rows, Shard& shard) const override {
    if (options_.reals == 0) return;
    for (const std::int32_t r : rows) {
      const float point = std::clamp(shard.reals(r, 0), 0.0F, 1.0F);
      shard.items(r, 0) = std::max(1, static_cast<ItemId>(point * static_cast<float>(options_.items)));
    }
  }
  void settle(Rows rows, Shard& shard) const override {
    for (const std::int32_t r : rows) {
      for (std::int32_t k = 0; k < options_.slots; ++k) {
        if (shard.items(r, k) != no_item && shard.feedback(r, k) == feedback::refused)
          shard.patience(r) -= 1.0F;
      }
    }
  }
  EndReason end_of(std::int32_t row, const Shard& shard) const override {
    for (std::int32_t k = 0; k < options_.slots; ++k) {
      if (shard.items(row, k) == shard.target(row) && shard.feedback(row, k) != feedback::refused) {
        return EndReason::target_reached;
      }
    }
    return shard.patience(row) <= 0.0F ? EndReason::user_left : EndReason::running;
  }

 private:
  LineWorldOptions options_;
  EnvSpec spec_;
  LineUser users_;
  std::vector<RewardTerm> rewards_;
};

}  // namespace veer::toys
