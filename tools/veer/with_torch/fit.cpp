// veer fit MODEL --data data.h5 -o user.model.h5
#include "simulators/fitting/fit.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "env/error.h"
#include "env/nn/sequence_model_file.h"
#include "env/store/dataset_file.h"
#include "simulators/sequence/sequence_user.h"
#include "tools/veer/figures/trust/long_run_of_fit.h"
#include "tools/veer/fitting/behaviour_fit.h"
#include "tools/veer/fitting/ensemble_fit.h"
#include "tools/veer/fitting/fit_report.h"
#include "tools/veer/fitting/purchases_fit.h"
#include "tools/veer/fitting/response_fit.h"
#include "tools/veer/fitting/reward_fit.h"
#include "tools/veer/fitting/semantic_ids_fit.h"
#include "tools/veer/fitting/shift_fit.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/worlds/learned.h"

namespace veer::tools {
namespace {

struct FitCommand {
  std::string kind;
  std::string data;
  std::string output;
  std::string people = "all";
  std::string budget;
  std::string checkpoint;
  bool fresh = false;
  std::int32_t bag = 0;              // members; 0: one model
  std::vector<std::string> members;  // of an ensemble of fitted models
  // absent: the kind's own default
  std::optional<std::int32_t> hidden, layers, heads, inner, positions;
  std::optional<float> dropout, attention_dropout;
  FitOptions options;
  ShiftOptions shift;
  SemanticIdOptions semantic_ids;
  PurchaseOptions purchases;
  RewardOptions reward;
  ResponseOptionsOfFit response;
  BehaviourOptionsOfFit behaviours;
  const CLI::App* app = nullptr;  // to see what was given

  bool given(const std::string& option) const {
    const CLI::Option* found = app->get_option_no_throw(option);
    return found != nullptr && found->count() > 0;
  }
};

nn::SequenceConfig config_of(const FitCommand& command, std::int32_t items) {
  if (command.kind != "sasrec" && command.kind != "gru4rec") {
    throw ConfigError(
        {{}, 0, "MODEL"},
        {"'" + command.kind + "'",
         "sasrec, gru4rec, shift_user, ensemble, semantic_ids, purchases, reward, response or behaviours",
         ""});
  }
  nn::SequenceConfig config =
      command.kind == "sasrec" ? nn::SequenceConfig::sasrec(items) : nn::SequenceConfig::gru4rec(items);
  config.hidden = command.hidden.value_or(config.hidden);
  config.layers = command.layers.value_or(config.layers);
  config.heads = command.heads.value_or(config.heads);
  config.inner = command.inner.value_or(config.inner);
  config.positions = command.positions.value_or(config.positions);
  config.dropout = command.dropout.value_or(config.dropout);
  config.attention_dropout = command.attention_dropout.value_or(config.attention_dropout);
  return config;
}

FitPeople people_of(const std::string& word) {
  if (word == "all") return FitPeople::everyone;
  if (word == "train_plan") return FitPeople::train_plan;
  if (word == "train_judge") return FitPeople::train_judge;
  throw ConfigError({{}, 0, "--people"}, {"'" + word + "'", "all, train_plan or train_judge", ""});
}

std::int64_t learners(const Dataset& data, FitPeople people) {
  if (people == FitPeople::everyone) return data.interactions.users();
  const Part part = people == FitPeople::train_plan ? Part::train_plan : Part::train_judge;
  return static_cast<std::int64_t>(data.users_of(part).size());
}

BehaviourFitTask behaviour_task(const FitCommand& command) {
  BehaviourFitTask task{.own = command.behaviours,
                        .data = command.data,
                        .people = command.people,
                        .output = command.output,
                        .profiles = command.response.profiles,
                        .loss = command.response.loss,
                        .slots = command.response.slots,
                        .passes = command.response.passes,
                        .positions = command.positions,
                        .layers = command.layers,
                        .heads = command.heads,
                        .inner = command.inner,
                        .hidden = command.hidden,
                        .dropout = command.dropout,
                        .learning_rate = {}};
  if (command.given("--learning-rate")) task.learning_rate = command.options.learning_rate;
  return task;
}

/// Fits of a few passes know neither budgets, checkpoints nor bags: what would be ignored is refused.
void refuse_foreign_options(const FitCommand& command) {
  const auto refuse = [&](std::initializer_list<const char*> options, const char* kinds,
                          const char* instead) {
    for (const char* option : options) {
      if (command.given(option)) {
        throw ConfigError({{}, 0, option}, {"a fit of " + command.kind, kinds, instead});
      }
    }
  };
  refuse({"--budget", "--epochs", "--patience"}, "sasrec, gru4rec or shift_user",
         "--passes says how long it learns");
  refuse({"--checkpoint", "--fresh"}, "sasrec, gru4rec or shift_user", "it is short and begins anew");
  refuse({"--bag", "--base", "--batch-targets", "--held-out-items"}, "sasrec, gru4rec or shift_user", "");
  refuse({"--member"}, "ensemble", "");
  refuse({"--vectors", "--codes", "--balanced", "--published"}, "semantic_ids", "");
  if (command.kind == "response") {
    refuse({"--learning-rate", "--hidden", "--layers", "--heads", "--inner", "--positions", "--dropout",
            "--attention-dropout"},
           "sasrec, gru4rec or behaviours", "its network and its learning rate are the published ones");
  }
}

void run_fit(FitCommand& command, const Session& session) {
  if (command.kind == "behaviours" || command.kind == "response") {
    refuse_foreign_options(command);
    (void)usable_device(session.common.device);
  }
  if (command.kind == "behaviours") return run_behaviour_fit(behaviour_task(command), session);
  if (command.data.empty()) {
    throw ConfigError({{}, 0, "--data"}, {"nothing", "a dataset file", "veer import makes one"});
  }
  if (command.kind == "semantic_ids") {
    return run_semantic_ids_fit(command.semantic_ids, command.data, command.output, session);
  }
  if (command.kind == "purchases") {
    return run_purchases_fit(command.purchases, command.data, command.people, command.output, session);
  }
  if (command.kind == "reward") {
    return run_reward_fit(
        command.reward, {command.semantic_ids.vectors, command.purchases.window, command.purchases.purchase},
        command.data, command.people, command.output, session);
  }
  if (command.kind == "response") {
    return run_response_fit(command.response, command.data, command.people, command.output, session);
  }
  if (usable_device(session.common.device) != "cpu") {
    session.console.note("fitting runs on the CPU; --device says where fitted models are used");
  }
  const Dataset data = read_dataset(command.data);
  FitOptions& options = command.options;
  const bool shifts = command.kind == "shift_user";
  if (command.kind == "ensemble") {
    check_output("--output", command.output, "model");
    return run_ensemble(command.members, data, command.output, session);
  }
  if (!command.members.empty()) {
    throw ConfigError({{}, 0, "--member"}, {"a fit of " + command.kind, "veer fit ensemble", ""});
  }
  if (!shifts) options.model = config_of(command, data.catalogue.size());
  options.people = people_of(command.people);
  options.seed = session.common.seed;
  options.budget_seconds = command.budget.empty() ? 0.0 : seconds_from("--budget", command.budget);
  options.checkpoint = command.checkpoint.empty() ? command.output + ".checkpoint" : command.checkpoint;
  if (std::filesystem::path(options.checkpoint).lexically_normal() ==
      std::filesystem::path(command.output).lexically_normal()) {
    throw ConfigError({{}, 0, "--checkpoint"}, {"the name of --output", "a file of its own", ""});
  }
  check_output("--output", command.output, "model");
  check_output("--checkpoint", options.checkpoint, "checkpoint");
  if (command.fresh) std::filesystem::remove(options.checkpoint);
  if (std::filesystem::exists(options.checkpoint)) {
    session.console.note("going on from " + options.checkpoint.string() + " (--fresh begins anew)");
  }
  std::error_code ignored;
  if (shifts) {
    ShiftTask task = shift_task(command.shift, command.people, data, session);
    task.fit.budget_seconds = options.budget_seconds;
    if (command.bag > 0) {
      const auto fit_member = [&](std::uint64_t seed, const std::filesystem::path& checkpoint,
                                  const std::string&) {
        task.fit.seed = seed;
        task.fit.resample = true;
        task.fit.checkpoint = checkpoint;
        return shift_file_of(task, shift::fit_shift_user(data, task.base, task.fit), data);
      };
      return run_bag({command.bag, options.seed, options.checkpoint, command.fresh, fit_member}, data,
                     command.output, session);
    }
    task.fit.checkpoint = options.checkpoint;
    run_shift_fit(task, data, command.output, session);
    std::filesystem::remove(options.checkpoint, ignored);
    return;
  }
  session.console.note(fmt::format("fitting {} on {} of {}: {} people, {} items, {} parameters", command.kind,
                                   fitted_on(options.people), data.name,
                                   grouped(learners(data, options.people)), grouped(data.catalogue.size()),
                                   grouped(nn::parameter_count(options.model))));
  if (command.bag > 0) {
    const auto fit_member = [&](std::uint64_t seed, const std::filesystem::path& checkpoint,
                                const std::string& label) {
      FitOptions own = options;
      own.seed = seed;
      own.resample = true;
      own.checkpoint = checkpoint;
      const FitResult result = fit_with_progress(data, own, session.console, command.kind + " " + label);
      return nn::to_model_file(result.model, manifest_of(result, own, data));
    };
    return run_bag({command.bag, options.seed, options.checkpoint, command.fresh, fit_member}, data,
                   command.output, session);
  }
  const FitResult result = fit_with_progress(data, options, session.console, command.kind);

  ModelManifest manifest = manifest_of(result, options, data);
  save_sequence_user(command.output, result.model, manifest);
  std::filesystem::remove(options.checkpoint, ignored);
  if (add_long_run(*make_sequence_user(result.model), data, options.seed, session.console, manifest)) {
    save_sequence_user(command.output, result.model, manifest);
  }
  print_fit(session.console, command.output, result);
  print_long_run(session.console, manifest);
}

}  // namespace

void add_fit(Program& program) {
  auto command = std::make_shared<FitCommand>();
  CLI::App& app = program.add(
      "fit",
      "Fits a user model to a dataset and measures it on held-out people; or makes tokens for its items.",
      "veer fit sasrec --data ml-1m.h5 --people train_plan --budget 30m -o plan.model.h5\n"
      "         veer fit gru4rec --data ml-1m.h5 --people train_judge --seed 2 -o judge.model.h5\n"
      "         veer fit shift_user --base plan.model.h5 --data ml-1m.h5 -o shift.model.h5\n"
      "         veer fit shift_user --base plan.model.h5 --data ml-1m.h5 --bag 5 -o bag.model.h5\n"
      "         veer fit ensemble --member a.model.h5 --member b.model.h5 --data ml-1m.h5 -o ab.model.h5\n"
      "         veer fit semantic_ids --vectors plan.model.h5 --data ml-1m.h5 -o ids.model.h5\n"
      "         veer fit purchases --data shop.h5 -o buyers.model.h5\n"
      "         veer fit reward --data ml-1m.h5 -o satisfaction.model.h5\n"
      "         veer fit response --data ml-1m.h5 --profiles users.dat -o clicks.model.h5\n"
      "         veer fit behaviours --data kuairand.h5 -o behaviours.model.h5\n\n"
      "Policies plan with a model of train_plan; a judge is fitted on train_judge, with another seed.\n"
      "Interrupted fits of sasrec, gru4rec and shift_user go on from their checkpoint. Recall, NDCG, MRR and "
      "the\n"
      "calibration of acceptance on held-out people are printed and kept in the file (veer info).",
      [command](const Session& session) { run_fit(*command, session); });
  app.add_option("MODEL", command->kind,
                 "sasrec, gru4rec, shift_user, ensemble (models that are fitted already, in one file), "
                 "semantic_ids (tokens of items), purchases (what people buy of what they take), reward "
                 "(what taking an item is worth to them), response (how people answer slates), or behaviours "
                 "(all that they do with the items of slates)")
      ->required();
  app.add_option("--data", command->data, "dataset file (behaviours: may be left out, for made-up people)")
      ->type_name("FILE");
  app.add_option("-o,--output", command->output, "model file to write")->required()->type_name("FILE");
  app.add_option(
         "--people", command->people,
         "whose logs: all (but each person's last two items, for published ranking figures), train_plan (for "
         "models policies plan with) or train_judge (for judges, and what purchases, reward and response "
         "learn "
         "from "
         "unless told)")
      ->capture_default_str();
  app.add_option(
         "--budget", command->budget,
         "wall time such as 90s, 30m or 1.5h, interruptions left out, then the best weights so far; default: "
         "no limit")
      ->type_name("TIME");
  app.add_option("--checkpoint", command->checkpoint, "file to go on from; default: OUTPUT.checkpoint")
      ->type_name("FILE");
  app.add_option("--bag", command->bag,
                 "fit that many models, each on people drawn with replacement, into one ensemble, whose "
                 "members' disagreement is reported with whatever it says; --budget is for each")
      ->check(CLI::Range(2, 100))
      ->type_name("K");
  app.add_option("--member", command->members, "ensemble: a model file; to be repeated")
      ->type_name("FILE")
      ->take_all()
      ->allow_extra_args(false);
  app.add_flag("--fresh", command->fresh, "begin anew even where a checkpoint exists");
  command->app = &app;
  FitOptions& options = command->options;
  const std::string training = "Training";
  app.add_option("--epochs", options.max_epochs, "passes over the logs, at most")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--patience", options.patience, "epochs without a better validation MRR@10 before the end")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--learning-rate", options.learning_rate,
                 "of Adam; lower it when a fit diverges (behaviours: default 0.0001)")
      ->capture_default_str()
      ->group(training);
  app.add_option("--batch-targets", options.batch_targets,
                 "next items predicted per update; fewer mean more updates in an epoch")
      ->capture_default_str()
      ->group(training);
  app.add_option("--held-out-items", options.held_out_items,
                 "train_plan, train_judge: last items per held-out person that are predicted")
      ->capture_default_str()
      ->group(training);
  const std::string network = "Network";
  app.add_option("--hidden", command->hidden,
                 "width of item vectors; default: 64 (behaviours: of the network behind the queries, 128)")
      ->check(positive())
      ->group(network);
  app.add_option("--layers", command->layers, "sasrec, behaviours: blocks; default: 2")
      ->check(positive())
      ->group(network);
  app.add_option("--heads", command->heads, "sasrec, behaviours: attention heads; default: 2, behaviours 4")
      ->check(positive())
      ->group(network);
  app.add_option("--inner", command->inner,
                 "sasrec: feed-forward width, default: 256; gru4rec: width of the GRU, default: 128; "
                 "behaviours: 64")
      ->check(positive())
      ->group(network);
  app.add_option("--positions", command->positions,
                 "newest items of a history that are read; default: 50, behaviours 100")
      ->check(positive())
      ->group(network);
  app.add_option("--dropout", command->dropout,
                 "share of values dropped in training; default: sasrec 0.5, gru4rec 0.3, behaviours 0.1")
      ->group(network);
  app.add_option("--attention-dropout", command->attention_dropout,
                 "sasrec: the same for attention; default: 0.5")
      ->group(network);
  add_shift_options(app, command->shift);
  add_semantic_id_options(app, command->semantic_ids);
  add_purchase_options(app, command->purchases);
  add_reward_options(app, command->reward);
  add_response_options(app, command->response);
  add_behaviour_options(app, command->behaviours);
}

}  // namespace veer::tools
