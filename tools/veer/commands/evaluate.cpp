// veer evaluate --data x.h5 --users user.model.h5 --policy P ... -o run/
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string_view>

#include "env/error.h"
#include "scenarios/population.h"
#include "tools/veer/figures/guidance/budget_report.h"
#include "tools/veer/figures/guidance/difficulty_report.h"
#include "tools/veer/figures/guidance/group_report.h"
#include "tools/veer/figures/guidance/leaderboard.h"
#include "tools/veer/figures/guidance/people_groups.h"
#include "tools/veer/figures/methods/method_report.h"
#include "tools/veer/figures/watching/live_board.h"
#include "tools/veer/figures/watching/stopping.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/worlds/playing.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {
namespace {

struct EvaluateCommand {
  WorldOptions world;
  PlayOptions play;
  StoppingOptions stopping;
  BudgetOptions budget;
  std::vector<std::string> policies;
  std::vector<std::string> methods;  ///< NAME=POLICY, where a method has several training seeds
  std::string output;
  std::string baseline;
  std::string by;
  bool watch = false;
  std::string tensorboard;
  std::int64_t episodes = 0;  ///< 0: not given
  bool greedy = false;
};

/// What the tables say, for --help.
constexpr std::string_view columns_help =
    "What the tables of guidance-v1 show, as means over episodes:\n"
    "  IoI            increase of interest: natural log of the target's probability, after minus before\n"
    "  IoR            increase of rank: places the target climbed in the catalogue\n"
    "  CTR            probability that the person accepts what was shown; comparable under one model only\n"
    "  Coherence      share of neighbouring items on the path with an attribute in common, undefined for\n"
    "                 fewer than two accepted items (the paper's); the released evaluator's variant, which\n"
    "                 counts the target as the last neighbour, is coherence_target under --json\n"
    "  Accepted, Left share of shown items that were taken; of people who left (--acceptance sampled)\n"
    "  Reached        share of episodes in which the target was accepted; Steps to it: in how many steps\n"
    "                 (--acceptance sampled, or --end-at-target yes)\n"
    "  Length         items shown\n"
    "  Apart          under an ensemble: how far its members are apart, as the standard deviation over them "
    "of\n"
    "                 the probability of acceptance (p) and of ln p of the target, mean over steps\n"
    "  Off data       share of steps that nobody took whom models may learn from (train_plan, train_judge):\n"
    "                 no log leads from the item taken last to the one shown; models extrapolate\n"
    "Behind ± stands half the width of the 95 % interval; the episodes of one person count together.\n"
    "With --by difficulty: easy, at most 1 transition in the logs of train_plan from one of the person's 3\n"
    "newest items to the target; medium, 2; hard, 3 or more; unreachable, none lead there.\n";

/// The episodes by cohort, with what is known of its new people.
EpisodeGroups cohorts_of(const Population& population, const Trajectories& paths, std::uint64_t seed) {
  EpisodeGroups out = cohort_groups(population.recipe(), paths, seed);
  for (std::size_t c = 0; c < out.groups.size(); ++c) {
    const TasteDensity* tastes = population.tastes_of(static_cast<std::int32_t>(c));
    if (tastes != nullptr) out.groups[c].meaning += fmt::format(", bandwidth {:.2f}", tastes->bandwidth());
  }
  return out;
}

/// Plays as the options say. With a stopping rule `stopping` tells how it went, and the command's number of
/// episodes becomes what was played.
Played play_all(EvaluateCommand& command, const World& world, const std::vector<Entrant>& entrants,
                const FigureSet& figures, const Session& session, const OnPolicy& score,
                std::optional<Stopping>& stopping) {
  LiveBoard board(session.console, command.watch, command.tensorboard);
  PlayOptions options = command.play;
  if (command.watch || !command.tensorboard.empty()) {
    options.on_wave = [&](const std::string& policy, const Trajectories& paths) { board.add(policy, paths); };
  }
  if (command.stopping.halfwidth == 0.0) {
    Played played = command.output.empty()
                        ? play(world, entrants, options, session.console, score)
                        : play_into(command.output, world, entrants, options, session.console, score);
    if (played.failed.size() == entrants.size()) played.require_all();
    return played;
  }
  std::vector<std::string> names;
  for (const Entrant& entrant : entrants) names.push_back(entrant.name);
  stopping.emplace(command.stopping, figures, std::move(names), command.baseline, looks_of(command.play));
  const Stopped stopped =
      play_until(command.output, world, entrants, options, session.console,
                 {.add = [&](std::size_t policy, const Trajectories& batch) { stopping->add(policy, batch); },
                  .enough = [&](std::int64_t episodes) { return stopping->enough(episodes); }},
                 score);
  command.play.episodes = stopped.episodes;
  return {stopped.digest, {}};
}

void tell_digest(const EvaluateCommand& command, const Played& played, const Session& session) {
  if (played.digest.empty()) return;
  session.console.out() << fmt::format("Run: {}, digest {}\n", command.output, played.digest);
}

/// Without a target no path leads anywhere: what people did is the result.
Played run_without_targets(EvaluateCommand& command, const World& world, const std::vector<Entrant>& entrants,
                           const Session& session) {
  if (command.by == "difficulty" || command.by == "cohort") {
    throw ConfigError({{}, 0, "--by"}, {"'" + command.by + "' in " + world.scenario().spec().id,
                                        "history, activity or attribute", "it is about targets"});
  }
  std::optional<EpisodeGroups> groups;
  MethodScores scores(world.scenario().spec().id, {}, {}, world.data(), world.item_vectors());
  std::int64_t steps = 0;
  std::vector<std::string> played_policies;
  const auto score = [&](const std::string& policy, const Trajectories& sessions) {
    played_policies.push_back(policy);
    scores.add(policy, sessions, "policy " + policy);
    if (!command.by.empty() && !groups) groups = people_groups(command.by, world.data(), sessions);
    steps += sessions.steps();
  };
  std::optional<Stopping> stopping;
  const Played played = play_all(command, world, entrants, scores.figures(), session, score, stopping);
  // Where the baseline failed another one takes its place; one that is a training seed stands for its method.
  if (played.has_failed(command.baseline)) command.baseline = baseline_of(played_policies, "");
  const std::vector<Method> methods = parse_methods(command.methods);
  for (const Method& method : methods) {
    if (std::ranges::find(method.policies, command.baseline) != method.policies.end()) {
      command.baseline = method.name;
      break;
    }
  }
  scores.group(methods);
  const MethodReport report(scores, command.baseline, {.seed = session.common.seed});
  if (session.console.json()) {
    nlohmann::ordered_json out;
    out["scenario"] = world.scenario().spec().id;
    out["dataset"] = {{"name", world.data().name}, {"fingerprint", world.data().fingerprint}};
    out["seed"] = session.common.seed;
    out["steps"] = steps;
    out["run"] = command.output;
    out["digest"] = played.digest;
    if (stopping) out["stopping"] = stopping->json();
    if (!played.failed.empty()) out["failed"] = played.failures_json();
    out.update(report.json());
    if (groups) out["by_" + groups->by] = method_groups_json(report, *groups, {.seed = session.common.seed});
    session.console.out() << out.dump(2) << '\n';
    return played;
  }
  session.console.out() << fmt::format("{} on {}: {} episodes per policy, seed {}, {}\n\n",
                                       world.scenario().spec().id, world.data().name, command.play.episodes,
                                       session.common.seed, words_of(command.play.mode))
                        << report.text();
  if (groups)
    session.console.out() << "\n" << method_groups_text(report, *groups, {.seed = session.common.seed});
  if (stopping) session.console.out() << "\n" << stopping->text();
  tell_digest(command, played, session);
  return played;
}

Played play_and_tell(EvaluateCommand& command, const Session& session) {
  command.play.seed = session.common.seed;
  command.play.mode = command.greedy ? Mode::greedy : Mode::sample;
  World world(command.world, session.common.device);
  for (const std::string& remark : world.remarks()) session.console.note(remark);
  if (command.by == "cohort" && world.population() == nullptr) {
    throw ConfigError({{}, 0, "--by"}, {"cohort without --population", "a population file", ""});
  }
  const std::vector<Entrant> entrants = world.enter(command.policies);
  std::vector<std::string> names;
  for (const Entrant& entrant : entrants) names.push_back(entrant.name);
  // --baseline may stand as behind --policy or as in the tables, which differ where files are named.
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (command.policies[i] == command.baseline) command.baseline = names[i];
  }
  const std::vector<Method> methods = parse_methods(command.methods);
  const bool is_method = std::ranges::find(methods, command.baseline, &Method::name) != methods.end();
  if (is_method && command.stopping.halfwidth != 0.0) {
    throw ConfigError({{}, 0, "--baseline"},
                      {"'" + command.baseline + "', a method", "a policy beside --until-halfwidth",
                       "what decides when to stop is measured policy by policy"});
  }
  if (!is_method) command.baseline = baseline_of(names, command.baseline);
  if (command.stopping.halfwidth != 0.0) {
    command.episodes = command.stopping.budget;
  } else if (!command.stopping.metric.empty() || command.stopping.budget != 0) {
    throw ConfigError({{}, 0, "--until-halfwidth"}, {"none beside --metric or --budget", "a half-width", ""});
  }
  const PathBudget limits = budget_of(command.budget, world.scenario().spec().id, world.data().catalogue);
  command.play.episodes =
      episodes_to_play(command.episodes, world.pairs(), command.world.targets, session.console);
  if (world.has_sessions() || world.has_slates() || world.has_feed())
    return run_without_targets(command, world, entrants, session);
  if (!command.methods.empty()) {
    throw ConfigError({{}, 0, "--method"},
                      {"one in " + world.scenario().spec().id, "session-v1, slate-v1 or fusion-v1",
                       "veer compare takes methods from recorded paths"});
  }
  Leaderboard board(*world.panel(), {.seed = session.common.seed,
                                     .sampled = world.scenario().spec().acceptance == Acceptance::sampled,
                                     .ends_at_target = command.world.end_at_target == "yes",
                                     .baseline = command.baseline});
  std::optional<BudgetReport> budget;
  if (!limits.empty()) budget.emplace(limits, world.data(), world.panel()->names());
  std::optional<EpisodeGroups> groups;
  std::optional<std::int64_t> known_targets;
  std::int64_t steps = 0;
  const auto score = [&](const std::string& policy, const Trajectories& paths) {
    board.add(policy, paths, world.attributes(), world.support(paths));
    if (budget) budget->add(policy, paths, "policy " + policy);
    // Where an episode starts does not depend on who plays it.
    if (!command.by.empty() && !groups) {
      groups = command.by == "cohort"       ? cohorts_of(*world.population(), paths, command.play.seed)
               : command.by == "difficulty" ? groups_of(difficulty_of(world.item_graph(), paths))
                                            : people_groups(command.by, world.data(), paths);
    }
    if (!known_targets) known_targets = targets_in_history(paths);
    steps += paths.steps();
  };
  const FigureSet figures(world.scenario().spec().id, world.data());
  std::optional<Stopping> stopping;
  const Played played = play_all(command, world, entrants, figures, session, score, stopping);

  if (budget) {
    std::vector<Method> methods;
    for (std::size_t p = 0; p < board.policies(); ++p)
      methods.push_back({board.policy(p), {board.policy(p)}});
    // Where the baseline failed the first of the others takes its place.
    const bool failed = played.has_failed(command.baseline);
    budget->finish(methods, find_method(methods, failed ? "" : command.baseline),
                   {.seed = session.common.seed});
  }
  if (known_targets.value_or(0) > 0) {
    session.console.note(
        fmt::format("{} of {} episodes begin with their target among the items already taken", *known_targets,
                    command.play.episodes));
  }

  if (session.console.json()) {
    nlohmann::ordered_json out;
    out["scenario"] = world.scenario().spec().id;
    out["dataset"] = {{"name", world.data().name}, {"fingerprint", world.data().fingerprint}};
    out["acceptance"] = command.world.acceptance;
    out["targets"] = command.world.targets;
    out["seed"] = session.common.seed;
    out["episodes"] = command.play.episodes;
    out["steps"] = steps;
    out["targets_in_history"] = known_targets.value_or(0);
    out["run"] = command.output;
    out["digest"] = played.digest;
    if (stopping) out["stopping"] = stopping->json();
    if (!played.failed.empty()) out["failed"] = played.failures_json();
    out.update(board.json());
    if (budget) out["budget"] = budget->json();
    if (groups) out["by_" + groups->by] = groups_json(board, *groups);
    session.console.out() << out.dump(2) << '\n';
    return played;
  }
  session.console.out() << fmt::format(
                               "{} on {}: acceptance {}, targets {}, {} episodes per policy, seed {}, {}\n\n",
                               world.scenario().spec().id, world.data().name, command.world.acceptance,
                               command.world.targets, command.play.episodes, session.common.seed,
                               words_of(command.play.mode))
                        << board.text(session.console);
  if (budget) session.console.out() << "\n" << budget->text();
  if (stopping) session.console.out() << "\n" << stopping->text();
  if (groups) session.console.out() << "\n" << groups_text(board, *groups, session.console);
  tell_digest(command, played, session);
  return played;
}

void run_evaluate(EvaluateCommand& command, const Session& session) {
  play_and_tell(command, session).require_all();
}

}  // namespace

void add_evaluate(Program& program) {
  auto command = std::make_shared<EvaluateCommand>();
  CLI::App& app = program.add(
      "evaluate", "Plays policies against simulated people and ranks them.",
      "veer evaluate --data ml-1m.h5 --users plan.model.h5 --judge gru=gru.model.h5 \\\n"
      "           --policy random --policy beam:width=4 --episodes 1000 -o run\n"
      "         veer evaluate --scenario session-v1 --data shop.h5 --users judge.model.h5 \\\n"
      "           --purchases buyers.model.h5 --policy agent:model=sqn.model.h5 --policy popular\n"
      "         veer evaluate --scenario slate-v1 --world rl4rs-session --policy random --policy "
      "greedy_slate\n\n" +
          std::string(columns_help) + "\nPolicies:\n" + all_policies("cpu").help(),
      [command](const Session& session) { run_evaluate(*command, session); });
  add_world_options(app, command->world);
  app.add_option("--policy", command->policies, "a policy with its parameters, see below; may be repeated")
      ->required()
      ->type_name("P")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("-o,--output", command->output,
                 "run directory; continued when it holds a part of this run; default: nothing is kept")
      ->type_name("DIR")
      ->check([](const std::string& name) {
        return name.empty()
                   ? std::string(
                         "found an empty name; expected a directory; without the option nothing is kept")
                   : std::string();
      });
  app.add_option("--baseline", command->baseline,
                 "the one of these policies or methods that the others are compared with; default: the first "
                 "random one")
      ->type_name("P");
  app.add_option(
         "--by", command->by,
         "difficulty: also a table for each tier of targets, by how few transitions of the training "
         "logs lead there from what the person took last; cohort: for each cohort of --population; history, "
         "activity, attribute: by the length of the history an episode begins with, by how much the "
         "person did in the logs, by what most of the history is")
      ->check(CLI::IsMember({"difficulty", "cohort", "history", "activity", "attribute"}))
      ->type_name("WHAT");
  app.add_option("--method", command->methods,
                 "session-v1, slate-v1, fusion-v1: NAME=POLICY, as tables name it: the policy is one "
                 "training seed of that "
                 "method; to be repeated (guidance-v1: veer compare)")
      ->type_name("M")
      ->take_all()
      ->allow_extra_args(false);
  add_watch_options(app, command->watch, command->tensorboard);
  add_budget_options(app, command->budget);
  PlayOptions& play = command->play;
  CLI::Option* episodes =
      app.add_option("--episodes", command->episodes,
                     "per policy; default: 1000, or each pair of a file of people and targets once")
          ->check(positive());
  CLI::Option* budget =
      app.add_option("--budget", command->stopping.budget, "with --until-halfwidth: most episodes per policy")
          ->check(positive());
  app.add_option(
         "--until-halfwidth", command->stopping.halfwidth,
         "play batch after batch until the difference of every policy to --baseline (of one policy: "
         "its mean) has an always-valid 95 % interval of at most this half-width; looks come after one "
         "segment, then a quarter more each")
      ->check(CLI::PositiveNumber)
      ->needs(budget)
      ->excludes(episodes)
      ->type_name("H");
  app.add_option("--metric", command->stopping.metric,
                 "with --until-halfwidth: of what, a name under --json; default: the first of the scenario")
      ->type_name("NAME");
  app.add_flag("--greedy", command->greedy,
               "policies take their best guess instead of drawing from their distribution");
  app.add_option("--segment-episodes", play.segment_episodes,
                 "episodes per file of the run: what an interruption can cost")
      ->check(positive())
      ->capture_default_str();
  app.add_option("--rows", play.rows,
                 "episodes in flight, 0: enough to keep all threads busy; results do not depend on it")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  app.add_option("--cache-mb", play.cache_mb,
                 "bound in MiB on the key/value caches in use: fewer threads play at once, results do not "
                 "depend on it")
      ->check(not_negative())
      ->capture_default_str();
}

}  // namespace veer::tools
