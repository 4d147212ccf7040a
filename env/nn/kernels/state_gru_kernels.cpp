#include "env/nn/kernels/state_gru_kernels.h"

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {

namespace {

// Sixteen columns of a row each, or what is left of them: inlined with a constant count in the loops below.

VEER_LANES_INLINE void gates_part(std::int32_t j, std::int32_t part, std::int32_t width, const float* input,
                                  const float* state, float* gates, float* reset_state) noexcept {
  const Lanes reset = sigmoid_of(load_part(gates + j, part, 0.0F) + load_part(input + j, part, 0.0F));
  const Lanes update =
      sigmoid_of(load_part(gates + width + j, part, 0.0F) + load_part(input + width + j, part, 0.0F));
  store_part(gates + j, reset, part);
  store_part(gates + width + j, update, part);
  store_part(reset_state + j, reset * load_part(state + j, part, 0.0F), part);
}

VEER_LANES_INLINE void candidate_part(std::int32_t j, std::int32_t part, std::int32_t width,
                                      const float* input, const float* state, const float* gates,
                                      float* candidate, float* next) noexcept {
  const Lanes c = tanh_of(load_part(candidate + j, part, 0.0F) + load_part(input + j, part, 0.0F));
  const Lanes u = load_part(gates + width + j, part, 0.0F);
  store_part(candidate + j, c, part);
  store_part(next + j, c + u * (load_part(state + j, part, 0.0F) - c), part);
}

VEER_LANES_INLINE void candidate_backward_part(std::int32_t j, std::int32_t part, std::int32_t width,
                                               const float* state, const float* gates, const float* candidate,
                                               float* gradient, float* input_gradient,
                                               float* candidate_gradient) noexcept {
  const Lanes dh = load_part(gradient + j, part, 0.0F);
  const Lanes u = load_part(gates + width + j, part, 0.0F);
  const Lanes c = load_part(candidate + j, part, 0.0F);
  const Lanes du = dh * (load_part(state + j, part, 0.0F) - c) * u * (1.0F - u);
  const Lanes dc = dh * (1.0F - u) * (1.0F - c * c);
  store_part(input_gradient + width + j, du, part);
  store_part(input_gradient + 2 * width + j, dc, part);
  store_part(candidate_gradient + j, dc, part);
  store_part(gradient + j, dh * u, part);
}

VEER_LANES_INLINE void gates_backward_part(std::int32_t j, std::int32_t part, std::int32_t width,
                                           const float* state, const float* gates,
                                           const float* reset_state_gradient, float* gradient,
                                           float* input_gradient, float* gate_gradient) noexcept {
  const Lanes reset = load_part(gates + j, part, 0.0F);
  const Lanes from = load_part(reset_state_gradient + j, part, 0.0F);
  const Lanes dr = from * load_part(state + j, part, 0.0F) * reset * (1.0F - reset);
  store_part(gradient + j, load_part(gradient + j, part, 0.0F) + from * reset, part);
  store_part(input_gradient + j, dr, part);
  store_part(gate_gradient + j, dr, part);
  store_part(gate_gradient + width + j, load_part(input_gradient + width + j, part, 0.0F), part);
}

}  // namespace

VEER_KERNEL void gru_gates(std::int32_t rows, std::int32_t width, const float* input,
                           std::int64_t input_stride, const float* state, float* gates,
                           float* reset_state) noexcept {
  const std::int32_t whole = width - width % lane_count;
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t j = 0; j < whole; j += lane_count)
      gates_part(j, lane_count, width, input, state, gates, reset_state);
    if (whole < width) gates_part(whole, width - whole, width, input, state, gates, reset_state);
    input += input_stride;
    state += width;
    gates += 2 * width;
    reset_state += width;
  }
}

VEER_KERNEL void gru_candidate(std::int32_t rows, std::int32_t width, const float* input,
                               std::int64_t input_stride, const float* state, const float* gates,
                               float* candidate, float* next) noexcept {
  const std::int32_t whole = width - width % lane_count;
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t j = 0; j < whole; j += lane_count)
      candidate_part(j, lane_count, width, input, state, gates, candidate, next);
    if (whole < width) candidate_part(whole, width - whole, width, input, state, gates, candidate, next);
    input += input_stride;
    state += width;
    gates += 2 * width;
    candidate += width;
    next += width;
  }
}

VEER_KERNEL void gru_candidate_backward(std::int32_t rows, std::int32_t width, const float* state,
                                        const float* gates, const float* candidate, float* gradient,
                                        float* input_gradient, std::int64_t input_stride,
                                        float* candidate_gradient) noexcept {
  const std::int32_t whole = width - width % lane_count;
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t j = 0; j < whole; j += lane_count)
      candidate_backward_part(j, lane_count, width, state, gates, candidate, gradient, input_gradient,
                              candidate_gradient);
    if (whole < width)
      candidate_backward_part(whole, width - whole, width, state, gates, candidate, gradient, input_gradient,
                              candidate_gradient);
    state += width;
    gates += 2 * width;
    candidate += width;
    gradient += width;
    input_gradient += input_stride;
    candidate_gradient += width;
  }
}

VEER_KERNEL void gru_gates_backward(std::int32_t rows, std::int32_t width, const float* state,
                                    const float* gates, const float* reset_state_gradient, float* gradient,
                                    float* input_gradient, std::int64_t input_stride,
                                    float* gate_gradient) noexcept {
  const std::int32_t whole = width - width % lane_count;
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t j = 0; j < whole; j += lane_count)
      gates_backward_part(j, lane_count, width, state, gates, reset_state_gradient, gradient, input_gradient,
                          gate_gradient);
    if (whole < width)
      gates_backward_part(whole, width - whole, width, state, gates, reset_state_gradient, gradient,
                          input_gradient, gate_gradient);
    state += width;
    gates += 2 * width;
    reset_state_gradient += width;
    gradient += width;
    input_gradient += input_stride;
    gate_gradient += 2 * width;
  }
}

}  // namespace veer::nn
