// What `veer fit` says while and after fitting. Needs a build with LibTorch: defined in
// with_torch/fitting/fit_report.cpp.
#pragma once

#include <string>

#include "env/store/model_file.h"
#include "simulators/fitting/fit.h"
#include "tools/veer/terminal/console.h"

namespace veer::tools {

/// fit_sequence_model() with a progress line that shows epoch, loss and validation MRR@10.
FitResult fit_with_progress(const Dataset& data, FitOptions options, const Console& console,
                            const std::string& label);

/// Where the weights come from: people, data set, seed, fidelity.
ModelManifest manifest_of(const FitResult& result, const FitOptions& options, const Dataset& data);

/// The description of the model file with its fidelity on held-out people, as text or JSON.
void print_fit(const Console& console, const std::string& path, const FitResult& result);

}  // namespace veer::tools
