// How the released trainer of ProRL reads the prefixes of paths: sequences are padded on the left, yet the
// read-out is taken at index length - 1, as if they were padded on the right. While a sequence fills less
// than half of the positions that is the place of a padding, whose keys are all masked alike, so that it
// attends to everything, both ways. For comparison with results that were made so; never the way to measure
// people.
//
// Source: specification of ProRL's release, the trainer's reward function. Torch-free header. Pure function.
#pragma once

#include "env/nn/inference/sequence_encoder.h"
#include "env/nn/sequence_model.h"

namespace veer::nn {

/// As SequenceEncoder::read_paths, read so. An empty history is the zero vector. REQUIRES: `model` is a
/// SASRec.
PathReadouts read_left_padded_paths(const SequenceModel& model, const PathQuery& query);

}  // namespace veer::nn
