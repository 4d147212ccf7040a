// An ensemble in a model file: its members as whole models, what they have in common once.
// Format: env/store/MODEL_FORMAT.md. Thread-safety: pure functions. Torch-free.
#pragma once

#include <vector>

#include "env/store/model_file.h"

namespace veer {

/// `manifest` says what the whole has (seed, metrics); kind, role, data set, people, number of values and the
/// hyper-parameters are filled in here from the members. Throws ConfigError without members, for one that is
/// no user model or an ensemble, and for members of different data sets.
ModelFile ensemble_model_file(std::vector<ModelFile> members, ModelManifest manifest);

/// The members as they were before they were put together. Throws FormatError for another kind, for none, for
/// other numbers of members than the manifest says, and for an array that a member has beside the common one.
std::vector<ModelFile> members_of(ModelFile file);

}  // namespace veer
