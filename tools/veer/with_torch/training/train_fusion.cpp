// veer train fusion --agent bcq --log x.log.h5 -o bcq.model.h5
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string_view>
#include <utility>

#include "agents/baselines/plain_weights.h"
#include "agents/fusion/fusion_model_file.h"
#include "agents/fusion/learning/fusion_logs.h"
#include "agents/fusion/learning/log_training.h"
#include "agents/replay/online_training.h"
#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/atomic_file.h"
#include "rewards/fusion.h"
#include "rewards/fusion_score.h"
#include "rewards/summary.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/training/train_agents.h"
#include "tools/veer/training/training_curves.h"
#include "tools/veer/worlds/fusion_material.h"

namespace veer::tools {
namespace {

using namespace fusion;

FusionOptions agent_options(const FusionTask& task, const EnvSpec& world) {
  const std::size_t kind = index_of_word("--agent", task.agent, fusion_kind_names);
  FusionOptions out = fusion_defaults(static_cast<FusionKind>(kind), world.features, world.reals);
  if (task.preset == "industrial") {
    out = industrial_preset(out);
  } else if (task.preset != "authors") {
    throw ConfigError({{}, 0, "--preset"}, {"'" + task.preset + "'", "authors or industrial", ""});
  }
  if (task.hidden) out.hidden = *task.hidden;
  if (task.vae_hidden) out.vae_hidden = *task.vae_hidden;
  if (task.batch) out.batch = *task.batch;
  if (task.samples) out.samples = *task.samples;
  if (task.choices) out.candidates = *task.choices;
  if (task.passes) out.passes = *task.passes;
  out.constrained = !task.unconstrained;
  if (task.actor_rate) out.actor_rate = *task.actor_rate;
  if (task.critic_rate) out.critic_rate = *task.critic_rate;
  if (task.conservatism) out.conservatism = *task.conservatism;
  if (task.imitation) out.imitation = *task.imitation;
  if (task.discount) out.discount = *task.discount;
  check_options(out);
  return out;
}

/// What a policy earns from test people.
struct Earned {
  Summary reward, pages;
};

Earned earned_by(const Scenario& world, const Policy& policy, Mode mode, std::uint64_t seed,
                 std::int32_t episodes) {
  Engine engine(world, policy.spec(), {.rows = std::min(episodes, 1024), .seed = seed});
  std::vector<EpisodeId> ids;
  for (std::int32_t e = 0; e < episodes; ++e) ids.push_back(at(e));
  const Trajectories played = engine.evaluate(policy, mode, ids);
  const FusionScores scores = score_fusion(played);
  Summariser summarise({.seed = seed});
  return {summarise(scores.of(FusionMetric::worth), played.episode_user),
          summarise(scores.of(FusionMetric::pages), played.episode_user)};
}

/// A line per look at the agent, for curves: --history.
std::string history_csv(std::span<const LogTrainingRecord> records) {
  std::string out = "update,believed,realised,return,pages,q,critic_loss,actor_loss\n";
  for (const LogTrainingRecord& r : records) {
    const auto figure = [&](const char* name) {
      const auto found = r.stats.find(name);
      return found == r.stats.end() ? std::string() : fmt::format("{}", found->second);
    };
    out += fmt::format("{},{},{},{},{},{},{},{}\n", r.update, r.believed, r.realised, r.mean_return,
                       r.mean_length, figure("q"), figure("critic_loss"), figure("actor_loss"));
  }
  return out;
}

struct TrainedFusion {
  FusionModel model;
  std::map<std::string, double> metrics;
  std::string note;  ///< about the critic; empty: nothing to say
};

TrainedFusion learn_from_log(FusionTask& task, const Session& session, const TransitionLog& log,
                             const Scenario& watched) {
  const FusionOptions options = agent_options(task, watched.spec());
  const LoggedTransitions source(log.transitions);
  FusionLearner learner(options, scale_of_states(source), session.common.seed);
  LogTrainingOptions training;
  training.updates = task.updates;
  training.report_every =
      task.report_every > 0 ? task.report_every : std::max<std::int64_t>(1, task.updates / 10);
  training.world = &watched;
  training.episodes = task.episodes;
  training.seed = session.common.seed;
  training.discount = double{options.discount};
  training.identity = fmt::format("log {}\nagent", sha256_of_file(task.log));
  for (const auto& [name, value] : options.to_hyper_parameters()) {
    training.identity += fmt::format(" {}={}", name, value);
  }
  training.checkpoint = prepare_training(task.files, session);
  training.checkpoint_seconds = checkpoint_seconds(task.files);
  session.console.note(fmt::format("{}: {} updates on {} transitions ({}), batch {}", task.agent,
                                   grouped(task.updates), grouped(log.transitions.count), log.manifest.regime,
                                   options.batch));
  std::vector<LogTrainingRecord> records;
  {
    StatusLine status(session.console);
    TrainingCurves curves(task.agent, task.files.tensorboard);
    training.progress = [&](const LogTrainingRecord& r, double seconds_left) {
      for (const auto& [figure, value] : r.stats) curves.add(r.update, figure, value);
      curves.add(r.update, "believed", r.believed);
      curves.add(r.update, "realised", r.realised);
      curves.add(r.update, "return", r.mean_return);
      const std::string critic =
          options.has_critic()
              ? fmt::format(", critic believes {:.2f}, realised {:.2f}", r.believed, r.realised)
              : "";
      status.show(fmt::format("{}: {} of {} updates, return {:.3f} over {:.1f} pages{}, {} left", task.agent,
                              grouped(r.update), grouped(task.updates), r.mean_return, r.mean_length, critic,
                              duration_text(seconds_left)));
    };
    records = train_on_log(learner, log, training);
  }
  if (!task.history.empty()) {
    const std::string csv = history_csv(records);
    write_file_atomically(task.history, std::as_bytes(std::span(csv)));
  }
  TrainedFusion out{learner.model(), {}, ""};
  if (!options.has_critic()) return out;
  const LogTrainingRecord& last = records.back();
  double highest = 0.0;
  bool diverged = false;
  for (const LogTrainingRecord& r : records) {
    const auto q = r.stats.find("q");
    for (const double value : {r.believed, q == r.stats.end() ? 0.0 : q->second}) {
      highest = std::max(highest, value);
      diverged = diverged || has_diverged(value, log.manifest, double{options.discount});
    }
  }
  const double bound = largest_return(log.manifest, double{options.discount});
  out.metrics = {{"critic_believes", last.believed},
                 {"realised", last.realised},
                 {"critic_highest", highest},
                 {"largest_return", bound},
                 {"diverged", diverged ? 1.0 : 0.0}};
  out.note = fmt::format(
      "the critic believes {:.3f} of the policy, which realises {:.3f} (discounted); no session can return "
      "more "
      "than {:.1f}{}",
      last.believed, last.realised, bound, diverged ? ": the critic has DIVERGED" : "");
  return out;
}

TrainedFusion learn_by_acting(FusionTask& task, const Session& session, const Scenario& training,
                              const Scenario& validation) {
  const FusionOptions options = agent_options(task, training.spec());
  FusionLearner learner(options, scale_of_random_weights(training, task.rows, session.common.seed),
                        session.common.seed);
  ExploringLearner exploring(learner, task.noise);
  OnlineOptions online;
  online.engine = {.rows = task.rows, .shard_rows = 32, .seed = session.common.seed};
  online.steps = task.steps;
  online.updates = task.updates_per_batch;
  online.replay = std::max<std::int64_t>(task.steps, 1000);
  online.learning_starts = std::min<std::int64_t>(1000, online.replay);
  online.warm_up = std::make_shared<RandomWeights>("random", training.spec().reals);
  online.report_every =
      task.report_every > 0 ? task.report_every : std::max<std::int64_t>(1, task.steps / 10);
  online.evaluation = &validation;
  online.evaluation_episodes = task.episodes;
  online.identity = rules_of(task.world) + fmt::format("noise {}", task.noise);
  for (const auto& [name, value] : options.to_hyper_parameters()) {
    online.identity += fmt::format(" {}={}", name, value);
  }
  online.budget_seconds = budget_seconds(task.files);
  online.checkpoint = prepare_training(task.files, session);
  online.checkpoint_seconds = checkpoint_seconds(task.files);
  session.console.note(
      fmt::format("{}: {} pages shown with noise {}", task.agent, grouped(task.steps), task.noise));
  OnlineResult result;
  {
    StatusLine status(session.console);
    TrainingCurves curves(task.agent, task.files.tensorboard);
    online.progress = [&](const OnlineProgress& p) {
      for (const auto& [figure, value] : p.stats) curves.add(p.step, figure, value);
      curves.add(p.step, "validation return", p.mean_return);
      status.show(fmt::format("{}: {} of {} pages, validation return {:.3f} over {:.1f} pages, {} left",
                              task.agent, grouped(p.step), grouped(p.steps), p.mean_return, p.mean_length,
                              duration_text(p.seconds_left)));
    };
    result = train_online(training, exploring, online);
  }
  return {learner.model(),
          {{"best_step", static_cast<double>(result.best_step)}},
          fmt::format("kept: the weights after {} pages; acting {}, updating {}, judging {}",
                      grouped(result.best_step), duration_text(result.acting_seconds),
                      duration_text(result.updating_seconds), duration_text(result.judging_seconds))};
}

}  // namespace

void add_fusion_options(CLI::App& app, FusionTask& task) {
  task.world.scenario = "fusion-v1";
  add_training_output(app, task.files);
  add_budget(app, task.files);
  const std::string training = "Training", world = "World (without --log)";
  app.add_option("--agent", task.agent, listed(fusion_kind_names))->capture_default_str();
  app.add_option("--log", task.log, "log of decisions to learn from (veer log)")->type_name("FILE");
  app.add_option("--preset", task.preset,
                 "authors: settings of each algorithm's authors; industrial: those of BatchRL-MTF")
      ->capture_default_str();
  app.add_option("--history", task.history,
                 "with --log: CSV file of what the critic believed and the policy realised, look by look")
      ->type_name("FILE");
  const auto count = [&](const char* name, auto& value, const char* what) {
    app.add_option(name, value, what)->check(positive())->group(training);
  };
  app.add_option("--updates", task.updates, "with --log: gradient steps")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--steps", task.steps, "without --log: pages shown while learning")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--updates-per-batch", task.updates_per_batch,
                 "without --log: gradient steps after every step of all people")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--rows", task.rows, "without --log: people at a time")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--noise", task.noise, "without --log: deviation around what the agent would do")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(training);
  count("--report-every", task.report_every, "updates (or pages) between looks; default: a tenth");
  app.add_option("--episodes", task.episodes, "of a look, and of test people at the end")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  count("--hidden", task.hidden, "width of hidden layers; default: the authors'");
  count("--vae-hidden", task.vae_hidden, "bcq, uwac: of their generative model");
  count("--choices", task.choices, "bcq: actions among which it chooses when it acts; default: 100");
  count("--passes", task.passes, "uwac: passes through dropout that say how sure a critic is; default: 100");
  app.add_flag("--unconstrained", task.unconstrained,
               "uwac: no constraint to stay near the log, as UWAC + TD3 has none")
      ->group(training);
  count("--batch", task.batch, "transitions per update");
  count("--samples", task.samples, "bcq, uwac: candidates in a target; cql: actions from each proposal");
  const auto real = [&](const char* name, std::optional<float>& value, const char* what) {
    app.add_option(name, value, what)->group(training);
  };
  real("--discount", task.discount, "of later rewards; default: 0.95");
  real("--actor-rate", task.actor_rate, "learning rate of the policy; default: the authors'");
  real("--critic-rate", task.critic_rate, "learning rate of the critics; default: the authors'");
  real("--conservatism", task.conservatism, "cql: weight of the term that holds critics down");
  real("--imitation", task.imitation, "td3_bc: weight of the critic against imitation");
  app.add_option("--scenario", task.world.scenario, "fusion-v1 or retention-v1")
      ->capture_default_str()
      ->group(world);
  app.add_option("--made-up-people", task.world.made_up_people, "how many people there are")
      ->check(positive())
      ->capture_default_str()
      ->group(world);
  app.add_option("--horizon", task.world.horizon, "pages of a session, at most; default: 30")
      ->check(positive())
      ->group(world);
  add_feed_options(app, task.world);
}

void run_fusion(FusionTask& task, const Session& session) {
  const std::uint64_t seed = session.common.seed;
  if (!is_feed(task.world.scenario)) {
    throw ConfigError({{}, 0, "--scenario"},
                      {"'" + task.world.scenario + "'", "fusion-v1 or retention-v1", ""});
  }
  if (task.world.scenario == "retention-v1") {
    const auto refuse = [](const char* option, bool given) {
      if (given)
        throw ConfigError({{}, 0, option}, {"an option that retention-v1 does not have",
                                            "--session-pages and --sessions", ""});
    };
    refuse("--horizon", task.world.horizon > 0);
    refuse("--candidates", task.world.candidates != WorldOptions{}.candidates);
  }
  task.world.part = "all";
  std::optional<TransitionLog> log;
  if (!task.log.empty()) {
    log = read_transitions(task.log);
    if (log->manifest.scenario != "fusion-v1") {
      throw ConfigError({task.log, 0, "scenario"},
                        {"'" + log->manifest.scenario + "'", "a log of fusion-v1", ""});
    }
    task.world = feed_options(log->manifest.world, task.log);
  } else if (!task.history.empty()) {
    throw ConfigError({{}, 0, "--history"}, {"none beside learning by acting", "a --log", ""});
  }
  const FeedWorld feed = open_feed(task.world);
  if (log && log->manifest.fingerprint != feed.data->fingerprint) {
    throw ConfigError({task.log, 0, "fingerprint"},
                      {log->manifest.fingerprint, feed.data->fingerprint + ", that of the world it names",
                       "the log was made by another version: make it anew with veer log"});
  }
  const auto of = [&](Part part) { return feed_scenario(feed, task.world.scenario, part); };
  const std::unique_ptr<const Scenario> training = of(Part::train_plan), validation = of(Part::validation),
                                        tests = of(Part::test);
  const Scenario& test = *tests;
  const TrainedFusion trained = log ? learn_from_log(task, session, *log, *validation)
                                    : learn_by_acting(task, session, *training, *validation);
  const Earned agent =
      earned_by(test, *make_fusion_policy(trained.model, task.agent), Mode::greedy, seed, task.episodes);
  const Earned random =
      earned_by(test, RandomWeights("random", test.spec().reals), Mode::sample, seed, task.episodes);

  ModelManifest manifest;
  manifest.fitted_on = "train_plan";
  manifest.dataset_fingerprint = feed.data->fingerprint;
  manifest.dataset_name = feed.data->name;
  manifest.seed = seed;
  manifest.metrics = trained.metrics;
  manifest.metrics["test_return"] = agent.reward.mean;
  manifest.metrics["test_pages"] = agent.pages.mean;
  manifest.hyper_parameters["learned_from"] = log ? log->manifest.regime : "acting";
  const ModelFile file = fusion_file(trained.model, std::move(manifest));
  write_model(task.files.output, file);
  std::filesystem::remove(task.files.checkpoint.empty() ? task.files.output + ".checkpoint"
                                                        : task.files.checkpoint);
  if (session.console.json()) {
    nlohmann::ordered_json out = describe_model(file.manifest);
    for (const auto& [name, earned] : {std::pair("random", &random), {"agent", &agent}}) {
      out["test_people"][name] = {{"return", earned->reward.mean},
                                  {"low", earned->reward.low},
                                  {"high", earned->reward.high},
                                  {"pages", earned->pages.mean}};
    }
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  Table table({"on test people", "return", "95 % interval", "pages"});
  const auto row = [&](const std::string& name, const Earned& e) {
    table.add({name, fmt::format("{:.3f}", e.reward.mean),
               fmt::format("{:.3f} to {:.3f}", e.reward.low, e.reward.high),
               fmt::format("{:.2f}", e.pages.mean)});
  };
  row("random", random);
  row(task.agent, agent);
  session.console.out() << table.text();
  if (!trained.note.empty()) session.console.note(trained.note);
}

}  // namespace veer::tools
