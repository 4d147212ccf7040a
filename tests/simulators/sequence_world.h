// A small guidance world over a sequence user: random histories and targets, four to six steps.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "env/random.h"
#include "env/reward.h"
#include "env/scenario.h"
#include "env/user_model.h"

namespace veer::testing {

class SequenceWorld final : public Scenario {
 public:
  SequenceWorld(std::unique_ptr<UserModel> people, Acceptance acceptance) : people_(std::move(people)) {
    spec_.id = "sequence-test-v1";
    spec_.items = people_->spec().items;
    spec_.history_length = 5;
    spec_.history_capacity = 9;
    spec_.horizon = 6;
    spec_.acceptance = acceptance;
    terms_.push_back({"gain", 1.0F, true, [](const RewardInputs& in, std::span<float> out) {
                        for (std::size_t row = 0; row < out.size(); ++row) {
                          const auto r = static_cast<std::int32_t>(row);
                          out[row] = in.interest(r) - in.interest_before(r);
                        }
                      }});
  }
  const EnvSpec& spec() const noexcept override { return spec_; }
  const UserModel& users() const noexcept override { return *people_; }
  std::span<const RewardTerm> rewards() const noexcept override { return terms_; }
  void begin_episode(std::int32_t row, Shard& shard) const override {
    const StepKey key = shard.key(row);
    const auto items = static_cast<std::uint32_t>(spec_.items);
    const auto draw = [&](std::uint32_t lane) {
      return static_cast<ItemId>(uniform_below(items, key, Stream::begin_episode, lane)) + 1;
    };
    shard.user(row) = 0;
    shard.target(row) = draw(0);
    shard.history_size(row) = 2 + static_cast<std::int32_t>(key.episode % 4);
    for (std::int32_t t = 0; t < shard.history_size(row); ++t)
      shard.history(row, t) = draw(1 + static_cast<std::uint32_t>(t));
  }
  EndReason end_of(std::int32_t row, const Shard& shard) const override {
    const bool there =
        shard.items(row, 0) == shard.target(row) && (shard.feedback(row, 0) & feedback::accepted) != 0;
    return there ? EndReason::target_reached : EndReason::running;
  }

 private:
  EnvSpec spec_;
  std::unique_ptr<UserModel> people_;
  std::vector<RewardTerm> terms_;
};

}  // namespace veer::testing
