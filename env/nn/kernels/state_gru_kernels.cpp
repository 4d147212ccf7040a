#include "env/nn/kernels/state_gru_kernels.h"

#include <algorithm>

#include "env/nn/kernels/vector_math.h"

namespace veer::nn {

VEER_KERNEL void gru_gates(std::int32_t rows, std::int32_t width, const float* input,
                           std::int64_t input_stride, const float* state, float* gates,
                           float* reset_state) noexcept {
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t j = 0; j < width; j += lane_count) {
      const std::int32_t part = std::min(lane_count, width - j);
      const Lanes reset = sigmoid_of(load_part(gates + j, part, 0.0F) + load_part(input + j, part, 0.0F));
      const Lanes update =
          sigmoid_of(load_part(gates + width + j, part, 0.0F) + load_part(input + width + j, part, 0.0F));
      store_part(gates + j, reset, part);
      store_part(gates + width + j, update, part);
      store_part(reset_state + j, reset * load_part(state + j, part, 0.0F), part);
    }
    input += input_stride;
    state += width;
    gates += 2 * width;
    reset_state += width;
  }
}

VEER_KERNEL void gru_candidate(std::int32_t rows, std::int32_t width, const float* input,
                               std::int64_t input_stride, const float* state, const float* gates,
                               float* candidate, float* next) noexcept {
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t j = 0; j < width; j += lane_count) {
      const std::int32_t part = std::min(lane_count, width - j);
      const Lanes c = tanh_of(load_part(candidate + j, part, 0.0F) + load_part(input + j, part, 0.0F));
      const Lanes u = load_part(gates + width + j, part, 0.0F);
      store_part(candidate + j, c, part);
      store_part(next + j, c + u * (load_part(state + j, part, 0.0F) - c), part);
    }
    input += input_stride;
    state += width;
    gates += 2 * width;
    candidate += width;
    next += width;
  }
}

VEER_KERNEL void gru_candidate_backward(std::int32_t rows, std::int32_t width, const float* state,
                                        const float* gates, const float* candidate, float* gradient,
                                        float* input_gradient, float* candidate_gradient) noexcept {
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t j = 0; j < width; j += lane_count) {
      const std::int32_t part = std::min(lane_count, width - j);
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
    state += width;
    gates += 2 * width;
    candidate += width;
    gradient += width;
    input_gradient += 3 * width;
    candidate_gradient += width;
  }
}

VEER_KERNEL void gru_gates_backward(std::int32_t rows, std::int32_t width, const float* state,
                                    const float* gates, const float* reset_state_gradient, float* gradient,
                                    float* input_gradient, float* gate_gradient) noexcept {
  for (std::int32_t r = 0; r < rows; ++r) {
    for (std::int32_t j = 0; j < width; j += lane_count) {
      const std::int32_t part = std::min(lane_count, width - j);
      const Lanes reset = load_part(gates + j, part, 0.0F);
      const Lanes from = load_part(reset_state_gradient + j, part, 0.0F);
      const Lanes dr = from * load_part(state + j, part, 0.0F) * reset * (1.0F - reset);
      store_part(gradient + j, load_part(gradient + j, part, 0.0F) + from * reset, part);
      store_part(input_gradient + j, dr, part);
      store_part(gate_gradient + j, dr, part);
      store_part(gate_gradient + width + j, load_part(input_gradient + width + j, part, 0.0F), part);
    }
    state += width;
    gates += 2 * width;
    reset_state_gradient += width;
    gradient += width;
    input_gradient += 3 * width;
    gate_gradient += 2 * width;
  }
}

}  // namespace veer::nn
