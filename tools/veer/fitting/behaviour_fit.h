// veer fit behaviours: what people do with the items of slates, from a log of several behaviours or of
// ratings, or of made-up people. Needs a build with LibTorch: defined in
// with_torch/fitting/behaviour_fit.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "tools/veer/program.h"

namespace veer::tools {

/// Options that only this kind has.
struct BehaviourOptionsOfFit {
  std::int32_t encoding = 64;
  std::int32_t queries = 1;
  bool unbalanced = false;
  std::int32_t made_up_people = 4000;
};

void add_behaviour_options(CLI::App& app, BehaviourOptionsOfFit& options);

/// All that the command line says; empty: the kind's own default.
struct BehaviourFitTask {
  BehaviourOptionsOfFit own;
  std::string data;  ///< empty: made-up people of kuaisim-session
  std::string people, output, profiles;
  std::string loss = "plain";
  std::optional<std::int32_t> slots, passes, positions, layers, heads, inner, hidden;
  std::optional<float> dropout, learning_rate;
};

/// Fits to slates of `people` (train_plan or train_judge), measures every behaviour on those of test people,
/// writes the model file and prints both.
void run_behaviour_fit(const BehaviourFitTask& task, const Session& session);

}  // namespace veer::tools
