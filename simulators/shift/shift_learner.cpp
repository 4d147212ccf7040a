#include "simulators/shift/shift_learner.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "env/error.h"
#include "env/nn/training/adam.h"
#include "env/runtime.h"

namespace veer::shift {
namespace {

constexpr std::size_t shard_cases = 8;
constexpr float saturated = 25.0F;  ///< beyond this a share or weight no longer changes
constexpr float largest_rate = 100.0F;
constexpr float largest_weight = 1000.0F;
constexpr const char* remedy =
    "fit with smaller steps (rate and weight learning rates), or without that mechanism";

}  // namespace

Learner::Learner(const Likelihood& likelihood, Parameters parameters, const LearningSteps& steps)
    : likelihood_(likelihood), parameters_(parameters), steps_(steps) {
  begin(std::move(parameters));
}

void Learner::begin(Parameters parameters) {
  parameters_ = std::move(parameters);
  updates_ = 0;
  first_.assign(parameters_.size(), 0.0F);
  second_.assign(parameters_.size(), 0.0F);
}

double Learner::update(const Cases& cases, std::span<const std::int32_t> which, const std::string& when) {
  std::int64_t scored = 0;
  for (const std::int32_t c : which) {
    const auto i = static_cast<std::size_t>(c);
    for (std::int64_t e = cases.offsets[i]; e < cases.offsets[i + 1]; ++e) {
      scored += cases.scored[static_cast<std::size_t>(e)];
    }
  }
  if (scored == 0) return 0.0;
  const std::size_t shards = (which.size() + shard_cases - 1) / shard_cases;
  while (gradients_.size() < shards) gradients_.emplace_back();
  std::vector<double> losses(shards);
  const float weight = 1.0F / static_cast<float>(scored);
  parallel_for(static_cast<std::int64_t>(shards), [&](std::int64_t s) {
    const auto i = static_cast<std::size_t>(s);
    gradients_[i].assign(parameters_.size(), 0.0F);
    const auto part = which.subspan(i * shard_cases, std::min(shard_cases, which.size() - i * shard_cases));
    losses[i] = likelihood_.add(parameters_, cases, part, weight, gradients_[i]);
  });
  std::vector<float>& sum = gradients_[0];
  double loss = losses[0];
  for (std::size_t s = 1; s < shards; ++s) {
    loss += losses[s];
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += gradients_[s][i];
  }
  if (!std::isfinite(loss)) {
    check_ranges(when);
    throw DataError(Where{{}, 0, "loss in " + when},
                    Problem{std::to_string(loss), "a finite number", remedy});
  }
  parameters_.chain(sum);
  check_finite(sum, when, "gradient of ");
  ++updates_;
  for (std::size_t i = 0; i < parameter_count; ++i) {
    const auto p = static_cast<Parameter>(i);
    if (!parameters_.learned(p)) continue;
    const std::size_t at = parameters_.offset(p), size = parameters_.size(p);
    nn::adam_update({.learning_rate = info(p).matrix ? steps_.weight : steps_.rate}, updates_,
                    std::span<const float>(sum).subspan(at, size), std::span(first_).subspan(at, size),
                    std::span(second_).subspan(at, size), parameters_.free().subspan(at, size));
    const Bounds bounds = info(p).bounds;
    if (bounds == Bounds::share || bounds == Bounds::weight || p == Parameter::acceptance_rate) {
      float& free = parameters_.free()[at];
      free = std::clamp(free, -saturated, saturated);  // NaN passes through to the check
    }
  }
  check_ranges(when);
  return loss;
}

void Learner::check_finite(std::span<const float> values, const std::string& when, const char* what) const {
  for (std::size_t i = 0; i < parameter_count; ++i) {
    const auto p = static_cast<Parameter>(i);
    for (const float value : values.subspan(parameters_.offset(p), parameters_.size(p))) {
      if (std::isfinite(value)) continue;
      throw DataError(Where{{}, 0, what + std::string(info(p).name) + " in " + when},
                      Problem{std::to_string(value), "a finite number", remedy});
    }
  }
}

void Learner::check_ranges(const std::string& when) const {
  check_finite(parameters_.free(), when, "");
  for (std::size_t i = 0; i < parameter_count; ++i) {
    const auto p = static_cast<Parameter>(i);
    if (!parameters_.learned(p)) continue;
    const bool rate = info(p).bounds == Bounds::rate || info(p).bounds == Bounds::positive;
    float worst = 0.0F;
    for (const float value : parameters_.of(p)) worst = std::max(worst, std::abs(value));
    if (rate) worst = parameters_.value(p);
    const float limit = rate ? largest_rate : largest_weight;
    if (worst <= limit) continue;
    throw DataError(
        Where{{}, 0, std::string(info(p).name) + " in " + when},
        Problem{std::to_string(worst), "at most " + std::to_string(static_cast<int>(limit)), remedy});
  }
}

NamedArrays Learner::state() const {
  NamedArrays arrays;
  arrays.set<float>("free", parameters_.free());
  arrays.set_text("on", parameters_.on().text());
  arrays.set<float>("first_moment", first_);
  arrays.set<float>("second_moment", second_);
  arrays.set_scalar<std::int64_t>("updates", updates_);
  return arrays;
}

void Learner::restore(const NamedArrays& state) {
  const auto take = [&](const char* name, std::span<float> to) {
    const std::span<const float> from = state.get<float>(name);
    if (from.size() != to.size()) {
      throw FormatError(Where{{}, 0, name}, Problem{std::to_string(from.size()) + " values",
                                                    std::to_string(to.size()), "the checkpoint is damaged"});
    }
    std::ranges::copy(from, to.begin());
  };
  take("free", parameters_.free());
  take("first_moment", first_);
  take("second_moment", second_);
  parameters_.set_on(Mechanisms::from_text(state.text("on")));
  updates_ = state.scalar<std::int64_t>("updates");
}

}  // namespace veer::shift
