#include "agents/baselines/plain_weights.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "env/error.h"
#include "env/random.h"

namespace veer {

ConstantWeights::ConstantWeights(std::string name, std::vector<float> weights)
    : weights_(std::move(weights)) {
  if (weights_.empty()) throw ConfigError({{}, 0, name}, {"no weights", "at least one", ""});
  for (const float weight : weights_) {
    if (weight >= -1.0F && weight <= 1.0F) continue;
    throw ConfigError({{}, 0, name}, {std::to_string(weight), "weights from -1 to 1", ""});
  }
  spec_ = {.name = std::move(name),
           .action = ActionKind::vector,
           .width = static_cast<std::int32_t>(weights_.size())};
}

void ConstantWeights::act(Rows rows, const Observation&, PolicyState&, Actions& actions, Mode) const {
  for (const std::int32_t row : rows) {
    std::ranges::copy(weights_, actions.reals.row(row).begin());
    actions.log_prob(row) = 0.0F;
  }
}

RandomWeights::RandomWeights(std::string name, std::int32_t width)
    : spec_{.name = std::move(name), .action = ActionKind::vector, .width = width} {}

void RandomWeights::act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const {
  const float log_density = -static_cast<float>(spec_.width) * std::numbers::ln2_v<float>;
  for (const std::int32_t row : rows) {
    const std::span<float> weights = actions.reals.row(row);
    fill_uniform(seen.key(row), Stream::policy, weights);
    for (float& weight : weights) weight = 2.0F * weight - 1.0F;
    actions.log_prob(row) = log_density;
  }
}

}  // namespace veer
