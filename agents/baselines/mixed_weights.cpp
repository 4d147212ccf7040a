#include "agents/baselines/mixed_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "agents/baselines/noisy_weights.h"
#include "env/error.h"
#include "env/random.h"

namespace veer {

MixedWeights::MixedWeights(std::string name, std::shared_ptr<const Policy> base, float deviation,
                           double share)
    : base_(std::move(base)), deviation_(double{deviation}), share_(share) {
  // Checks policy and deviation, and words what is wrong with them.
  spec_ = NoisyWeights(std::move(name), base_, deviation).spec();
  if (!(share >= 0.0 && share <= 1.0)) {
    throw ConfigError({{}, 0, spec_.name + ": share"}, {std::to_string(share), "0 to 1", ""});
  }
}

void MixedWeights::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
                       Mode mode) const {
  base_->act(rows, seen, state, actions, Mode::greedy);
  if (mode == Mode::greedy) return;
  const auto width = at(spec_.width);
  std::vector<float> uniforms(width + 1);
  for (const std::int32_t row : rows) {
    fill_uniform(seen.key(row), Stream::explore, uniforms);
    const bool anything = double{uniforms[width]} < share_;
    const std::span<float> weights = actions.reals.row(row);
    double log_noisy = 0.0;
    for (std::size_t k = 0; k < width; ++k) {
      const double mean = double{weights[k]};
      weights[k] = anything ? 2.0F * uniforms[k] - 1.0F
                            : static_cast<float>(cut_normal(mean, deviation_, double{uniforms[k]}).value);
      log_noisy += cut_normal_log_density(mean, deviation_, double{weights[k]});
    }
    const double log_uniform = -static_cast<double>(width) * std::numbers::ln2;
    const double high = std::max(log_noisy, log_uniform);
    actions.log_prob(row) = static_cast<float>(
        high + std::log(share_ * std::exp(log_uniform - high) + (1.0 - share_) * std::exp(log_noisy - high)));
  }
}

}  // namespace veer
