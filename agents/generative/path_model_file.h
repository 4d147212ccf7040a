// Path models in model files (kind "path_model", role "agent"): weights, the items' tokens, and a probe that
// proves a load. Format: env/store/MODEL_FORMAT.md. Thread-safety: pure functions. Torch-free header.
#pragma once

#include <filesystem>
#include <string>

#include "agents/generative/path_model.h"
#include "env/store/model_file.h"

namespace veer {

/// `manifest` says where the weights come from: data set, people, seed, how they were trained, metrics. Kind,
/// role, sizes and number of parameters are filled in here.
ModelFile path_model_file(const PathModel& model, ModelManifest manifest);

/// Throws FormatError when the file holds another kind of model or arrays that do not fit, VerificationError
/// when the probe does not come out.
PathModel path_model_from(const ModelFile& file, const std::string& device);

/// Reads a file and requires its data set. Throws what read_model(), require_dataset() and path_model_from()
/// throw, with the file's name.
PathModel load_path_model(const std::filesystem::path& path, const std::string& device,
                          const std::string& dataset_fingerprint);

}  // namespace veer
