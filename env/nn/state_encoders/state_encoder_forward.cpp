#include <vector>

#include "env/nn/state_encoders/gru_recurrence_net.h"
#include "env/nn/state_encoders/state_encoder_net.h"

namespace veer::nn {
namespace {

/// Row r of [B, T, W] at its last item, [B, W].
torch::Tensor at_last_item(const torch::Tensor& sequence, const torch::Tensor& lengths) {
  const torch::Tensor last = (lengths - 1).view({-1, 1, 1}).expand({sequence.size(0), 1, sequence.size(2)});
  return sequence.gather(1, last).squeeze(1);
}

/// The cell step by step, for devices and types the recurrence of its own is not made for.
torch::Tensor step_by_step(const torch::Tensor& inputs, const torch::Tensor& gates,
                           const torch::Tensor& candidate) {
  const std::int64_t width = candidate.size(0);
  torch::Tensor state = torch::zeros({inputs.size(0), width}, inputs.options().requires_grad(false));
  std::vector<torch::Tensor> states;
  for (std::int64_t t = 0; t < inputs.size(1); ++t) {
    const torch::Tensor input = inputs.select(1, t);
    const torch::Tensor both = torch::sigmoid(input.slice(1, 0, 2 * width) + torch::matmul(state, gates.t()));
    const torch::Tensor reset = both.slice(1, 0, width);
    const torch::Tensor update = both.slice(1, width, 2 * width);
    const torch::Tensor fresh =
        torch::tanh(input.slice(1, 2 * width) + torch::matmul(reset * state, candidate.t()));
    state = fresh + update * (state - fresh);
    states.push_back(state);
  }
  return torch::stack(states, 1);
}

EncoderOutput encode_gru_state(const NetworkParameters& p, const EncoderInputs& in) {
  const std::int64_t width = in.embedded.size(2);
  const torch::Tensor& gates = p.at("gates.weight");
  const torch::Tensor& candidate = p.at("candidate.weight");
  const torch::Tensor from_item = torch::cat({gates.slice(1, 0, width), candidate.slice(1, 0, width)});
  const torch::Tensor inputs =
      torch::linear(in.embedded, from_item, torch::cat({p.at("gates.bias"), p.at("candidate.bias")}));
  const torch::Tensor gates_state = gates.slice(1, width);
  const torch::Tensor candidate_state = candidate.slice(1, width);
  if (inputs.is_cpu() && inputs.scalar_type() == torch::kFloat32) {
    return {gru_recurrence(inputs, in.lengths, gates_state, candidate_state), {}};
  }
  return {at_last_item(step_by_step(inputs, gates_state, candidate_state), in.lengths), {}};
}

EncoderOutput encode_caser(const NetworkParameters& p, const StateEncoderConfig& config,
                           const EncoderInputs& in, DropoutMasks& dropout) {
  const torch::Tensor items = in.embedded * in.mask.unsqueeze(-1);
  const std::int64_t rows = items.size(0);
  const std::int64_t length = items.size(1);
  const std::int64_t width = items.size(2);
  std::vector<torch::Tensor> features;
  for (const std::int64_t height : {2, 3, 4}) {
    const std::string name = "horizontal." + std::to_string(height);
    const torch::Tensor windows =
        items.unfold(1, height, 1).transpose(2, 3).reshape({rows, length - height + 1, height * width});
    const torch::Tensor found =
        torch::relu(torch::linear(windows, p.at(name + ".weight"), p.at(name + ".bias")));
    features.push_back(std::get<0>(found.max(1)));
  }
  features.push_back(
      torch::relu(torch::matmul(items.transpose(1, 2), p.at("vertical.weight")) + p.at("vertical.bias")));
  return {dropout(torch::cat(features, 1), config.dropout), {}};
}

/// Convolution over x[t - 2 dilation], x[t - dilation], x[t], zeros before the beginning; [B, T, W].
torch::Tensor causal_convolution(const NetworkParameters& p, const std::string& name,
                                 const torch::Tensor& values, std::int64_t dilation) {
  const std::int64_t length = values.size(1);
  const torch::Tensor padded = torch::constant_pad_nd(values, {0, 0, 2 * dilation, 0});
  const torch::Tensor taps =
      torch::cat({padded.slice(1, 0, length), padded.slice(1, dilation, dilation + length), values}, 2);
  return torch::linear(taps, p.at(name + ".weight"), p.at(name + ".bias"));
}

EncoderOutput encode_nextitnet(const NetworkParameters& p, const EncoderInputs& in) {
  const torch::Tensor mask = in.mask.unsqueeze(-1);
  torch::Tensor values = in.embedded * mask;
  for (std::size_t i = 0; i < std::size(nextitnet_dilations); ++i) {
    const std::string block = "blocks." + std::to_string(i);
    torch::Tensor inner = values;
    for (std::int64_t j = 0; j < 2; ++j) {
      const std::string name = block + "." + std::to_string(j);
      inner = torch::relu(state_norm(p, name + ".norm",
                                     causal_convolution(p, name, inner, (j + 1) * nextitnet_dilations[i])));
    }
    values = (inner + values) * mask;
  }
  return {at_last_item(values, in.lengths), {}};
}

EncoderOutput encode_sasrec_state(const NetworkParameters& p, const StateEncoderConfig& config,
                                  const EncoderInputs& in, DropoutMasks& dropout) {
  const torch::Tensor mask = in.mask.unsqueeze(-1);
  const torch::Tensor items = dropout(in.embedded + p.at("positions"), config.dropout) * mask;
  AttentionOptions options;
  options.causal = true;
  options.dropout = config.dropout;
  options.query_mask = in.mask;
  const torch::Tensor read = state_norm(
      p, "feed_forward.norm", attention_block(p, "attention", items, items, in.mask, options, dropout));
  const torch::Tensor inner =
      dropout(torch::relu(torch::linear(read, p.at("inner.weight"), p.at("inner.bias"))), config.dropout);
  const torch::Tensor outer =
      dropout(torch::linear(inner, p.at("outer.weight"), p.at("outer.bias")), config.dropout);
  const torch::Tensor sequence = state_norm(p, "final.norm", (outer + read) * mask);
  return {at_last_item(sequence, in.lengths), sequence};
}

}  // namespace

EncoderOutput encode(const NetworkParameters& parameters, const StateEncoderConfig& config,
                     const EncoderInputs& inputs, DropoutMasks& dropout) {
  switch (config.kind) {
    case EncoderKind::caser:
      return encode_caser(parameters, config, inputs, dropout);
    case EncoderKind::nextitnet:
      return encode_nextitnet(parameters, inputs);
    case EncoderKind::sasrec:
      return encode_sasrec_state(parameters, config, inputs, dropout);
    case EncoderKind::gru:
      break;
  }
  return encode_gru_state(parameters, inputs);
}

}  // namespace veer::nn
