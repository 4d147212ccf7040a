// veer evaluate --data x.h5 --users user.model.h5 --policy P ... -o run/
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "env/error.h"
#include "tools/veer/checks.h"
#include "tools/veer/difficulty_report.h"
#include "tools/veer/leaderboard.h"
#include "tools/veer/playing.h"
#include "tools/veer/program.h"
#include "tools/veer/world.h"

namespace veer::tools {
namespace {

struct EvaluateCommand {
  WorldOptions world;
  PlayOptions play;
  std::vector<std::string> policies;
  std::string output;
  std::string baseline;
  std::string by;
  std::int64_t episodes = 0;  ///< 0: not given
  bool greedy = false;
};

void run_evaluate(EvaluateCommand& command, const Session& session) {
  command.play.seed = session.common.seed;
  command.play.mode = command.greedy ? Mode::greedy : Mode::sample;
  World world(command.world, session.common.device);
  const std::vector<Entrant> entrants = world.enter(command.policies);
  std::vector<std::string> names;
  for (const Entrant& entrant : entrants) names.push_back(entrant.name);
  Leaderboard board(world.panel(), {.seed = session.common.seed,
                                    .sampled = world.scenario().spec().acceptance == Acceptance::sampled,
                                    .ends_at_target = command.world.end_at_target == "yes",
                                    .baseline = baseline_of(names, command.baseline)});
  command.play.episodes =
      episodes_to_play(command.episodes, world.pairs(), command.world.targets, session.console);
  std::optional<EpisodeDifficulty> difficulty;
  std::optional<std::int64_t> known_targets;
  std::int64_t steps = 0;
  const auto score = [&](const std::string& policy, const Trajectories& paths) {
    board.add(policy, paths, world.attributes());
    // Where an episode starts does not depend on who plays it.
    if (!command.by.empty() && !difficulty) difficulty = difficulty_of(world.item_graph(), paths);
    if (!known_targets) known_targets = targets_in_history(paths);
    steps += paths.steps();
  };
  std::string digest;
  if (command.output.empty()) {
    play(world, entrants, command.play, session.console, score);
  } else {
    digest = play_into(command.output, world, entrants, command.play, session.console, score);
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
    out["digest"] = digest;
    out.update(board.json());
    if (difficulty) out["by_difficulty"] = difficulty_json(board, *difficulty);
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << fmt::format(
                               "{} on {}: acceptance {}, targets {}, {} episodes per policy, seed {}\n\n",
                               world.scenario().spec().id, world.data().name, command.world.acceptance,
                               command.world.targets, command.play.episodes, session.common.seed)
                        << board.text(session.console);
  if (difficulty) session.console.out() << "\n" << difficulty_text(board, *difficulty, session.console);
  if (!digest.empty()) session.console.out() << fmt::format("Run: {}, digest {}\n", command.output, digest);
}

}  // namespace

void add_evaluate(Program& program) {
  auto command = std::make_shared<EvaluateCommand>();
  CLI::App& app =
      program.add("evaluate", "Plays policies against simulated people and ranks them under every judge.",
                  "veer evaluate --data ml-1m.h5 --users plan.model.h5 --judge gru=gru.model.h5 \\\n"
                  "           --policy random --policy beam:width=4 --episodes 1000 -o run\n\nPolicies:\n" +
                      all_policies("cpu").help(),
                  [command](const Session& session) { run_evaluate(*command, session); });
  add_world_options(app, command->world);
  app.add_option("--policy", command->policies, "a policy with its parameters, see below; may be repeated")
      ->required()
      ->type_name("P")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("-o,--output", command->output, "run directory; continued when it holds a part of this run")
      ->type_name("DIR");
  app.add_option("--baseline", command->baseline,
                 "policy that the others are compared with, as behind --policy; default: the random one")
      ->type_name("P");
  app.add_option("--by", command->by,
                 "difficulty: also a table for each tier of targets, by how few transitions of the training "
                 "logs lead there from what the person took last")
      ->check(CLI::IsMember({"difficulty"}))
      ->type_name("WHAT");
  PlayOptions& play = command->play;
  app.add_option("--episodes", command->episodes,
                 "per policy; default: 1000, or each pair of a file of people and targets once")
      ->check(positive());
  app.add_flag("--greedy", command->greedy,
               "policies take their best guess instead of drawing from their distribution");
  app.add_option("--segment-episodes", play.segment_episodes, "per file of the run")
      ->check(positive())
      ->capture_default_str();
  app.add_option("--rows", play.rows,
                 "episodes in flight, 0: enough to keep all threads busy; results do not depend on it")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  app.add_option(
         "--cache-mb", play.cache_mb,
         "bound on the key/value caches in use: fewer threads play at once, results do not depend on it")
      ->check(not_negative())
      ->capture_default_str();
}

}  // namespace veer::tools
