// What a dataset, a model or a run holds, as fields that print as lines or as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "env/data/dataset.h"
#include "env/store/model_file.h"
#include "env/store/run/run_directory.h"
#include "env/store/transition_file.h"
#include "tools/veer/terminal/console.h"

namespace veer::tools {

/// Keys "type" = "dataset", "users", "items", "interactions", "fingerprint", ...
nlohmann::ordered_json describe_dataset(const Dataset& dataset);
/// Keys "type" = "model", "kind", "parameters", "dataset_fingerprint", "fitted_on", "metrics", ...
nlohmann::ordered_json describe_model(const ModelManifest& manifest);
/// Keys "type" = "run", "episodes", "steps", "digest", "complete", "policies", "judges", ...
nlohmann::ordered_json describe_transitions(const TransitionLog& log);
nlohmann::ordered_json describe_run(const RunSummary& summary);

/// Prints the JSON, or one "key  value" line per field, the values in one column.
void print_description(const Console& console, const nlohmann::ordered_json& description);

}  // namespace veer::tools
