#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "agents/generative/path_examples.h"
#include "agents/generative/path_model_file.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
#include "simulators/sequence/sequence_user.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/training/train_agents.h"
#include "tools/veer/training/training_curves.h"
#include "tools/veer/worlds/models.h"

namespace veer::tools {
namespace {

using prorl::TrainingResult;

void add_rules(CLI::App& app, ProRlTask& task, const std::string& group) {
  PathRules& rules = task.training.update.rules;
  app.add_option("--path-items", rules.most_items, "items of a path, at most")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_flag("--allow-target", rules.allow_target, "a path may hold the target")->group(group);
  app.add_flag("--allow-history", rules.allow_history, "a path may hold items of the history")->group(group);
  app.add_flag("--allow-repeats", rules.allow_repeats, "a path may hold an item twice")->group(group);
}

void add_quirks(CLI::App& app, ProRlTask& task) {
  const std::string group = "As the released code of ProRL has it";
  app.add_option("--top-k", task.training.update.rollouts.top_k,
                 "rollouts sample among so many tokens, the gradient takes all; released: 50; 0: all")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  app.add_flag("--mean-over-tokens", task.training.update.mean_over_tokens,
               "an item's log-probability is the mean over its tokens, not their sum")
      ->group(group);
  app.add_flag(
         "--left-padding", task.left_padding,
         "histories are padded on the left, the reward (on validation people too) read as if on the right; "
         "sasrec only")
      ->group(group);
  app.add_option("--acceptance-share", task.training.update.rewards.acceptance_share,
                 "the acceptance part of the reward is multiplied by it; released: 0.1")
      ->capture_default_str()
      ->group(group);
}

/// What else shaped the weights, by the names of the options.
std::map<std::string, std::string> settings_of(const prorl::TrainingOptions& options, std::int32_t history) {
  const prorl::UpdateOptions& update = options.update;
  const auto yes = [](bool value) { return std::string(value ? "true" : "false"); };
  return {{"path_items", std::to_string(update.rules.most_items)},
          {"history", std::to_string(history)},
          {"constrained", yes(update.rules.constrained)},
          {"allow_target", yes(update.rules.allow_target)},
          {"allow_history", yes(update.rules.allow_history)},
          {"allow_repeats", yes(update.rules.allow_repeats)},
          {"reward_weights", fmt::format("{},{},{}", update.rewards.weights[0], update.rewards.weights[1],
                                         update.rewards.weights[2])},
          {"acceptance_share", fmt::format("{}", update.rewards.acceptance_share)},
          {"centred", yes(update.rewards.centre)},
          {"reward_shift", fmt::format("{}", update.rewards.shift)},
          {"top_k", std::to_string(update.rollouts.top_k)},
          {"mean_over_tokens", yes(update.mean_over_tokens)},
          {"rollouts", std::to_string(update.rollouts.per_prompt)},
          {"prompts", std::to_string(options.prompts)},
          {"centring_updates", std::to_string(update.centring_updates)},
          {"learning_rate", fmt::format("{}", update.adam.learning_rate)},
          {"divergence_weight", fmt::format("{}", update.divergence_weight)},
          {"discount", fmt::format("{}", update.discount)}};
}

/// One line per update and per evaluation, for plots.
void write_history(const std::string& path, const TrainingResult& result) {
  std::ofstream out(path);
  out << "update,kind,figure,value\n";
  for (std::size_t i = 0; i < result.updates.size(); ++i) {
    for (const auto& [name, value] : result.updates[i])
      out << fmt::format("{},update,{},{}\n", i + 1, name, value);
  }
  for (const prorl::Evaluation& e : result.evaluations) {
    for (const auto& [name, value] : e.stats)
      out << fmt::format("{},evaluation,{},{}\n", e.update, name, value);
  }
  out.close();
  if (!out) throw IoError({path, 0, ""}, {"a file that could not be written", "a writable place", ""});
}

}  // namespace

void add_prorl_options(CLI::App& app, ProRlTask& task) {
  add_training_files(app, task.files);
  add_path_training(app, task.paths);
  const std::string group = "Guidance by reward";
  prorl::TrainingOptions& training = task.training;
  prorl::UpdateOptions& update = training.update;
  app.add_option("--users", task.users, "user model that gives the reward, fitted on train_plan")
      ->type_name("FILE")
      ->group(group);
  app.add_option(
         "--history", task.known,
         "items of a history that the user model reads, at least; the policy reads the newest of them, as "
         "many as it was pretrained with")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--updates", training.updates, "optimiser steps")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--prompts", training.prompts, "histories and targets per update")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--rollouts", update.rollouts.per_prompt, "paths sampled per prompt")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--targets", task.targets,
                 listed(prorl::target_names) + ": where training's targets come from")
      ->capture_default_str()
      ->group(group);
  app.add_option("--estimator", task.estimator, listed(prorl::estimator_names) + ": of the advantage")
      ->capture_default_str()
      ->group(group);
  app.add_option("--critic-hidden", update.critic.hidden, "width of the critic's hidden layer")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--critic-rate", update.critic.learning_rate, "learning rate of the critic")
      ->capture_default_str()
      ->group(group);
  app.add_option("--critic-warm-up", update.critic.warm_up, "first updates in which only the critic learns")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  app.add_option("--reward-weights", task.weights, "of interest (IoI), rank (IoR) and acceptance (CTR)")
      ->expected(3)
      ->delimiter(',')
      ->capture_default_str()
      ->group(group);
  app.add_flag("--uncentred", task.uncentred, "do not subtract the mean step reward")->group(group);
  app.add_option("--reward-shift", update.rewards.shift, "added to every step's reward")
      ->capture_default_str()
      ->group(group);
  app.add_option("--centring-updates", update.centring_updates,
                 "updates that the mean reward is learned from; 0: the first pass over the histories")
      ->check(not_negative())
      ->capture_default_str()
      ->group(group);
  app.add_option("--divergence", task.divergence,
                 listed(prorl::divergence_names) + ": how the policy is held near its start")
      ->capture_default_str()
      ->group(group);
  app.add_option("--divergence-weight", update.divergence_weight, "beta")
      ->capture_default_str()
      ->group(group);
  app.add_option("--discount", update.discount, "gamma")->capture_default_str()->group(group);
  app.add_option("--learning-rate", update.adam.learning_rate, "AdamW, constant after the warm-up")
      ->capture_default_str()
      ->group(group);
  app.add_option("--warm-up", training.warm_up, "share of the updates")->capture_default_str()->group(group);
  app.add_option("--evaluate-every", training.evaluate_every,
                 "updates between evaluations on validation people")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--evaluation-prompts", training.evaluation_prompts, "of validation people, uniform targets")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_flag("--keep-last", training.keep_last, "the last weights, not the best on validation people")
      ->group(group);
  app.add_option("--history-csv", task.history, "all figures of all updates, for plots")
      ->type_name("FILE")
      ->group(group);
  add_rules(app, task, group);
  add_quirks(app, task);
}

void run_prorl(ProRlTask& task, const Session& session) {
  const TrainingFiles& files = task.files;
  for (const auto& [option, value] : {std::pair{"--start", task.paths.start}, {"--users", task.users}}) {
    if (value.empty()) throw ConfigError({{}, 0, option}, {"nothing", "a model file", ""});
  }
  prorl::TrainingOptions& options = task.training;
  prorl::UpdateOptions& update = options.update;
  options.seed = session.common.seed;
  options.targets =
      static_cast<prorl::TrainingTargets>(index_of_word("--targets", task.targets, prorl::target_names));
  update.estimator =
      static_cast<prorl::Estimator>(index_of_word("--estimator", task.estimator, prorl::estimator_names));
  update.divergence =
      static_cast<prorl::Divergence>(index_of_word("--divergence", task.divergence, prorl::divergence_names));
  std::copy(task.weights.begin(), task.weights.end(), update.rewards.weights.begin());
  update.rewards.centre = !task.uncentred;
  update.rules.constrained = !task.paths.unconstrained;
  const Dataset data = read_dataset(files.data);
  const PathModel start = load_path_model(task.paths.start, "cpu", data.fingerprint);
  LoadedModel users = load_user_model(task.users, data, "cpu");
  if (task.left_padding) {
    if (users.manifest.kind != "sasrec") {
      throw ConfigError({{}, 0, "--left-padding"},
                        {"a user model of kind " + users.manifest.kind, "sasrec", ""});
    }
    users.users = make_left_padded_user(load_sequence_model(task.users, "cpu", data.fingerprint));
  }
  if (users.manifest.fitted_on != "train_plan") {
    session.console.note("the user model was fitted on " + users.manifest.fitted_on +
                         ": judges of the same people would be in-sample");
  }
  require_catalogue(task.paths.start, *start.ids, data);
  options.reward_model = users.checksum + (task.left_padding ? " padded on the left" : "");
  if (!task.history.empty()) check_writable("--history-csv", task.history);
  options.checkpoint = prepare_training(files, session);
  options.checkpoint_seconds = checkpoint_seconds(files);
  const MinerOptions miner = miner_options(task.paths, std::max(start.most_history, task.known));
  const auto training = examples_of(data, Part::train_plan, miner);
  const auto validation = examples_of(data, Part::validation, miner);
  session.console.note(fmt::format("prorl: {} updates of {} x {} paths; {} histories of train_plan people",
                                   grouped(options.updates), options.prompts, update.rollouts.per_prompt,
                                   grouped(static_cast<std::int64_t>(training.size()))));
  TrainingResult result{start, 0, {}, {}};
  {
    StatusLine status(session.console);
    TrainingCurves curves("prorl", files.tensorboard);
    options.progress = [&](const prorl::TrainingProgress& p) {
      for (const auto& [figure, value] : p.stats) curves.add(p.update, figure, value);
      curves.add(p.update, "best validation gain", p.best);
      if (!status.due()) return;
      status.show(
          fmt::format("prorl: update {} of {}, IoI {:.3f}, IoR {:.0f}, acceptance {:.3f}, {:.1f} items, "
                      "divergence {:.3f}, "
                      "best validation gain {:.3f}, {}, {} left",
                      p.update, p.updates, p.stats.at("interest"), p.stats.at("rank"),
                      p.stats.at("acceptance"), p.stats.at("length"), p.stats.at("divergence"), p.best,
                      duration_text(p.seconds), duration_text(p.seconds_left)));
    };
    result = train_prorl(start, *users.users, training, validation, options);
  }
  ModelManifest manifest;
  manifest.dataset_fingerprint = data.fingerprint;
  manifest.dataset_name = data.name;
  manifest.fitted_on = "train_plan";
  manifest.seed = options.seed;
  manifest.hyper_parameters["trained_by"] = "prorl";
  manifest.hyper_parameters["estimator"] = task.estimator;
  manifest.hyper_parameters["targets"] = task.targets;
  manifest.hyper_parameters["divergence"] = task.divergence;
  manifest.hyper_parameters["reward_model"] = users.checksum;
  manifest.hyper_parameters["left_padding"] = task.left_padding ? "true" : "false";
  for (const auto& [name, value] : settings_of(options, miner.history))
    manifest.hyper_parameters[name] = value;
  manifest.metrics["updates"] = static_cast<double>(result.updates.size());
  manifest.metrics["kept_update"] = static_cast<double>(result.kept_update);
  nlohmann::ordered_json progress = nlohmann::ordered_json::array();
  for (const prorl::Evaluation& e : result.evaluations) {
    nlohmann::ordered_json at{{"update", e.update}};
    for (const auto& [name, value] : e.stats) {
      at[name] = value;
      if (e.update == result.kept_update) manifest.metrics["validation_" + name] = value;
    }
    progress.push_back(at);
  }
  const ModelFile file = path_model_file(result.model, manifest);
  write_model(files.output, file);
  std::filesystem::remove(options.checkpoint);
  if (!task.history.empty()) write_history(task.history, result);
  nlohmann::ordered_json description = describe_model(file.manifest);
  if (session.console.json()) description["evaluations"] = progress;
  print_description(session.console, description);
}

}  // namespace veer::tools
