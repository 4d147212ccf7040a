#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "agents/generative/path_examples.h"
#include "agents/generative/path_lessons.h"
#include "agents/generative/path_model_file.h"
#include "env/error.h"
#include "env/nn/hyper_parameters.h"
#include "env/nn/semantic_ids/semantic_ids_file.h"
#include "env/store/dataset_file.h"
#include "env/store/run/run_directory.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/training/train_agents.h"
#include "tools/veer/training/training_curves.h"

namespace veer::tools {
namespace {

const char* reason(TrainingEnd end) {
  switch (end) {
    case TrainingEnd::patience:
      return "the loss on validation people stopped falling";
    case TrainingEnd::all_done:
      return "all epochs done";
    case TrainingEnd::budget:
      return "the time budget is used up";
  }
  return "";
}

/// What there is to learn from. `lessons` owns what the examples of a run point into.
struct Material {
  std::optional<PathLessons> lessons;
  std::vector<PathExample> training, validation;
  std::string of;  ///< whose paths
};

Material material_of(const PathModelTask& task, const Dataset& data, std::int32_t most_history) {
  Material out;
  if (task.lessons.empty()) {
    const MinerOptions miner = miner_options(task.paths, most_history);
    out.training = examples_of(data, Part::train_plan, miner);
    out.validation = examples_of(data, Part::validation, miner);
    out.of = "people's own";
    return out;
  }
  const RunReader run(task.lessons);
  const RunHeader& header = run.summary().header;
  if (header.dataset_fingerprint != data.fingerprint) {
    throw DataError({task.lessons, 0, "dataset"},
                    {"another data set", data.name + " as in --data", "play the lessons on this one"});
  }
  const std::string& teacher =
      task.teacher.empty() && header.policies.size() == 1 ? header.policies.front() : task.teacher;
  const auto found = std::find(header.policies.begin(), header.policies.end(), teacher);
  if (found == header.policies.end()) {
    throw ConfigError({{}, 0, "--teacher"}, {teacher.empty() ? "nothing" : "'" + teacher + "'",
                                             fmt::format("one of {}", fmt::join(header.policies, ", ")),
                                             "name a policy of " + task.lessons});
  }
  out.lessons.emplace(run.read(static_cast<std::int32_t>(found - header.policies.begin())), data,
                      most_history, task.lessons);
  out.training = out.lessons->training();
  out.validation = out.lessons->validation();
  out.of = teacher;
  return out;
}

/// Weights to begin with: those of --start, or noise over the items' tokens.
PathModel start_of(PathModelTask& task, const Dataset& data, std::uint64_t seed) {
  if (task.ids.empty() == task.paths.start.empty()) {
    throw ConfigError({{}, 0, "--ids"},
                      {task.ids.empty() ? "nothing" : "also --start", "one of --ids and --start",
                       "tokens are made with veer fit semantic_ids; a path model has its own"});
  }
  const auto history = [&](const nn::SemanticIds& ids, std::int32_t otherwise) {
    if (task.most_history) {
      nn::require_range("--prompt-history", *task.most_history, 1, longest_prompt_history(ids));
    }
    return task.most_history.value_or(otherwise);
  };
  if (!task.paths.start.empty()) {
    PathModel start = load_path_model(task.paths.start, "cpu", data.fingerprint);
    require_catalogue(task.paths.start, *start.ids, data);
    // Places in a prompt are relative: the weights fit any number.
    start.most_history = history(*start.ids, start.most_history);
    return start;
  }
  auto ids = std::make_shared<const nn::SemanticIds>(nn::load_semantic_ids(task.ids, data.fingerprint).ids);
  require_catalogue(task.ids, *ids, data);
  const std::int32_t most_history = history(*ids, 10);
  return initial_path_model(std::move(ids), task.sizes, most_history, seed);
}

}  // namespace

void add_path_model_options(CLI::App& app, PathModelTask& task) {
  add_training_files(app, task.files);
  add_path_training(app, task.paths);
  add_budget(app, task.files);
  const std::string group = "Pretraining";
  app.add_option("--ids", task.ids, "model file of the items' tokens: veer fit semantic_ids")
      ->type_name("FILE")
      ->group(group);
  app.add_option(
         "--lessons", task.lessons,
         "run directory (veer evaluate -o) whose paths are imitated instead of people's own; its people "
         "are of train_plan")
      ->type_name("DIR")
      ->group(group);
  app.add_option("--teacher", task.teacher,
                 "policy of that run, as it stands in its tables; default: the only one")
      ->type_name("P")
      ->group(group);
  app.add_option(
         "--prompt-history", task.most_history,
         "newest items of the history in a prompt; default: 10, or as --start has it. Targets are found "
         "sooner in short prompts, and longer ones can follow")
      ->check(positive())
      ->group(group);
  app.add_option("--epochs", task.training.max_epochs, "passes over the paths, at most")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--patience", task.training.patience,
                 "epochs without a lower validation loss before the end")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--batch", task.training.batch, "paths per update")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--pretraining-rate", task.training.imitation.adam.learning_rate,
                 "highest learning rate: AdamW, warm-up, then a cosine")
      ->capture_default_str()
      ->group(group);
  app.add_option("--pretraining-warm-up", task.training.warm_up, "share of all planned updates")
      ->capture_default_str()
      ->group(group);
  app.add_option("--dropout", task.sizes.dropout, "of the network")->capture_default_str()->group(group);
  app.add_option("--width", task.sizes.width, "of tokens")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--inner", task.sizes.inner, "feed-forward width")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--heads", task.sizes.heads, "attention heads")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--head-width", task.sizes.head_width, "width of a head")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--encoder-layers", task.sizes.encoder_layers, "blocks that read the prompt")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--decoder-layers", task.sizes.decoder_layers, "blocks that write the path")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
}

void run_path_model(PathModelTask& task, const Session& session) {
  const TrainingFiles& files = task.files;
  const Dataset data = read_dataset(files.data);
  PretrainingOptions& options = task.training;
  options.seed = session.common.seed;
  options.budget_seconds = budget_seconds(files);
  options.imitation.unconstrained = task.paths.unconstrained;
  const PathModel start = start_of(task, data, options.seed);
  options.checkpoint = prepare_training(files, session);
  options.checkpoint_seconds = checkpoint_seconds(files);
  const Material material = material_of(task, data, start.most_history);
  session.console.note(fmt::format("path_model: {} paths, {} for validation ({}), {} parameters",
                                   grouped(static_cast<std::int64_t>(material.training.size())),
                                   grouped(static_cast<std::int64_t>(material.validation.size())),
                                   material.of, grouped(nn::parameter_count(start.network.config()))));
  PretrainingResult result{start, {}, 0, 0.0, TrainingEnd::all_done};
  {
    StatusLine status(session.console);
    TrainingCurves curves("path_model", files.tensorboard);
    options.progress = [&](const PretrainingProgress& p) {
      const std::int64_t update = (p.epoch - 1) * p.updates + p.update;
      curves.add(update, "nats per token", p.loss);
      if (p.best_loss > 0.0) curves.add(update, "least nats per token on validation", p.best_loss);
      if (!status.due()) return;
      status.show(
          fmt::format("path_model: epoch {} of {}, update {} of {}, {:.4f} nats per token (best on "
                      "validation {:.4f}), {}, "
                      "at most {} left",
                      p.epoch, p.max_epochs, p.update, p.updates, p.loss, p.best_loss,
                      duration_text(p.seconds), duration_text(p.seconds_left)));
    };
    result = pretrain(start, material.training, material.validation, options);
  }
  ModelManifest manifest;
  manifest.dataset_fingerprint = data.fingerprint;
  manifest.dataset_name = data.name;
  manifest.fitted_on = "train_plan";
  manifest.seed = options.seed;
  manifest.hyper_parameters["trained_by"] = "imitation";
  manifest.hyper_parameters["taught_by"] = material.of;
  manifest.metrics["validation_nats_per_token"] = result.best_loss;
  manifest.metrics["best_epoch"] = result.best_epoch;
  manifest.metrics["epochs"] = static_cast<double>(result.history.size());
  const ModelFile file = path_model_file(result.model, manifest);
  write_model(files.output, file);
  std::filesystem::remove(options.checkpoint);
  nlohmann::ordered_json description = describe_model(file.manifest);
  description["ended"] = reason(result.end);
  print_description(session.console, description);
}

}  // namespace veer::tools
