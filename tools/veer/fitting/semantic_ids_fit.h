// veer fit semantic_ids: tokens for the items of a data set, from item vectors or from a published file.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "env/data/dataset.h"
#include "tools/veer/program.h"

namespace veer::tools {

/// Options that only this kind has, as words on the command line. Absent: the default.
struct SemanticIdOptions {
  std::string vectors;    ///< model file whose item vectors are quantised
  std::string published;  ///< or a .sem_ids file
  std::optional<std::int32_t> levels, codes, restarts, iterations, first_digit;
  bool balanced = false;
};

void add_semantic_id_options(CLI::App& app, SemanticIdOptions& options);

/// Fits or imports, writes the model file and prints how the ids spread over their tokens.
void run_semantic_ids_fit(const SemanticIdOptions& options, const std::string& data,
                          const std::string& output, const Session& session);

}  // namespace veer::tools
