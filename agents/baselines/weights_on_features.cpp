#include "agents/baselines/weights_on_features.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "agents/baselines/mixed_weights.h"
#include "agents/baselines/noisy_weights.h"
#include "agents/baselines/plain_weights.h"
#include "env/error.h"

namespace veer {

void act_on_features(const Policy& policy, View<const float> features, std::span<const StepKey> keys,
                     Mode mode, View<float> actions) {
  const PolicySpec& spec = policy.spec();
  if (spec.action != ActionKind::vector || spec.state_width > 0) {
    throw ConfigError({{}, 0, "policy " + spec.name},
                      {spec.action != ActionKind::vector ? "one that sets no weights"
                                                         : "one that remembers what came before",
                       "a policy whose weights follow from what a log holds of a step", ""});
  }
  const std::int32_t rows = features.rows();
  std::vector<EpisodeId> episode;
  std::vector<std::uint32_t> step;
  for (const StepKey& key : keys) {
    episode.push_back(key.episode);
    step.push_back(key.step);
  }
  const std::vector<std::uint8_t> active(at(rows), 1);
  std::vector<float> log_prob(at(rows));
  std::vector<std::int32_t> all(at(rows));
  std::iota(all.begin(), all.end(), 0);
  Observation seen;
  seen.seed = keys.empty() ? 0 : keys.front().seed;
  seen.episode = {episode.data(), rows, 1};
  seen.step = {step.data(), rows, 1};
  seen.active = {active.data(), rows, 1};
  seen.features = features;
  const auto workspace = policy.make_workspace({.rows = rows});
  PolicyState state{{}, *workspace};
  Actions out;
  out.reals = actions;
  out.log_prob = {log_prob.data(), rows, 1};
  policy.act(all, seen, state, out, mode);
}

bool has_density(const Policy& policy) noexcept {
  return dynamic_cast<const NoisyWeights*>(&policy) != nullptr ||
         dynamic_cast<const MixedWeights*>(&policy) != nullptr ||
         dynamic_cast<const RandomWeights*>(&policy) != nullptr;
}

void log_density_on_features(const Policy& policy, View<const float> features, std::span<const StepKey> keys,
                             View<const float> logged, std::span<double> out) {
  const std::int32_t width = policy.spec().width;
  const double anywhere = -static_cast<double>(width) * std::numbers::ln2;
  if (dynamic_cast<const RandomWeights*>(&policy) != nullptr) {
    std::fill(out.begin(), out.end(), anywhere);
    return;
  }
  const auto* noisy = dynamic_cast<const NoisyWeights*>(&policy);
  const auto* mixed = dynamic_cast<const MixedWeights*>(&policy);
  const double deviation = noisy != nullptr ? noisy->deviation() : mixed->deviation();
  const double share = noisy != nullptr ? 0.0 : mixed->share();
  std::vector<float> means(at(features.rows()) * at(width));
  act_on_features(noisy != nullptr ? noisy->base() : mixed->base(), features, keys, Mode::greedy,
                  {means.data(), features.rows(), width});
  for (std::int32_t r = 0; r < features.rows(); ++r) {
    double log_noisy = 0.0;
    for (std::size_t k = 0; k < at(width); ++k) {
      log_noisy +=
          cut_normal_log_density(double{means[at(r) * at(width) + k]}, deviation, double{logged.row(r)[k]});
    }
    const double high = std::max(log_noisy, anywhere);
    out[at(r)] =
        share == 0.0
            ? log_noisy
            : high + std::log(share * std::exp(anywhere - high) + (1.0 - share) * std::exp(log_noisy - high));
  }
}

}  // namespace veer
