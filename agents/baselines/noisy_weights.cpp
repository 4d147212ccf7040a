#include "agents/baselines/noisy_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

/// Probability of a standard normal below x.
double below(double x) noexcept { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

/// Probability of -1..1.
double mass_inside(double mean, double deviation) noexcept {
  return below((1.0 - mean) / deviation) - below((-1.0 - mean) / deviation);
}

}  // namespace

double cut_normal_log_density(double mean, double deviation, double value) noexcept {
  const double scaled = (value - mean) / deviation;
  return -0.5 * scaled * scaled - std::log(deviation) - 0.5 * std::log(2.0 * std::numbers::pi) -
         std::log(mass_inside(mean, deviation));
}

CutNormal cut_normal(double mean, double deviation, double u) noexcept {
  // The mean lies inside, so at least some of the mass does, and halving the interval always converges; 60
  // times leave less than the spacing of doubles.
  const double wanted = below((-1.0 - mean) / deviation) + u * mass_inside(mean, deviation);
  double low = -1.0, high = 1.0;
  for (int halving = 0; halving < 60; ++halving) {
    const double middle = 0.5 * (low + high);
    (below((middle - mean) / deviation) < wanted ? low : high) = middle;
  }
  const double value = 0.5 * (low + high);
  return {value, cut_normal_log_density(mean, deviation, value)};
}

NoisyWeights::NoisyWeights(std::string name, std::shared_ptr<const Policy> base, float deviation)
    : base_(std::move(base)), deviation_(double{deviation}) {
  if (base_->spec().action != ActionKind::vector) {
    throw ConfigError({{}, 0, name},
                      {"noise around " + base_->spec().name, "a policy that sets weights", ""});
  }
  if (!(deviation > 0.0F) || !std::isfinite(deviation)) {
    throw ConfigError({{}, 0, name + ": deviation"}, {std::to_string(deviation), "a number above 0", ""});
  }
  spec_ = base_->spec();
  spec_.name = std::move(name);
}

void NoisyWeights::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
                       Mode mode) const {
  base_->act(rows, seen, state, actions, Mode::greedy);
  if (mode == Mode::greedy) return;
  std::vector<float> uniforms(at(spec_.width));
  for (const std::int32_t row : rows) {
    fill_uniform(seen.key(row), Stream::explore, uniforms);
    const std::span<float> weights = actions.reals.row(row);
    double log_density = 0.0;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const CutNormal drawn = cut_normal(double{weights[k]}, deviation_, double{uniforms[k]});
      const double mean = double{weights[k]};
      weights[k] = static_cast<float>(drawn.value);
      // Of the value as it stands in the log, not as it was before rounding.
      log_density += cut_normal_log_density(mean, deviation_, double{weights[k]});
    }
    actions.log_prob(row) = static_cast<float>(log_density);
  }
}

}  // namespace veer
