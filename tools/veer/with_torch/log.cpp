// veer log --regime expert --policy P -o expert.log.h5
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>

#include "agents/baselines/mixed_weights.h"
#include "agents/baselines/noisy_weights.h"
#include "agents/baselines/plain_weights.h"
#include "agents/fusion/learning/fusion_logs.h"
#include "env/error.h"
#include "env/store/transition_file.h"
#include "rewards/fusion.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/training/training_files.h"
#include "tools/veer/worlds/fusion_material.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {
namespace {

enum class Regime : std::uint8_t { random, expert, imitation, mixed, final_buffer, concurrent };
constexpr std::array<std::string_view, 6> regime_names{"random", "expert",       "imitation",
                                                       "mixed",  "final-buffer", "concurrent"};

struct LogCommand {
  std::string output, regime = "random", policy, agent = "ddpg";
  WorldOptions world;
  std::int64_t steps = 30'000;
  std::int32_t rows = 64, updates = 8;
  std::optional<float> noise;
  std::optional<std::int32_t> hidden, batch;
};

bool learns(Regime regime) { return regime == Regime::final_buffer || regime == Regime::concurrent; }
bool follows(Regime regime) { return !learns(regime) && regime != Regime::random; }

float noise_of(const LogCommand& command, Regime regime) {
  if (command.noise) return *command.noise;
  return regime == Regime::final_buffer ? 0.5F : 0.1F;
}

void refuse_unread(const LogCommand& command, Regime regime) {
  const auto refuse = [&](const char* option, bool given, const std::string& expected) {
    if (!given) return;
    throw ConfigError({{}, 0, option},
                      {"an option that the regime " + command.regime + " does not read", expected, ""});
  };
  refuse("--policy", !command.policy.empty() && !follows(regime), "one of expert, imitation and mixed");
  refuse("--agent", command.agent != LogCommand{}.agent && !learns(regime), "final-buffer or concurrent");
  refuse("--hidden", command.hidden.has_value() && !learns(regime), "final-buffer or concurrent");
  refuse("--batch", command.batch.has_value() && !learns(regime), "final-buffer or concurrent");
  refuse("--noise", command.noise && (regime == Regime::random || regime == Regime::imitation),
         "a regime with noise");
  if (follows(regime) && command.policy.empty()) {
    throw ConfigError({{}, 0, "--policy"},
                      {"nothing", "the policy that the regime " + command.regime + " follows",
                       "veer train fusion makes one; weights:click=1 is another"});
  }
}

Transitions make_log(const LogCommand& command, Regime regime, World& world,
                     const fusion::LogOptions& options, TransitionManifest& manifest) {
  const float noise = noise_of(command, regime);
  const Scenario& scenario = world.scenario();
  manifest.has_densities = regime != Regime::imitation;
  if (learns(regime)) {
    const std::size_t kind = index_of_word("--agent", command.agent, fusion::fusion_kind_names);
    fusion::FusionOptions agent = fusion::fusion_defaults(static_cast<fusion::FusionKind>(kind),
                                                          scenario.spec().features, scenario.spec().reals);
    if (command.hidden) agent.hidden = *command.hidden;
    if (command.batch) agent.batch = *command.batch;
    fusion::FusionLearner learner(
        agent, fusion::scale_of_random_weights(scenario, command.rows, options.seed), options.seed);
    manifest.policy = fmt::format("{}, noise {}, learning", command.agent, noise);
    manifest.grows = regime == Regime::concurrent;
    fusion::LearningLogOptions learning;
    static_cast<fusion::LogOptions&>(learning) = options;
    learning.noise = noise;
    learning.updates = command.updates;
    learning.learning_starts = std::min<std::int64_t>(1000, command.steps);
    return fusion::log_of_learning(scenario, learner, learning);
  }
  if (regime == Regime::random) {
    manifest.policy = "random";
    return fusion::log_of_policy(scenario, std::make_shared<RandomWeights>("random", scenario.spec().reals),
                                 options);
  }
  std::shared_ptr<const Policy> policy = world.enter({command.policy}).front().policy;
  const std::string name = policy->spec().name;
  manifest.policy = name;
  if (regime == Regime::expert) {
    manifest.policy += fmt::format(", noise {}", noise);
    policy = std::make_shared<NoisyWeights>(name, policy, noise);
  } else if (regime == Regime::mixed) {
    manifest.policy += fmt::format(", noise {}, half the time random", noise);
    policy = std::make_shared<MixedWeights>(name, policy, noise, 0.5);
  }
  return fusion::log_of_policy(scenario, policy, options);
}

void run_log(LogCommand& command, const Session& session) {
  const auto regime = static_cast<Regime>(index_of_word("--regime", command.regime, regime_names));
  refuse_unread(command, regime);
  check_output("--output", command.output, "transitions");
  command.world.scenario = "fusion-v1";
  World world(command.world, session.common.device);
  const auto& feed = dynamic_cast<const FusionScenario&>(world.scenario());

  TransitionLog log;
  log.manifest.scenario = "fusion-v1";
  log.manifest.world = rules_of(command.world);
  log.manifest.regime = command.regime;
  log.manifest.largest_reward =
      double{largest_fusion_reward(feed.parameters().reward, feed.parameters().slots)};
  log.manifest.horizon = feed.spec().horizon;
  log.manifest.fingerprint = world.data().fingerprint;
  log.manifest.seed = session.common.seed;
  {
    Progress progress(session.console, "log", "pages", command.steps);
    fusion::LogOptions options{.steps = command.steps, .rows = command.rows, .seed = session.common.seed};
    options.progress = [&](std::int64_t done) { progress.update(std::min(done, command.steps)); };
    log.transitions = make_log(command, regime, world, options, log.manifest);
  }
  write_transitions(command.output, log);
  print_description(session.console, describe_transitions(log));
}

}  // namespace

void add_log(Program& program) {
  auto command = std::make_shared<LogCommand>();
  command->world.part = "train_plan";
  CLI::App& app = program.add(
      "log", "Makes a log of decisions in a world whose ranking a policy tunes.",
      "veer log --regime random --steps 100000 -o random.log.h5\n"
      "         veer log --regime expert --policy fusion_agent:model=expert.model.h5 -o expert.log.h5\n\n"
      "Regimes:\n"
      "  random        uniform weights, anew for every page\n"
      "  expert        what --policy would do, with noise whose density is known\n"
      "  imitation     what --policy does, without noise: no densities, nothing beside the policy's own\n"
      "  mixed         half the pages random, half as expert; the density of the mixture\n"
      "  final-buffer  all that an agent did while it learned by acting with much noise (0.5)\n"
      "  concurrent    the same with little noise (0.1); who learns from it sees it grow\n\n"
      "Every action stands with its log density under whoever acted, so that off-policy estimates can weigh "
      "it.",
      [command](const Session& session) { run_log(*command, session); });
  app.add_option("-o,--output", command->output, "log file to write")->required()->type_name("FILE");
  app.add_option("--regime", command->regime, listed(regime_names))->capture_default_str();
  app.add_option("--policy", command->policy, "expert, imitation, mixed: whom the log follows")
      ->type_name("P");
  app.add_option("--steps", command->steps, "pages, at least")->check(positive())->capture_default_str();
  app.add_option("--rows", command->rows, "people at a time")->check(positive())->capture_default_str();
  app.add_option("--noise", command->noise,
                 "deviation around what the policy would do; default: the regime's")
      ->check(CLI::PositiveNumber);
  const std::string learning = "Regimes that learn";
  app.add_option("--agent", command->agent, "ddpg, td3 or another of veer train fusion")
      ->capture_default_str()
      ->group(learning);
  app.add_option("--updates-per-batch", command->updates, "gradient steps after every step of all people")
      ->check(positive())
      ->capture_default_str()
      ->group(learning);
  app.add_option("--hidden", command->hidden, "width of the agent's hidden layers")
      ->check(positive())
      ->group(learning);
  app.add_option("--batch", command->batch, "transitions per update")->check(positive())->group(learning);
  const std::string world = "World";
  app.add_option("--part", command->world.part,
                 "whose sessions: train_plan, train_judge, validation, test, all")
      ->capture_default_str()
      ->group(world);
  app.add_option("--made-up-people", command->world.made_up_people, "how many people there are")
      ->check(positive())
      ->capture_default_str()
      ->group(world);
  app.add_option("--horizon", command->world.horizon, "pages of a session, at most; default: 30")
      ->check(positive())
      ->group(world);
  add_feed_options(app, command->world);
}

}  // namespace veer::tools
