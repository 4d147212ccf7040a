// IRN in a model file of kind "irn": sizes as hyper-parameters, weights as named arrays, and read-outs of
// some histories as a probe. Torch-free header; pure functions.
#pragma once

#include <filesystem>
#include <string>

#include "agents/irn/irn_model.h"
#include "env/store/model_file.h"

namespace veer::irn {

/// `manifest` says where the weights come from; kind, role, hyper-parameters and the number of parameters are
/// filled in here.
ModelFile to_model_file(const IrnModel& model, ModelManifest manifest);

/// Reads, checks the data set (unless `dataset_fingerprint` is empty) and recomputes the probe. `device` as
/// for nn::resolve_device(). Throws what read_model() and require_dataset() throw, FormatError when the file
/// holds another kind of model or arrays that do not fit, VerificationError when the probe does not come out;
/// all with the file's name.
IrnModel load_irn(const std::filesystem::path& path, const std::string& device,
                  const std::string& dataset_fingerprint);

}  // namespace veer::irn
