#include <torch/autograd.h>

#include <algorithm>

#include "env/nn/kernels/state_gru_kernels.h"
#include "env/nn/state_encoders/gru_recurrence_net.h"

namespace veer::nn {
namespace {

using torch::Tensor;

/// What the forward pass leaves for the backward pass, time by time so that each is contiguous.
struct Trace {
  Tensor states;       ///< [T + 1, n, W], the first one zero
  Tensor gates;        ///< [T, n, 2W] reset, update
  Tensor reset_state;  ///< [T, n, W]
  Tensor candidate;    ///< [T, n, W]
};

float* of_step(const Tensor& values, std::int64_t t) {
  return values.data_ptr<float>() + t * values.size(1) * values.size(2);
}

Trace run(const Tensor& inputs, const Tensor& gates, const Tensor& candidate) {
  const std::int64_t rows = inputs.size(0);
  const std::int64_t length = inputs.size(1);
  const std::int64_t width = candidate.size(0);
  const auto options = inputs.options().requires_grad(false);
  Trace trace{torch::zeros({length + 1, rows, width}, options),
              torch::empty({length, rows, 2 * width}, options), torch::empty({length, rows, width}, options),
              torch::empty({length, rows, width}, options)};
  const Tensor gates_t = gates.t();
  const Tensor candidate_t = candidate.t();
  const auto n = static_cast<std::int32_t>(rows);
  const auto w = static_cast<std::int32_t>(width);
  const std::int64_t stride = length * 3 * width;
  for (std::int64_t t = 0; t < length; ++t) {
    const float* input = inputs.data_ptr<float>() + t * 3 * width;
    const float* state = of_step(trace.states, t);
    Tensor gates_now = trace.gates.select(0, t);
    at::mm_out(gates_now, trace.states.select(0, t), gates_t);
    gru_gates(n, w, input, stride, state, of_step(trace.gates, t), of_step(trace.reset_state, t));
    Tensor candidate_now = trace.candidate.select(0, t);
    at::mm_out(candidate_now, trace.reset_state.select(0, t), candidate_t);
    gru_candidate(n, w, input + 2 * width, stride, state, of_step(trace.gates, t),
                  of_step(trace.candidate, t), of_step(trace.states, t + 1));
  }
  return trace;
}

/// The state of every row after its last step, [n, W].
Tensor last_states(const Trace& trace, const Tensor& lengths) {
  Tensor out = torch::empty({trace.states.size(1), trace.states.size(2)}, trace.states.options());
  for (std::int64_t row = 0; row < out.size(0); ++row) {
    const float* state = of_step(trace.states, lengths.data_ptr<std::int64_t>()[row]) + row * out.size(1);
    std::copy_n(state, out.size(1), out.data_ptr<float>() + row * out.size(1));
  }
  return out;
}

class StateRecurrence : public torch::autograd::Function<StateRecurrence> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& inputs,
                        const Tensor& lengths, const Tensor& gates, const Tensor& candidate) {
    const Trace trace = run(inputs.contiguous(), gates, candidate);
    context->save_for_backward(
        {gates, candidate, trace.states, trace.gates, trace.reset_state, trace.candidate, lengths});
    return last_states(trace, lengths);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& gate_weights = saved[0];
    const Tensor& candidate_weights = saved[1];
    const Tensor& states = saved[2];
    const std::int64_t length = states.size(0) - 1;
    const std::int64_t rows = states.size(1);
    const std::int64_t width = states.size(2);
    const auto n = static_cast<std::int32_t>(rows);
    const auto w = static_cast<std::int32_t>(width);
    const Tensor outside = gradients[0].contiguous();
    const std::int64_t* lengths = saved[6].data_ptr<std::int64_t>();
    Tensor inputs = torch::empty({rows, length, 3 * width}, states.options());
    Tensor gates = torch::empty({length, rows, 2 * width}, states.options());
    Tensor candidate = torch::empty({length, rows, width}, states.options());
    Tensor gradient = torch::zeros({rows, width}, states.options());
    Tensor reset_state = torch::empty({rows, width}, states.options());
    for (std::int64_t t = length - 1; t >= 0; --t) {
      for (std::int64_t row = 0; row < rows; ++row) {
        if (lengths[row] != t + 1) continue;  // rows get their gradient where they end; before, it is zero
        std::copy_n(outside.data_ptr<float>() + row * width, width, gradient.data_ptr<float>() + row * width);
      }
      float* input = inputs.data_ptr<float>() + t * 3 * width;
      gru_candidate_backward(n, w, of_step(states, t), of_step(saved[3], t), of_step(saved[5], t),
                             gradient.data_ptr<float>(), input, length * 3 * width, of_step(candidate, t));
      at::mm_out(reset_state, candidate.select(0, t), candidate_weights);
      gru_gates_backward(n, w, of_step(states, t), of_step(saved[3], t), reset_state.data_ptr<float>(),
                         gradient.data_ptr<float>(), input, length * 3 * width, of_step(gates, t));
      if (t > 0) gradient.addmm_(gates.select(0, t), gate_weights);
    }
    const std::int64_t all = length * rows;
    return {inputs,
            {},
            torch::mm(gates.view({all, 2 * width}).t(), states.slice(0, 0, length).view({all, width})),
            torch::mm(candidate.view({all, width}).t(), saved[4].view({all, width}))};
  }
};

}  // namespace

torch::Tensor gru_recurrence(const torch::Tensor& inputs, const torch::Tensor& lengths,
                             const torch::Tensor& gates, const torch::Tensor& candidate) {
  if (torch::GradMode::is_enabled()) return StateRecurrence::apply(inputs, lengths, gates, candidate);
  return last_states(run(inputs.contiguous(), gates, candidate), lengths);
}

}  // namespace veer::nn
