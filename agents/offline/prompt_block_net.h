// PRL's prompt: the encoder's state read together with the step of the session and the return that is wanted.
// Needs LibTorch: include it from .cpp files only. Pure functions; thread-safe.
//
// Source: Xin et al., "PRL", SIGIR 2022, and its released code. Three rows [state, step, ratio * reward] go
// through one attention block with a norm before and one after. The row of the state is the output.
#pragma once

#include <cstdint>
#include <vector>

#include "agents/offline/agent_options.h"
#include "env/nn/catalogue_training/encoder_step_net.h"
#include "env/nn/parameter_layout.h"

namespace veer::offline {

/// Of every row of a batch.
struct Prompts {
  std::vector<float> ratio;        ///< wanted return as a multiple of the mean at that step
  std::vector<std::int32_t> step;  ///< 0..prompt_steps-1
};

/// Parameters behind the encoder's: "prompt.reward" [1, D], "prompt.steps" [prompt_steps, D], N(0, 0.01^2),
/// and those of the form. Empty for agents without a prompt.
std::vector<nn::ParameterLayout> prompt_layout(const AgentOptions& options);

/// The read-out of a batch; null for agents without a prompt. `prompts` must outlive its calls.
nn::ReadOut prompt_read_out(const AgentOptions& options, const Prompts& prompts);

}  // namespace veer::offline
