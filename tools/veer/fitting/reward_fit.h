// veer fit reward: what taking an item is worth to people, from what they chose or from how it went on.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "tools/veer/program.h"

namespace veer::tools {

/// Options that only this kind has. Absent: the default.
struct RewardOptions {
  std::string learn_from = "choices";
  std::optional<float> discount, temperature, alpha, memory, pessimism;
  std::optional<int> passes, stretch, reward_members;
  std::optional<std::int64_t> pairs;
  std::string within = "7d";
};

/// What other kinds have too.
struct SharedRewardOptions {
  std::string vectors;  ///< model file whose item vectors are read; empty: the items' attributes
  std::optional<int> window;
  std::optional<std::string> purchase;
};

void add_reward_options(CLI::App& app, RewardOptions& options);

/// Fits to `people` (train_plan or train_judge), measures on validation people, writes the model file and
/// prints both.
void run_reward_fit(const RewardOptions& options, const SharedRewardOptions& shared, const std::string& data,
                    const std::string& people, const std::string& output, const Session& session);

}  // namespace veer::tools
