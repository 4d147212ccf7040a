// What of a GRU cell is not a matrix product, for the cell whose reset gate comes before the recurrent
// product (TensorFlow 1), forward and backward, over rows of floats. Torch-free.
//
// Thread-safety: pure functions over the caller's memory. Determinism: element-wise.
#pragma once

#include <cstdint>

namespace veer::nn {

/// gates [rows, 2 * width] become sigmoid(gates + input), where a row of `input` is `input_stride` apart and
/// begins with reset, update; reset_state [rows, width] = reset * state.
void gru_gates(std::int32_t rows, std::int32_t width, const float* input, std::int64_t input_stride,
               const float* state, float* gates, float* reset_state) noexcept;

/// candidate [rows, width] becomes tanh(candidate + input), and next = u state + (1 - u) candidate with u the
/// second half of a row of gates.
void gru_candidate(std::int32_t rows, std::int32_t width, const float* input, std::int64_t input_stride,
                   const float* state, const float* gates, float* candidate, float* next) noexcept;

/// From `gradient` [rows, width] of the new state: input_gradient's rows (reset, update, candidate;
/// `input_stride` apart) get the update's and the candidate's argument gradient, candidate_gradient a copy of
/// the latter, and `gradient` becomes what reaches the old state directly, u * gradient.
void gru_candidate_backward(std::int32_t rows, std::int32_t width, const float* state, const float* gates,
                            const float* candidate, float* gradient, float* input_gradient,
                            std::int64_t input_stride, float* candidate_gradient) noexcept;

/// From the gradient of reset * state: adds reset * it to `gradient` and completes input_gradient with the
/// reset's argument gradient; gate_gradient [rows, 2 * width] gets both gates' packed.
void gru_gates_backward(std::int32_t rows, std::int32_t width, const float* state, const float* gates,
                        const float* reset_state_gradient, float* gradient, float* input_gradient,
                        std::int64_t input_stride, float* gate_gradient) noexcept;

}  // namespace veer::nn
