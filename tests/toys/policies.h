// Toy policies, one per kind of action.
#pragma once

#include <algorithm>
#include <cmath>

#include "env/policy.h"

namespace veer::toys {

/// Any item but those in the history's newest place; uniform. Sampled and greedy mode alike.
class UniformItems : public Policy {
 public:
  UniformItems(std::int32_t items, std::int32_t slots) : items_(items) {
    spec_ = {.name = "uniform", .action = slots == 1 ? ActionKind::item : ActionKind::slate, .width = slots};
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const override {
    for (const std::int32_t r : rows) {
      // Distinct items: a random start, then steps of one around the catalogue.
      const std::uint32_t start =
          uniform_below(static_cast<std::uint32_t>(items_), seen.key(r), Stream::policy);
      for (std::int32_t k = 0; k < spec_.width; ++k) {
        actions.items(r, k) = 1 + (static_cast<std::int32_t>(start) + k) % items_;
      }
      actions.log_prob(r) = -std::log(static_cast<float>(items_));
    }
  }

 private:
  PolicySpec spec_;
  std::int32_t items_;
};

/// Walks from the newest history item to the target in equal steps. Plans `length` items ahead; keeps in its
/// state how often it was asked. `stop_after` plans end the episode instead (0: never).
class Walker : public Policy {
 public:
  Walker(std::int32_t length, bool closed_loop, std::int32_t stop_after = 0) : stop_after_(stop_after) {
    spec_ = {.name = "walker",
             .action = ActionKind::path,
             .width = length,
             .state_width = 1,
             .closed_loop = closed_loop};
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const override {
    for (const std::int32_t r : rows) {
      state.values(r) += 1.0F;
      actions.log_prob(r) = 0.0F;
      if (stop_after_ > 0 && state.values(r) > static_cast<float>(stop_after_)) {
        actions.plan_size(r) = 0;
        continue;
      }
      const std::int32_t size = seen.history_size(r);
      const ItemId from = size > 0 ? seen.history(r, size - 1) : seen.target(r);
      for (std::int32_t k = 0; k < spec_.width; ++k) {
        const std::int32_t gap = seen.target(r) - from;
        actions.items(r, k) = from + gap * (k + 1) / spec_.width;
      }
      actions.plan_size(r) = spec_.width;
    }
  }

 private:
  PolicySpec spec_;
  std::int32_t stop_after_;
};

/// Points at the target's place on the line, with noise in sampling mode.
class Pointer : public Policy {
 public:
  explicit Pointer(std::int32_t items) : items_(items) {
    spec_ = {.name = "pointer", .action = ActionKind::vector, .width = 1};
  }
  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode mode) const override {
    for (const std::int32_t r : rows) {
      const float noise = mode == Mode::sample ? normal(seen.key(r), Stream::policy) : 0.0F;
      actions.reals(r, 0) = static_cast<float>(seen.target(r)) / static_cast<float>(items_) + 0.1F * noise;
      actions.log_prob(r) = -0.5F * noise * noise;
    }
  }

 private:
  PolicySpec spec_;
  std::int32_t items_;
};

}  // namespace veer::toys
