// veer fit response: how people answer slates, from a log of ratings. Needs a build with LibTorch: defined in
// with_torch/fitting/response_fit.cpp.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "tools/veer/program.h"

namespace veer::tools {

/// Options that this kind has; profiles, loss, slots and passes are also those of behaviours. Empty: the
/// kind's own.
struct ResponseOptionsOfFit {
  std::string profiles;  ///< users.dat of MovieLens-1M; empty: everybody has the same profile
  std::string loss = "plain";
  std::optional<std::int32_t> slots;  ///< 9
  float liked_from = 4.0F;
  std::int32_t learned = 15;
  std::optional<std::int32_t> passes;  ///< 2
};

void add_response_options(CLI::App& app, ResponseOptionsOfFit& options);

/// Fits to slates of `people` (train_plan or train_judge), measures on those of test people, writes the model
/// file and prints both.
void run_response_fit(const ResponseOptionsOfFit& options, const std::string& data, const std::string& people,
                      const std::string& output, const Session& session);

}  // namespace veer::tools
