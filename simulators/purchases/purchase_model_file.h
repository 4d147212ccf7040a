// Purchase models in model files (kind "purchases"). Format: env/store/MODEL_FORMAT.md. Free functions.
#pragma once

#include <filesystem>
#include <string>

#include "env/store/model_file.h"
#include "simulators/purchases/purchase_model.h"

namespace veer {

/// Fills kind, role, hyper-parameters, arrays and probe; what else stands in `manifest` is kept.
ModelFile purchase_model_file(const PurchaseModel& model, ModelManifest manifest);

/// Throws FormatError for another kind or missing arrays, VerificationError when the probe is not reproduced.
PurchaseModel purchase_model_from(const ModelFile& file);

/// Reads the file and checks the data set. Throws what read_model(), require_dataset() and the function above
/// throw, with the file's name.
PurchaseModel load_purchase_model(const std::filesystem::path& path, const std::string& dataset_fingerprint);

}  // namespace veer
