// veer fit purchases: what people buy of what they take, from a log of clicks and purchases.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "tools/veer/program.h"

namespace veer::tools {

/// Options that only this kind has. Absent: the default.
struct PurchaseOptions {
  std::optional<std::string> purchase;
  std::optional<double> prior;
  std::optional<int> window;
};

void add_purchase_options(CLI::App& app, PurchaseOptions& options);

/// Fits to `people` (train_plan or train_judge), measures on validation people, writes the model file and
/// prints both.
void run_purchases_fit(const PurchaseOptions& options, const std::string& data, const std::string& people,
                       const std::string& output, const Session& session);

}  // namespace veer::tools
