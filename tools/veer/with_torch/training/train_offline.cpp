// veer train sqn and the other offline next-item agents.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "agents/offline/offline_model_file.h"
#include "agents/offline/returns.h"
#include "env/store/dataset_file.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/training/train_agents.h"
#include "tools/veer/training/training_curves.h"

namespace veer::tools {
namespace {

using namespace offline;

const char* ending_of(OfflineEnd end) {
  switch (end) {
    case OfflineEnd::all_done:
      return "all updates done";
    case OfflineEnd::patience:
      return "the validation score stopped rising";
    case OfflineEnd::budget:
      return "the time budget is used up";
  }
  return "";
}

void add_value_options(CLI::App& app, OfflineTask& task) {
  AgentOptions& agent = task.training.agent;
  const std::string group = "Action values";
  const auto real = [&](const char* name, float& value, const char* what) {
    app.add_option(name, value, what)->capture_default_str()->group(group);
  };
  if (!agent.learns_values()) return;
  if (agent.has_twin()) {
    real("--discount", agent.discount, "gamma");
    app.add_option("--twin", task.twin,
                   "also write the other of the two networks that take turns: to be judged as one more seed")
        ->type_name("FILE")
        ->group(group);
    app.add_flag("--target-dropout", agent.target_dropout, "as released: next states are read with dropout")
        ->group(group);
  }
  if (agent.kind == AgentKind::cql) {
    real("--conservatism", agent.conservatism,
         "alpha: how far values are held down where the log has no action");
  }
  if (agent.bars_items()) {
    real("--imitation-threshold", agent.imitation_threshold,
         "items may be chosen whose imitated probability is more than this times the likeliest item's");
    real("--imitation-penalty", agent.imitation_penalty, "of the mean square of the imitating head's scores");
  }
  if (agent.samples_negatives()) {
    app.add_option("--negatives", agent.negatives, "sampled actions per event")
        ->check(positive())
        ->capture_default_str()
        ->group(group);
    real("--negative-reward", agent.negative_reward, "of a sampled action");
    real("--value-weight", agent.value_weight,
         "omega, of the action values' loss (SA2C: in its second phase)");
  }
  if (agent.switches()) {
    app.add_option(
           "--switch-at", task.switch_at,
           "updates before the cross-entropy is weighted; default: three quarters of --updates, at most "
           "15000")
        ->check(not_negative())
        ->group(group);
  }
  if (agent.kind == AgentKind::sa2c) {
    real("--second-rate", agent.second_rate, "learning rate from then on");
    real("--least-advantage", agent.least_advantage, "smaller advantages are taken for this");
    real("--most-advantage", agent.most_advantage, "larger ones for this");
    app.add_flag("!--any-advantage", agent.clips_advantage, "as released for some data: do not bound it")
        ->group(group);
    real("--smoothing", agent.smoothing, "exponent of the propensity weight; 0: no correction");
  }
}

void add_prompt_options(CLI::App& app, OfflineTask& task) {
  PromptOptions& prompt = task.training.agent.prompt;
  const std::string group = "Prompt";
  app.add_option("--prompt", task.prompt,
                 listed(prompt_names) + ": how state, step and return are read together")
      ->capture_default_str()
      ->group(group);
  app.add_option("--weighting", task.weighting,
                 listed(weighting_names) + ": what an event's loss is weighted by")
      ->capture_default_str()
      ->group(group);
  const auto real = [&](const char* name, float& value, const char* what) {
    app.add_option(name, value, what)->capture_default_str()->group(group);
  };
  real("--prompt-dropout", prompt.dropout, "of the prompt's rows and attention");
  real("--wanted", prompt.wanted,
       "mu: the return asked for when ranking, a multiple of the mean at that step");
  real("--deviation", prompt.deviation, "epsilon: standard deviation of that multiple");
  real("--decay", prompt.decay, "lambda of the return");
  app.add_flag("--released-means", prompt.released_means,
               "mean returns as in the released code: over all people, those it is judged by included")
      ->group(group);
  app.add_flag(
         "--released-sasrec", prompt.released_sasrec,
         "SASRec's prompt as in the released code: it attends to the items, and no return reaches a score")
      ->group(group);
}

std::vector<Part> training_parts(const std::string& people) {
  if (people == "train_plan") return {Part::train_plan};
  if (people == "train") return {Part::train_plan, Part::train_judge};
  throw ConfigError(
      {{}, 0, "--people"},
      {"'" + people + "'", "train_plan, or train where no judge learns from the other half", ""});
}

}  // namespace

void add_offline_options(CLI::App& app, OfflineTask& task) {
  add_training_files(app, task.files);
  add_budget(app, task.files);
  add_session_options(app, task.sessions);
  AgentOptions& agent = task.training.agent;
  const std::string training = "Training", network = "Network";
  app.add_option("--people", task.people, "train_plan; train: both halves, where nobody else needs the other")
      ->capture_default_str()
      ->group(training);
  app.add_option("--updates", task.training.updates, "optimiser steps")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--batch", agent.batch, "events per update")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--learning-rate", agent.learning_rate, "of Adam")->capture_default_str()->group(training);
  app.add_option(
         "--evaluate-every", task.training.evaluate_every,
         "updates between evaluations on validation people; NDCG@10 of purchases decides (of clicks where "
         "there are none)")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--evaluation-events", task.training.evaluation_events, "of validation people; 0: all")
      ->check(not_negative())
      ->capture_default_str()
      ->group(training);
  app.add_option("--patience", task.training.patience,
                 "evaluations without a better one before the end; 0: never")
      ->check(not_negative())
      ->capture_default_str()
      ->group(training);
  app.add_option("--encoder", task.encoder, "gru, caser, nextitnet or sasrec")
      ->capture_default_str()
      ->group(network);
  app.add_option("--width", agent.encoder.width, "of item vectors and states")
      ->check(positive())
      ->capture_default_str()
      ->group(network);
  app.add_option("--state-length", agent.encoder.state_length, "newest items of a session that are read")
      ->check(positive())
      ->capture_default_str()
      ->group(network);
  app.add_option("--dropout", agent.encoder.dropout, "of Caser and SASRec")
      ->capture_default_str()
      ->group(network);
  add_value_options(app, task);
  if (agent.has_prompt()) add_prompt_options(app, task);
}

void run_offline(OfflineTask& task, const Session& session) {
  const Dataset data = read_dataset(task.files.data);
  OfflineTrainingOptions& options = task.training;
  AgentOptions& agent = options.agent;
  agent.encoder.kind = nn::encoder_kind(task.encoder, "--encoder");
  agent.prompt.form = static_cast<PromptForm>(index_of_word("--prompt", task.prompt, prompt_names));
  agent.prompt.weighting =
      static_cast<PromptWeighting>(index_of_word("--weighting", task.weighting, weighting_names));
  const SessionOptions cut = session_options(task.sessions);
  agent.rewards = cut.rewards;
  if (agent.switches()) {
    agent.switch_at = task.switch_at.value_or(std::min<std::int64_t>(15'000, options.updates * 3 / 4));
  }
  if (!task.twin.empty() &&
      task.twin.lexically_normal() == std::filesystem::path(task.files.output).lexically_normal()) {
    throw ConfigError({{}, 0, "--twin"}, {"the name of --output", "a file of its own", ""});
  }
  options.seed = session.common.seed;
  options.data = data.fingerprint;
  options.budget_seconds = budget_seconds(task.files);
  check_options(agent);
  const SessionLog training(data, training_parts(task.people), cut);
  const SessionLog validation(data, std::vector<Part>{Part::validation}, cut);
  if (agent.has_prompt() && agent.prompt.released_means) {
    const SessionLog all(
        data, std::vector<Part>{Part::train_plan, Part::train_judge, Part::validation, Part::test}, cut);
    options.mean_returns = mean_returns(all, returns_to_go(all, agent.prompt.decay));
  }
  options.keep_twin = !task.twin.empty();
  options.checkpoint = prepare_training(task.files, session);
  options.checkpoint_seconds = checkpoint_seconds(task.files);
  const std::string name(agent_names[static_cast<std::size_t>(agent.kind)]);
  session.console.note(fmt::format(
      "{}: {} events in {} sessions, {} of them purchases; {} events for validation; {} parameters", name,
      grouped(training.events()), grouped(training.sessions()), grouped(training.purchases()),
      grouped(validation.events()), grouped(parameter_count(agent, training.items()))));
  std::optional<OfflineTrainingResult> result;
  {
    StatusLine status(session.console);
    TrainingCurves curves(name, task.files.tensorboard);
    options.progress = [&](const OfflineProgress& p) {
      curves.add(p.update, "loss", p.loss);
      if (p.best > 0.0) curves.add(p.update, "best NDCG@10 on validation", p.best);
      if (!status.due()) return;
      status.show(
          fmt::format("{}: update {} of {}, loss {:.4f}, best NDCG@10 on validation {:.4f}, {}, at most "
                      "{} left",
                      name, p.update, p.updates, p.loss, p.best, duration_text(p.seconds),
                      duration_text(p.seconds_left)));
    };
    result = train_offline(training, validation, options);
  }
  ModelManifest manifest;
  manifest.fitted_on = task.people == "train" ? "train_plan and train_judge" : "train_plan";
  manifest.dataset_fingerprint = data.fingerprint;
  manifest.dataset_name = data.name;
  manifest.seed = options.seed;
  for (const auto& [setting, value] : session_settings(cut)) manifest.hyper_parameters[setting] = value;
  manifest.metrics["best_update"] = static_cast<double>(result->best_update);
  for (const OfflineEvaluation& e : result->evaluations) {
    if (e.update != result->best_update) continue;
    manifest.metrics["validation_click_ndcg_10"] = e.clicks.gains[1];
    if (e.purchases.cases > 0) manifest.metrics["validation_purchase_ndcg_10"] = e.purchases.gains[1];
  }
  if (result->twin) {
    ModelManifest of_twin = manifest;  // the figures of validation are the first network's
    of_twin.metrics = {{"best_update", static_cast<double>(result->best_update)}};
    write_model(task.twin, offline_model_file(*result->twin, std::move(of_twin)));
  }
  const ModelFile file = offline_model_file(result->model, std::move(manifest));
  write_model(task.files.output, file);
  std::filesystem::remove(options.checkpoint);
  nlohmann::ordered_json description = describe_model(file.manifest);
  description["ended"] = ending_of(result->end);
  if (session.console.json()) {
    for (const OfflineEvaluation& e : result->evaluations) {
      nlohmann::ordered_json at{{"update", e.update}, {"loss", e.loss}};
      for (const auto& [kind, figures] : {std::pair{"click", &e.clicks}, {"purchase", &e.purchases}}) {
        at[kind] = {{"cases", figures->cases}, {"hits", figures->hits}, {"ndcg", figures->gains}};
      }
      description["evaluations"].push_back(at);
    }
  }
  print_description(session.console, description);
}

}  // namespace veer::tools
