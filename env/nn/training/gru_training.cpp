#include <torch/autograd.h>

#include <vector>

#include "env/nn/training/training_net.h"

namespace veer::nn {
namespace {

using torch::Tensor;

/// One time step of back-propagation over `count` values, from the gradient of the new state to those of the
/// gates' arguments (from the input: r, z, n; from the state: r, z, n) and of the old state, as far as it
/// does not pass through the recurrent matrix.
void gates_backward(std::int64_t rows, std::int64_t width, const float* rz, const float* fresh,
                    const float* hidden_n, const float* before, const float* gradient, float* from_input,
                    float* from_state, float* before_gradient) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* reset = rz + row * 2 * width;
    const float* update = reset + width;
    float* input = from_input + row * 3 * width;
    float* state = from_state + row * 3 * width;
    for (std::int64_t j = 0; j < width; ++j) {
      const std::int64_t i = row * width + j;
      const float dh = gradient[i];
      const float r = reset[j];
      const float z = update[j];
      const float n = fresh[i];
      const float dn = dh * (1.0F - z) * (1.0F - n * n);
      const float dz = dh * (before[i] - n) * z * (1.0F - z);
      const float dr = dn * hidden_n[i] * r * (1.0F - r);
      input[j] = dr;
      input[width + j] = dz;
      input[2 * width + j] = dn;
      state[j] = dr;
      state[width + j] = dz;
      state[2 * width + j] = dn * r;
      before_gradient[i] = dh * z;
    }
  }
}

/// The recurrence with its own backward pass: LibTorch's would record a dozen small operations per time step.
class Recurrence : public torch::autograd::Function<Recurrence> {
 public:
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& inputs,
                        const Tensor& recurrent) {
    const std::int64_t rows = inputs.size(0);
    const std::int64_t length = inputs.size(1);
    const std::int64_t width = recurrent.size(1);
    const Tensor by_time = inputs.transpose(0, 1).contiguous();
    const Tensor transposed = recurrent.t();
    Tensor states = torch::zeros({length + 1, rows, width}, inputs.options());
    Tensor rz = torch::empty({length, rows, 2 * width}, inputs.options());
    Tensor fresh = torch::empty({length, rows, width}, inputs.options());
    Tensor hidden_n = torch::empty({length, rows, width}, inputs.options());
    Tensor gates = torch::empty({rows, 3 * width}, inputs.options());
    for (std::int64_t t = 0; t < length; ++t) {
      const Tensor input = by_time.select(0, t);
      const Tensor before = states.select(0, t);
      at::mm_out(gates, before, transposed);
      Tensor rz_now = rz.select(0, t);
      at::add_out(rz_now, input.slice(1, 0, 2 * width), gates.slice(1, 0, 2 * width));
      rz_now.sigmoid_();
      Tensor hidden_now = hidden_n.select(0, t);
      hidden_now.copy_(gates.slice(1, 2 * width));
      Tensor fresh_now = fresh.select(0, t);
      at::mul_out(fresh_now, hidden_now, rz_now.slice(1, 0, width));
      fresh_now.add_(input.slice(1, 2 * width)).tanh_();
      Tensor after = states.select(0, t + 1);
      at::sub_out(after, before, fresh_now);
      after.mul_(rz_now.slice(1, width)).add_(fresh_now);
    }
    context->save_for_backward({recurrent, states, rz, fresh, hidden_n});
    return states.slice(0, 1).transpose(0, 1);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& recurrent = saved[0];
    const Tensor& states = saved[1];
    const std::int64_t length = states.size(0) - 1;
    const std::int64_t rows = states.size(1);
    const std::int64_t width = states.size(2);
    const Tensor outside = gradients[0].transpose(0, 1).contiguous();
    Tensor from_input = torch::empty({length, rows, 3 * width}, states.options());
    Tensor from_state = torch::empty({length, rows, 3 * width}, states.options());
    Tensor gradient = torch::zeros({rows, width}, states.options());
    Tensor before = torch::empty({rows, width}, states.options());
    for (std::int64_t t = length - 1; t >= 0; --t) {
      gradient.add_(outside.select(0, t));
      const std::int64_t at = t * rows * width;
      gates_backward(rows, width, saved[2].data_ptr<float>() + 2 * at, saved[3].data_ptr<float>() + at,
                     saved[4].data_ptr<float>() + at, states.data_ptr<float>() + at,
                     gradient.data_ptr<float>(), from_input.data_ptr<float>() + 3 * at,
                     from_state.data_ptr<float>() + 3 * at, before.data_ptr<float>());
      at::addmm_out(gradient, before, from_state.select(0, t), recurrent);
    }
    const Tensor weights = torch::mm(from_state.view({length * rows, 3 * width}).t(),
                                     states.slice(0, 0, length).view({length * rows, width}));
    return {from_input.transpose(0, 1), weights};
  }
};

}  // namespace

torch::Tensor gru_states(const torch::Tensor& inputs, const torch::Tensor& recurrent) {
  return Recurrence::apply(inputs, recurrent);
}

}  // namespace veer::nn
