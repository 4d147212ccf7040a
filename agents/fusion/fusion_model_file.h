// Fusion agents in model files of role "agent", kind "fusion_agent": the actor, what else acting reads, and
// how states are scaled. Format: env/store/MODEL_FORMAT.md. Thread-safety: pure functions.
#pragma once

#include <filesystem>

#include "agents/fusion/fusion_model.h"
#include "env/store/model_file.h"

namespace veer::fusion {

/// `manifest` says where the agent comes from; kind, role, settings and number of parameters are filled in
/// here. Critic and generator are stored where the agent judges candidates when it acts (BCQ).
ModelFile fusion_file(const FusionModel& model, ModelManifest manifest);

/// Throws FormatError when the file holds another kind or arrays that do not fit, VerificationError when the
/// probe does not come out.
FusionModel fusion_from(const ModelFile& file);
/// Throws what read_model() and fusion_from() throw, with the file's name.
FusionModel load_fusion_model(const std::filesystem::path& path);

}  // namespace veer::fusion
