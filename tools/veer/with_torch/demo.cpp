// veer demo: the main job on an embedded world whose truth is known.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "env/error.h"
#include "env/store/dataset_file.h"
#include "simulators/sequence/sequence_user.h"
#include "simulators/synthetic/synthetic_log.h"
#include "tools/veer/figures/guidance/leaderboard.h"
#include "tools/veer/fitting/fit_report.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/worlds/playing.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {
namespace {

namespace fs = std::filesystem;

struct DemoCommand {
  std::string output;
  std::int64_t episodes = 200;
  std::int32_t people = 1500;
  std::int32_t epochs = 20;
  double fit_seconds = 0.0;
};

/// The folder the demo works in; one of its own is removed at the end.
class Workplace {
 public:
  explicit Workplace(const std::string& wish) : own_(wish.empty()) {
    if (!own_) {
      path_ = wish;
      fs::create_directories(path_);
      return;
    }
    std::string pattern = (fs::temp_directory_path() / "veer-demo-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw IoError({pattern, 0, ""},
                    {"no temporary folder", "one that can be written", "name a folder with -o"});
    }
    path_ = pattern;
  }
  ~Workplace() {
    std::error_code ignored;
    if (own_) fs::remove_all(path_, ignored);
  }
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  bool own_;
  fs::path path_;
};

void fit(const DemoCommand& command, const Session& session, const Dataset& data, nn::SequenceConfig config,
         FitPeople people, std::uint64_t seed, const std::string& path) {
  // Small enough to fit in seconds: the world has a few hundred items.
  config.hidden = 32;
  config.inner = 64;
  config.dropout = 0.2F;
  config.attention_dropout = 0.2F;
  FitOptions options;
  options.model = config;
  options.people = people;
  options.seed = seed;
  options.max_epochs = command.epochs;
  options.patience = 4;
  options.budget_seconds = command.fit_seconds;
  options.learning_rate = 3e-3F;
  options.batch_targets = 1600;
  const FitResult result = fit_with_progress(data, options, session.console, "fit " + config.kind);
  save_sequence_user(path, result.model, manifest_of(result, options, data));
  session.console.note(
      fmt::format("  {} on {}: Recall@10 {:.3f}, MRR@10 {:.3f} on held-out people, {} epochs, {}",
                  config.kind, fitted_on(people), result.test.at(10).recall, result.test.at(10).mrr,
                  result.history.size(), duration_text(result.seconds)));
}

/// One leaderboard, and where its first policy stands under the truth.
nlohmann::ordered_json show_world(const std::string& heading, const WorldOptions& options,
                                  const std::vector<std::string>& policies, const DemoCommand& command,
                                  const Session& session, const std::string& run) {
  World world(options, session.common.device);
  const std::vector<Entrant> entrants = world.enter(policies);
  PlayOptions play;
  play.episodes = command.episodes;
  play.seed = session.common.seed;
  Leaderboard board(*world.panel(), {.seed = play.seed,
                                     .sampled = world.scenario().spec().acceptance == Acceptance::sampled,
                                     .ends_at_target = false,
                                     .baseline = baseline_of(policies, "")});
  const Played played = play_into(run, world, entrants, play, session.console,
                                  [&](const std::string& policy, const Trajectories& paths) {
                                    board.add(policy, paths, world.attributes(), world.support(paths));
                                  });
  played.require_all();
  if (!session.console.json()) {
    session.console.out() << session.console.bold(heading) << "\n\n"
                          << board.text(session.console) << "Digest " << played.digest << "\n\n"
                          << std::flush;
  }
  nlohmann::ordered_json out = board.json();
  out["acceptance"] = options.acceptance;
  out["targets"] = options.targets;
  out["digest"] = played.digest;
  return out;
}

void run_demo(const DemoCommand& command, const Session& session) {
  const auto begin = std::chrono::steady_clock::now();
  const Workplace place(command.output);
  const std::uint64_t seed = session.common.seed;

  SyntheticLogParameters parameters;
  parameters.people = command.people;
  parameters.seed = seed;
  parameters.world.seed = seed;
  const SyntheticLog log = generate_synthetic_log(parameters);
  write_dataset(place.file("data.h5"), log.dataset);
  write_model(place.file("truth.model.h5"),
              synthetic_model_file(*log.truth, log.dataset.fingerprint, log.dataset.name));
  session.console.note(
      fmt::format("a synthetic world: {} people, {} items, {} interactions; fitting three user models",
                  grouped(log.dataset.interactions.users()), grouped(log.dataset.catalogue.size()),
                  grouped(log.dataset.interactions.size())));

  const std::int32_t items = log.dataset.catalogue.size();
  fit(command, session, log.dataset, nn::SequenceConfig::sasrec(items), FitPeople::train_plan, seed,
      place.file("plan.model.h5"));
  fit(command, session, log.dataset, nn::SequenceConfig::sasrec(items), FitPeople::train_judge, seed + 1,
      place.file("sasrec-judge.model.h5"));
  fit(command, session, log.dataset, nn::SequenceConfig::gru4rec(items), FitPeople::train_judge, seed + 2,
      place.file("gru4rec-judge.model.h5"));

  const std::vector<std::string> policies{"random",     "popular",       "nearest",
                                          "graph_path", "greedy_reward", "beam:width=4"};
  WorldOptions simulated;
  simulated.data = place.file("data.h5");
  simulated.users = place.file("plan.model.h5");
  simulated.targets = "uniform-unseen";
  simulated.judges = {"sasrec=" + place.file("sasrec-judge.model.h5"),
                      "gru4rec=" + place.file("gru4rec-judge.model.h5"),
                      "truth=" + place.file("truth.model.h5")};
  WorldOptions real = simulated;
  real.users = place.file("truth.model.h5");
  real.planner = place.file("plan.model.h5");
  real.judges.clear();
  real.acceptance = "sampled";

  // A planner that counts on every item being taken loses people who may refuse; one that weighs acceptance
  // need not.
  std::vector<std::string> cautious = policies;
  cautious.emplace_back("beam:width=4,acceptance=2,closed=true");

  nlohmann::ordered_json out;
  out["dataset"] = {{"name", log.dataset.name}, {"fingerprint", log.dataset.fingerprint}};
  out["simulated"] = show_world("1. In the simulator that policies plan with, everything shown is accepted",
                                simulated, policies, command, session, place.file("run-simulated"));
  out["true_people"] =
      show_world("2. Among the true people, who may refuse and leave; policies still plan with the simulator",
                 real, cautious, command, session, place.file("run-true"));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  session.console.note(fmt::format("the demo took {}{}", duration_text(seconds),
                                   command.output.empty() ? "; with -o DIR its files stay" : ""));
  if (session.console.json()) session.console.out() << out.dump(2) << '\n';
}

}  // namespace

void add_demo(Program& program) {
  auto command = std::make_shared<DemoCommand>();
  CLI::App& app = program.add(
      "demo",
      "All of it on an embedded synthetic world whose truth is known: fits, plays, judges, in minutes.",
      "veer demo -o demo", [command](const Session& session) { run_demo(*command, session); });
  app.add_option("-o,--output", command->output, "folder for its files; default: a temporary one")
      ->type_name("DIR");
  app.add_option("--episodes", command->episodes, "episodes per policy and world")
      ->check(positive())
      ->capture_default_str();
  app.add_option("--people", command->people, "people of the synthetic world")
      ->check(CLI::Range(30, 1000000))
      ->capture_default_str();
  app.add_option("--epochs", command->epochs, "passes over the logs per model, at most")
      ->check(positive())
      ->capture_default_str();
  app.add_option(
         "--fit-seconds", command->fit_seconds,
         "seconds per model, 0: no limit; a fit that runs into it makes the figures depend on the machine")
      ->capture_default_str();
}

}  // namespace veer::tools
