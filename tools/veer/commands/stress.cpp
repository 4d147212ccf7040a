// veer stress --data x.h5 --users user.model.h5 --policy P ... --suite standard
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "tools/veer/figures/guidance/leaderboard.h"
#include "tools/veer/figures/watching/live_board.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/worlds/stress_trial.h"

namespace veer::tools {
namespace {

struct StressCommand {
  WorldOptions world;
  TrialOptions trial;
  std::vector<std::string> policies;
  std::string suite = "standard";
  std::string output, csv;
  std::int64_t episodes = 1000;
  bool sampled = false, watch = false, strict = false;
  std::string tensorboard;
};

/// Prints a suite instead of playing, whatever else is asked for.
void print_suite(const std::string& name) {
  std::string known;
  for (const stress::NamedSuite& shipped : stress::shipped_suites()) {
    if (shipped.name == name) throw CLI::CallForVersion(std::string(shipped.text), CLI::ExitCodes::Success);
    known += (known.empty() ? "" : ", ") + std::string(shipped.name);
  }
  throw CLI::ValidationError("--print", "found '" + name + "'; expected one of " + known);
}

stress::StressSuite suite_of(const std::string& word) {
  for (const stress::NamedSuite& shipped : stress::shipped_suites()) {
    if (shipped.name == word) return stress::read_suite(shipped.text, word + ".toml");
  }
  std::error_code ignored;
  if (!std::filesystem::exists(word, ignored)) {
    std::string known;
    for (const stress::NamedSuite& shipped : stress::shipped_suites())
      known += std::string(shipped.name) + ", ";
    throw ConfigError({{}, 0, "--suite"}, {"'" + word + "'", known + "or a file", "no file has this name"});
  }
  return stress::read_suite_file(word);
}

void run_stress(StressCommand& command, const Session& session) {
  const stress::StressSuite suite = suite_of(command.suite);
  if (command.world.scenario == "slate-v1" && !command.world.other_users.empty()) {
    throw ConfigError({{}, 0, "--other-users"},
                      {"a user model in slate-v1", "none", "other_people come in session-v1 alone"});
  }
  if (!command.csv.empty()) check_writable("--csv", command.csv);
  World world(command.world, session.common.device);
  const std::vector<Entrant> entrants = world.enter(command.policies);
  std::vector<std::string> names;
  for (const Entrant& entrant : entrants) names.push_back(entrant.name);
  TrialOptions& options = command.trial;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (command.policies[i] == options.baseline) options.baseline = names[i];
  }
  if (suite.compares() && options.baseline.empty()) {
    throw ConfigError({{}, 0, "--baseline"},
                      {"none", "one of the policies", "the suite has gates that compare with it"});
  }
  if (!options.baseline.empty()) options.baseline = baseline_of(names, options.baseline);
  if (suite.brings_others() && command.world.other_users.empty() && world.has_sessions()) {
    throw ConfigError({{}, 0, "--other-users"},
                      {"none", "a user model's file", "the suite has a test of other_people"});
  }
  if (!suite.brings_others() && !command.world.other_users.empty()) {
    session.console.note("stress: no test of this suite brings the people of --other-users");
  }
  options.play.seed = session.common.seed;
  options.play.episodes = command.episodes;
  options.play.mode = command.sampled ? Mode::sample : Mode::greedy;
  options.output = command.output;
  options.worth = {.click = command.world.click_reward,
                   .purchase = command.world.purchase_reward,
                   .skip = command.world.skip_cost,
                   .slate = world.slate_worths()};
  LiveBoard board(session.console, command.watch, command.tensorboard);
  if (command.watch || !command.tensorboard.empty()) {
    options.watch = &board;
    options.play.on_wave = [&](const std::string& policy, const Trajectories& paths) {
      board.add(policy, paths);
    };
  }
  const Trial trial = run_trial(world, entrants, suite, options, session.console);
  if (!command.csv.empty()) write_file_atomically(command.csv, trial_csv(trial));
  if (session.console.json()) {
    nlohmann::ordered_json out{
        {"scenario", world.scenario().spec().id},
        {"dataset", {{"name", world.data().name}, {"fingerprint", world.data().fingerprint}}},
        {"seed", session.common.seed}};
    out.update(trial_json(trial));
    session.console.out() << out.dump(2) << '\n';
  } else {
    session.console.out() << fmt::format("{} on {}: suite {}, seed {}, {}\n\n", world.scenario().spec().id,
                                         world.data().name, suite.name, session.common.seed,
                                         words_of(options.play.mode))
                          << trial_text(trial, session.console);
  }
  std::string failed, open;
  for (const TestedPolicy& policy : trial.policies) {
    if (policy.verdict == stress::Verdict::fail) failed += (failed.empty() ? "" : ", ") + policy.policy;
    if (policy.verdict == stress::Verdict::undecided) open += (open.empty() ? "" : ", ") + policy.policy;
  }
  if (!failed.empty()) throw Error(ExitCode::gate, "stress: failed: " + failed);
  if (open.empty()) return;
  const std::string undecided = "stress: undecided: " + open + "; play more --episodes";
  if (command.strict) throw Error(ExitCode::gate, undecided);
  session.console.note(undecided + " (exit code 0; 5 with --strict)");
}

}  // namespace

void add_stress(Program& program) {
  auto command = std::make_shared<StressCommand>();
  command->world.scenario = "session-v1";
  std::string shipped;
  for (const stress::NamedSuite& suite : stress::shipped_suites())
    shipped += (shipped.empty() ? "" : ", ") + std::string(suite.name);
  CLI::App& app = program.add(
      "stress", "Plays policies while the world goes wrong, and gates a release on what they keep.",
      "veer stress --data shop.h5 --users judge.model.h5 --purchases buyers.model.h5 \\\n"
      "           --policy popular --policy agent:model=sqn.model.h5 --suite standard -o stress\n"
      "         veer stress --scenario slate-v1 --world ml1m-session --policy popular --suite slates\n"
      "         veer stress --print standard > mine.toml\n\n"
      "Every test plays the episodes of the calm world again, with the same randomness, so that what differs "
      "is the\n"
      "stress. A policy fails where a gate shows that it keeps too little, passes where all gates show that "
      "it "
      "keeps\n"
      "enough, and is undecided otherwise. The exit code is 5 where one fails, with --strict also where one "
      "is "
      "undecided. scenarios/stress/STRESS_FORMAT.md says how to write "
      "a suite.\n"
      "The same command goes on where it was interrupted.",
      [command](const Session& session) { run_stress(*command, session); });
  add_world_options(app, command->world);
  app.add_option("--policy", command->policies,
                 "a policy with its parameters, as for veer evaluate; may be repeated")
      ->required()
      ->type_name("P")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--suite", command->suite, "file of tests and gates, or one of " + shipped)
      ->capture_default_str()
      ->type_name("FILE");
  app.add_option_function<std::string>("--print", print_suite, "print one of these and play nothing")
      ->trigger_on_parse()
      ->type_name("NAME");
  app.add_option("-o,--output", command->output, "directory of a run per test; default: nothing is kept")
      ->type_name("DIR");
  app.add_option("--baseline", command->trial.baseline, "policy that gates compare with")->type_name("P");
  app.add_option("--episodes", command->episodes, "per policy and test")
      ->check(positive())
      ->capture_default_str();
  app.add_flag("--strict", command->strict,
               "exit with 5 where a policy is undecided, too: for release gates");
  app.add_flag("--sampled", command->sampled,
               "policies draw from their distribution instead of taking their best guess");
  add_watch_options(app, command->watch, command->tensorboard);
  app.add_option("--other-users", command->world.other_users,
                 "user model of another kind or of other people, who come in tests of other_people")
      ->type_name("FILE");
  app.add_option("--csv", command->csv, "what every step brought, calm and stressed, for plots")
      ->type_name("FILE");
  app.add_option("--cache-mb", command->trial.play.cache_mb, "bound in MiB on the key/value caches in use")
      ->check(not_negative())
      ->capture_default_str();
}

}  // namespace veer::tools
