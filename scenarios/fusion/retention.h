// retention-v1: the same feed over several sessions; what counts is how soon people come back.
//
// A session is `pages` requests long, whatever happens in it. Of each request a policy sets the weights alpha
// in
// [-1, 1] of the twelve predictions o, and the page holds the `slots` videos of the whole catalogue with the
// highest sum of alpha_i o_i (equal scores: the lower number first). After the last page the person goes, and
// comes back after 1 to 10 days (simulators/returns): the sooner, the better the session was for them. An
// episode is `sessions` sessions of one person, and earns -days / 10 after each.
//
// What a policy observes (EnvSpec::features): the person's profile, the running mean (0.8 old + 0.2 new) of
// each behaviour per shown video, the shares of the session and of the episode that are over, the session's
// mean worth per video so far, and the days of the last absence, divided by 10 (0: none yet).
//
// Source: the cross-session task of KuaiSim (NeurIPS 2023); people, videos and numbers are those of
// fusion-v1. Thread-safety: immutable, shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "env/scenario.h"
#include "rewards/fusion.h"
#include "simulators/fusion/fusion_world.h"
#include "simulators/returns/return_day.h"

namespace veer {

struct RetentionParameters {
  std::shared_ptr<const FusionWorld> world;  ///< not null
  ReturnModel returns;                       ///< of the world's profiles
  std::int32_t slots = 6;                    ///< videos of a page, 1..items of the world
  std::int32_t pages = 5;                    ///< of a session, >= 1
  std::int32_t sessions = 6;                 ///< of an episode, >= 1
  FusionReward worth;                        ///< of a video, to the person
  std::optional<Part> part;                  ///< whose sessions; empty: everybody's
};

class RetentionScenario final : public Scenario {
 public:
  /// Throws ConfigError when parameters are out of range or do not fit together.
  explicit RetentionScenario(RetentionParameters parameters);

  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return *users_; }
  std::span<const RewardTerm> rewards() const noexcept override { return rewards_; }
  void begin_episode(std::int32_t row, Shard&) const override;
  /// Ranks the catalogue. Refuses weights that are not in -1..1: ConfigError names row, task and value.
  void present(Rows, Shard&) const override;
  void settle(Rows, Shard&) const override;
  EndReason end_of(std::int32_t, const Shard&) const override { return EndReason::running; }

  const RetentionParameters& parameters() const noexcept { return parameters_; }

 private:
  RetentionParameters parameters_;
  std::unique_ptr<const UserModel> users_;
  EnvSpec spec_;
  std::vector<RewardTerm> rewards_;
  std::vector<UserId> people_;
};

/// Sessions of random weights in `world`, everybody of `part` `sessions` times, and the days after which
/// `truth` lets them come back: what a base is fitted to. A function of its arguments.
ReturnLog log_returns(const std::shared_ptr<const FusionWorld>& world, const ReturnModel& truth, Part part,
                      std::int32_t sessions, std::uint64_t seed);

}  // namespace veer
