// Offline agents as model files: kind "offline_agent", role "agent". See MODEL_FORMAT.md. Torch-free header;
// pure functions.
#pragma once

#include <filesystem>
#include <string>

#include "agents/offline/offline_model.h"
#include "env/store/model_file.h"

namespace veer::offline {

/// With a probe: states and the scores of a few items in them, which reading compares.
ModelFile offline_model_file(const OfflineModel& model, ModelManifest manifest);
/// Throws FormatError, or VerificationError when the probe comes out otherwise here.
OfflineModel offline_model_from(const ModelFile& file);

struct LoadedAgent {
  OfflineModel model;
  ModelManifest manifest;
};
/// The same from a file that belongs to this data set and its catalogue. Throws ConfigError or FormatError,
/// with the file's name, when it does not.
LoadedAgent load_offline_model(const std::filesystem::path& path, const Dataset& data);

/// How sessions were made, as model files tell it: "cut_sessions", "purchase", "reward.NAME".
nn::HyperParameters session_settings(const SessionOptions& options);

}  // namespace veer::offline
