#include "tools/veer/worlds/policy_on_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "agents/baselines/noisy_weights.h"
#include "agents/baselines/plain_weights.h"
#include "agents/baselines/weights_on_features.h"
#include "env/error.h"
#include "env/runtime.h"
#include "scenarios/ope/fitted/fitted_q.h"
#include "scenarios/ope/fitted/linear_q.h"
#include "scenarios/ope/folds.h"
#include "tools/veer/worlds/fusion_material.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {
namespace {

constexpr std::uint64_t draw_step = 0x9E3779B97F4A7C15ULL;

/// `draws` actions per state; a policy without noise has one.
ope::TargetActions actions_of(const ope::FittedLog& log, const Policy& policy, std::int32_t draws,
                              std::uint64_t seed) {
  return ope::target_actions(
      log, draws, /*weighted=*/false, seed,
      [&](View<const float> states, std::span<const StepKey> keys, View<float> actions, View<float>) {
        const std::int32_t rows = states.rows(), width = log.reals;
        std::vector<float> one(at(rows) * at(width));
        std::vector<StepKey> own(keys.begin(), keys.end());
        for (std::int32_t k = 0; k < draws; ++k) {
          for (StepKey& key : own) key.seed = seed + static_cast<std::uint64_t>(k + 1) * draw_step;
          act_on_features(policy, states, own, Mode::sample, {one.data(), rows, width});
          for (std::int32_t r = 0; r < rows; ++r) {
            std::copy_n(one.data() + r * width, width, actions.row(r).data() + k * width);
          }
        }
      });
}

std::vector<double> densities_of(const ope::FittedLog& log, const Policy& policy, std::uint64_t seed) {
  std::vector<double> out(at(log.steps()));
  constexpr std::int64_t shard = 1024;
  parallel_for((log.steps() + shard - 1) / shard, [&](std::int64_t s) {
    const std::size_t first = at(s * shard);
    const auto rows = static_cast<std::int32_t>(std::min<std::int64_t>(shard, log.steps() - s * shard));
    const std::vector<StepKey> keys(at(rows), StepKey{seed, 0, 0});  // best guesses draw nothing
    log_density_on_features(policy, {log.states.data() + first * at(log.features), rows, log.features}, keys,
                            {log.actions.data() + first * at(log.reals), rows, log.reals},
                            std::span<double>(out).subspan(first, at(rows)));
  });
  return out;
}

void check_sizes(const ope::FittedLog& log, const Policy& policy) {
  if (policy.spec().action == ActionKind::vector && policy.spec().width == log.reals) return;
  throw ConfigError({{}, 0, "policy " + policy.spec().name},
                    {fmt::format("{} values", policy.spec().width),
                     fmt::format("a policy that sets the {} weights of the log", log.reals), ""});
}

}  // namespace

PolicyOnLog judge_on_log(const TransitionLog& file, std::shared_ptr<const Policy> policy,
                         const JudgingOptions& options, const Session& session, bool show) {
  const ope::FittedLog log = ope::fitted_log(file.transitions);
  check_sizes(log, *policy);
  PolicyOnLog out;
  out.target = policy->spec().name;
  if (options.smooth > 0.0) {
    if (has_density(*policy)) {
      throw ConfigError({{}, 0, "--smooth"}, {"a policy that has a density of its own", "one without noise",
                                              "leave the option out"});
    }
    out.target += fmt::format(" with truncated normal noise of {}", options.smooth);
    policy = std::make_shared<NoisyWeights>(out.target, policy, static_cast<float>(options.smooth));
  }
  const bool draws = has_density(*policy);
  std::vector<double> density;
  if (!draws) {
    out.reason =
        "the policy has no known density: one without noise acts on single points, where no ratio exists; "
        "--smooth 0.1 judges it with noise";
  } else if (!file.manifest.has_densities) {
    out.reason = "the log holds no densities of the policy that acted";
  } else {
    density = densities_of(log, *policy, session.common.seed);
  }
  out.log = ope::trajectory_log(log, options.gamma, density);
  const ope::TargetActions target = actions_of(log, *policy, draws ? options.draws : 1, session.common.seed);
  out.linear = ope::linear_q(log, target, ope::polynomial_features(log, options.quadratic),
                             {.gamma = options.gamma, .cut_is_end = options.until_cut})
                   .estimate;
  ope::FittedQOptions fit;
  fit.gamma = options.gamma;
  fit.hidden = {options.hidden, options.hidden};
  fit.updates = options.updates;
  fit.batch = options.batch;
  fit.conservatism = options.conservatism;
  fit.cut_is_end = options.until_cut;
  fit.seed = session.common.seed;
  const std::vector<std::int32_t> folds =
      ope::folds_of(log.trajectories(), log.user, options.folds, session.common.seed);
  std::optional<Progress> progress;
  if (show) progress.emplace(session.console, "fit", "updates", options.updates * options.folds);
  ope::cross_fit_q(log, target, folds, fit, out.log, [&](std::int64_t done, double) {
    if (progress && done % 50 == 0) progress->update(done);
  });
  return out;
}

std::shared_ptr<const Policy> policy_for_log(const TransitionLog& log, const std::string& file,
                                             const std::string& policy, const Session& session) {
  World world(feed_options(log.manifest.world, file), session.common.device);
  if (world.data().fingerprint != log.manifest.fingerprint) {
    throw VerificationError(fmt::format(
        "{}: found a log of another world than its rules make here; expected the same program version",
        file));
  }
  if (policy == "random") return std::make_shared<RandomWeights>("random", world.scenario().spec().reals);
  return world.enter({policy}).front().policy;
}

}  // namespace veer::tools
