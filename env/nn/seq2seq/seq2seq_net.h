// The parameters of an encoder-decoder as tensors. Needs LibTorch: include it from .cpp files only.
#pragma once

#include "env/nn/network_parameters_net.h"
#include "env/nn/seq2seq/seq2seq_model.h"

namespace veer::nn {

struct Seq2SeqNet : NetworkParameters {  ///< names and shapes: parameter_layout(Seq2SeqConfig)
  Seq2SeqConfig config;
};

inline constexpr double rms_epsilon = 1e-6;

}  // namespace veer::nn
