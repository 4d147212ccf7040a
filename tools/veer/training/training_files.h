// What every `veer train` has in common: data, output, checkpoint. Needs a build with LibTorch: defined in
// with_torch/training/training_files.cpp.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/dataset.h"
#include "env/data/path_miner.h"
#include "env/nn/semantic_ids/semantic_ids.h"
#include "tools/veer/program.h"

namespace veer::tools {

struct TrainingFiles {
  std::string data;
  std::string output;
  std::string checkpoint;  ///< empty: OUTPUT.checkpoint
  std::string checkpoint_every = "5m";
  bool fresh = false;
  std::string budget;       ///< wall time; empty: none
  std::string tensorboard;  ///< directory of curves; empty: none
};
void add_training_files(CLI::App& app, TrainingFiles& files);
/// The same without --data, for agents that learn in a made-up world.
void add_training_output(CLI::App& app, TrainingFiles& files);
/// --budget, for agents that can end at any time.
void add_budget(CLI::App& app, TrainingFiles& files);

/// What agents that write paths have in common.
struct PathTraining {
  std::string start;                             ///< path model to go on from; empty: none
  bool unconstrained = false;                    ///< any token may follow any other
  std::vector<std::string> excluded_attributes;  ///< of the path miner
};
void add_path_training(CLI::App& app, PathTraining& paths);

/// Refuses outputs that cannot be written, removes the checkpoint of a fresh training, says when one is
/// continued. Returns the checkpoint's path. Throws ConfigError or IoError.
std::filesystem::path prepare_training(const TrainingFiles& files, const Session& session);

/// Seconds that --budget allows; 0: no bound.
double budget_seconds(const TrainingFiles& files);

/// Seconds between checkpoints.
double checkpoint_seconds(const TrainingFiles& files);

/// Throws FormatError, with the file's name, when tokens and data set have different numbers of items.
void require_catalogue(const std::string& file, const nn::SemanticIds& ids, const Dataset& data);

/// The miner's options, with histories as long as prompts.
MinerOptions miner_options(const PathTraining& paths, std::int32_t most_history);

/// "x, y or z"
std::string listed(std::span<const std::string_view> words);
/// Index of a word. Throws ConfigError naming the option and the words that exist.
std::size_t index_of_word(const std::string& option, const std::string& word,
                          std::span<const std::string_view> words);

}  // namespace veer::tools
