// Fitted rewards in model files (kind "reward"). Format: env/store/MODEL_FORMAT.md. Free functions.
#pragma once

#include <filesystem>
#include <string>

#include "env/store/model_file.h"
#include "rewards/fitted/reward_model.h"

namespace veer {

/// Fills kind, role, number of parameters, arrays and probe; what else stands in `manifest` is kept.
ModelFile reward_model_file(const RewardModel& model, ModelManifest manifest);

/// Throws FormatError for another kind or missing arrays, VerificationError when the probe is not reproduced.
RewardModel reward_model_from(const ModelFile& file);

/// Reads the file and checks the data set. Throws what read_model(), require_dataset() and the function above
/// throw, with the file's name.
RewardModel load_reward_model(const std::filesystem::path& path, const std::string& dataset_fingerprint);

}  // namespace veer
