// A next-item network in a model file: sizes as hyper-parameters, weights as named arrays, and a probe that
// proves that what was loaded computes what was saved. Torch-free header; pure functions.
#pragma once

#include <string>

#include "env/nn/sequence_model.h"
#include "env/store/model_file.h"

namespace veer::nn {

/// `manifest` says where the weights come from; kind, hyper-parameters and the number of parameters are
/// filled in here.
ModelFile to_model_file(const SequenceModel& model, ModelManifest manifest);

/// Builds the network on `device` (as resolve_device() returns it) and recomputes the probe. Throws
/// FormatError when the file holds another kind of model or arrays that do not fit, VerificationError when
/// the probe does not come out.
SequenceModel from_model_file(const ModelFile& file, const std::string& device);

}  // namespace veer::nn
