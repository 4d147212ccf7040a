// Other people come: a world whose people are drawn as before, but so that a cohort plays a given share of
// the episodes.
//
// Let c be the cohort's share of the calm world's starts and a the share that is asked for. For a > c an
// episode of somebody outside the cohort is, by a lot of probability (a - c) / (1 - c), played by a member
// instead; for a < c one of a member, by (c - a) / c, by somebody outside. All others are played by whom they
// were: no other choice of episodes keeps more of them. Who plays instead is whoever begins the same episode
// under other seeds, the first of them on the side that is asked for: a draw from the calm world's own starts
// of that side, histories and all.
//
// Thread-safety: immutable, shared by all workers.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "env/data/dataset.h"
#include "env/scenario.h"
#include "scenarios/stress/suite.h"

namespace veer::stress {

class CohortMix final : public Scenario {
 public:
  /// Starts that c and the bounds of thirds are counted over: episodes 0, 1, ... of a seed of their own.
  static constexpr std::int32_t census = 4096;

  /// `place`: of the perturbation in its test. Throws ConfigError naming the line where the data set has no
  /// such attribute, and where the census finds nobody on the side that has to play more.
  CohortMix(std::shared_ptr<const Scenario> base, const Perturbation& mix, std::size_t place,
            std::shared_ptr<const Dataset> data);

  const EnvSpec& spec() const noexcept override { return base_->spec(); }
  const UserModel& users() const noexcept override { return base_->users(); }
  std::span<const RewardTerm> rewards() const noexcept override { return base_->rewards(); }
  void begin_episode(std::int32_t row, Shard&) const override;
  void present(Rows rows, Shard& shard) const override { base_->present(rows, shard); }
  void settle(Rows rows, Shard& shard) const override { base_->settle(rows, shard); }
  EndReason end_of(std::int32_t row, const Shard& shard) const override { return base_->end_of(row, shard); }

  /// c, of the census.
  double calm_share() const noexcept { return calm_share_; }
  /// Whether the start that stands in the row belongs to the cohort.
  bool belongs(std::int32_t row, const Shard& shard) const;

 private:
  std::int64_t number_of(std::int32_t row, const Shard& shard) const;
  void count_starts(const Perturbation& mix);

  std::shared_ptr<const Scenario> base_;
  std::shared_ptr<const Dataset> data_;
  CohortBy by_;
  float wanted_;  ///< a
  std::size_t place_;
  std::int32_t attribute_ = -1;
  std::int64_t least_ = 0, below_ = 0;  ///< the cohort's numbers: least_ <= number < below_
  double calm_share_ = 0.0;
};

}  // namespace veer::stress
