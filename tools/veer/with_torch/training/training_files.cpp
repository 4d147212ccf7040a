#include "tools/veer/training/training_files.h"

#include <CLI/CLI.hpp>

#include "env/error.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {

void add_training_files(CLI::App& app, TrainingFiles& files) {
  app.add_option("--data", files.data, "dataset file")->required()->type_name("FILE");
  add_training_output(app, files);
}

void add_training_output(CLI::App& app, TrainingFiles& files) {
  app.add_option("-o,--output", files.output, "model file to write")->required()->type_name("FILE");
  app.add_option("--checkpoint", files.checkpoint, "file to go on from; default: OUTPUT.checkpoint")
      ->type_name("FILE");
  app.add_option("--checkpoint-every", files.checkpoint_every, "time between checkpoints, such as 90s or 5m")
      ->type_name("TIME")
      ->capture_default_str();
  app.add_flag("--fresh", files.fresh, "begin anew even where a checkpoint exists");
  app.add_option("--tensorboard", files.tensorboard,
                 "directory of an event file with the loss and what else training tells, for TensorBoard")
      ->type_name("DIR");
}

void add_budget(CLI::App& app, TrainingFiles& files) {
  app.add_option("--budget", files.budget, "wall time such as 30m, then the best weights so far")
      ->type_name("TIME");
}

void add_path_training(CLI::App& app, PathTraining& paths) {
  app.add_option("--start", paths.start, "path model to go on from")->type_name("FILE");
  app.add_option("--exclude-attribute", paths.excluded_attributes,
                 "attribute that does not join items into a path (Drama on MovieLens); to be repeated")
      ->type_name("NAME")
      ->take_all()
      ->allow_extra_args(false);
  app.add_flag("--unconstrained", paths.unconstrained,
               "any token may follow any other, as in the released code of ProRL; invalid items can occur");
}

std::filesystem::path prepare_training(const TrainingFiles& files, const Session& session) {
  const std::filesystem::path checkpoint =
      files.checkpoint.empty() ? files.output + ".checkpoint" : files.checkpoint;
  if (checkpoint.lexically_normal() == std::filesystem::path(files.output).lexically_normal()) {
    throw ConfigError({{}, 0, "--checkpoint"}, {"the name of --output", "a file of its own", ""});
  }
  check_output("--output", files.output, "model");
  check_output("--checkpoint", checkpoint, "checkpoint");
  if (files.fresh) std::filesystem::remove(checkpoint);
  if (std::filesystem::exists(checkpoint)) {
    session.console.note("going on from " + checkpoint.string() + " (--fresh begins anew)");
  }
  return checkpoint;
}

void require_catalogue(const std::string& file, const nn::SemanticIds& ids, const Dataset& data) {
  if (ids.items() == data.catalogue.size()) return;
  throw FormatError({file, 0, "ids"},
                    {"tokens of " + std::to_string(ids.items()) + " items",
                     std::to_string(data.catalogue.size()) + ", those of " + data.name, ""});
}

double budget_seconds(const TrainingFiles& files) {
  return files.budget.empty() ? 0.0 : seconds_from("--budget", files.budget);
}

double checkpoint_seconds(const TrainingFiles& files) {
  return seconds_from("--checkpoint-every", files.checkpoint_every);
}

MinerOptions miner_options(const PathTraining& paths, std::int32_t most_history) {
  MinerOptions options;
  options.history = most_history;
  options.excluded_attributes = paths.excluded_attributes;
  return options;
}

std::string listed(std::span<const std::string_view> words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    out += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + std::string(words[i]);
  }
  return out;
}

std::size_t index_of_word(const std::string& option, const std::string& word,
                          std::span<const std::string_view> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == word) return i;
  }
  throw ConfigError({{}, 0, option}, {"'" + word + "'", listed(words), ""});
}

}  // namespace veer::tools
