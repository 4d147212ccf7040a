// fusion-v1: a feed whose ranking stage fuses the predictions of many tasks by weights that a policy sets
// anew for every page.
//
// A request brings `candidates` videos, drawn by lot, and of each the predictions o of what the person would
// do. The policy gives weights alpha in [-1, 1]; the page holds the `slots` videos with the highest
//
//   f(o) = sum over tasks i of alpha_i ln(o_i + offset)
//
// (equal scores: the earlier candidate first). People do what they do (simulators/fusion), and leave when
// their patience is over: videos that are clicked and left, and dislikes, cost patience, videos watched to
// the end give some back. So weights that win clicks lose sessions.
//
// What a policy observes (EnvSpec::features): the person's profile, the running mean (0.8 old + 0.2 new) of
// each behaviour per shown video, and the share of the horizon that is over.
//
// Source: the fusion process of BatchRL-MTF (KDD 2022); worlds and numbers are ours. Thread-safety:
// immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "env/scenario.h"
#include "rewards/fusion.h"
#include "simulators/fusion/fusion_world.h"

namespace veer {

struct FusionParameters {
  std::shared_ptr<const FusionWorld> world;  ///< not null
  std::int32_t candidates = 40;              ///< of a request, slots..items of the world
  std::int32_t slots = 3;                    ///< videos of a page, >= 1
  std::int32_t horizon = 30;                 ///< pages, >= 1
  float offset = 0.01F;                      ///< beta, > 0, of every task
  FusionReward reward;
  FusionPatience patience;
  std::optional<Part> part;  ///< whose sessions; empty: everybody's
};

class FusionScenario final : public Scenario {
 public:
  /// Throws ConfigError when parameters are out of range or do not fit together.
  explicit FusionScenario(FusionParameters parameters);

  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return *users_; }
  std::span<const RewardTerm> rewards() const noexcept override { return rewards_; }
  void begin_episode(std::int32_t row, Shard&) const override;
  /// Ranks the candidates. Refuses weights that are not in -1..1: ConfigError names row, task and value.
  void present(Rows, Shard&) const override;
  void settle(Rows, Shard&) const override;
  EndReason end_of(std::int32_t row, const Shard&) const override;

  /// What a policy observes of `user` before the first page. REQUIRES: spec().features values.
  void first_features(UserId user, std::span<float> features) const noexcept;
  /// The same after a page (`page` counts from 0) with these answers.
  void next_features(std::span<const std::uint8_t> answers, std::int64_t page,
                     std::span<float> features) const noexcept;

  const FusionParameters& parameters() const noexcept { return parameters_; }
  /// Candidate c of the request with this key, 1..N; candidates differ. A pure function.
  ItemId candidate(const StepKey& key, std::int32_t c) const noexcept;

 private:
  FusionParameters parameters_;
  std::unique_ptr<const UserModel> users_;
  EnvSpec spec_;
  std::vector<RewardTerm> rewards_;
  std::vector<UserId> people_;
};

}  // namespace veer
