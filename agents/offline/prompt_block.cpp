#include <algorithm>
#include <cmath>

#include "agents/offline/prompt_block_net.h"

namespace veer::offline {
namespace {

constexpr float table_deviation = 0.01F;

void add_dense(std::vector<nn::ParameterLayout>& out, const std::string& name, std::int64_t to,
               std::int64_t from) {
  const float limit = std::sqrt(6.0F / static_cast<float>(from + to));
  out.push_back({name + ".weight", {to, from}, nn::Initial::uniform, limit});
  out.push_back({name + ".bias", {to}, nn::Initial::zeros});
}

/// What each row of a shard is told; rows that fill the shard up ask for nothing at step 0.
struct ShardPrompts {
  torch::Tensor ratio;  ///< [B, 1]
  torch::Tensor step;   ///< int64 [B]
};

ShardPrompts prompts_of(const Prompts& prompts, const nn::ShardRows& rows, const torch::Device& device) {
  const std::int64_t count = nn::encoder_shard_rows;
  ShardPrompts out{torch::zeros({count, 1}, torch::kFloat32), torch::zeros({count}, torch::kInt64)};
  for (std::int32_t r = 0; r < rows.used; ++r) {
    const std::size_t row = at(rows.first + r);
    out.ratio.data_ptr<float>()[r] = prompts.ratio[row];
    out.step.data_ptr<std::int64_t>()[r] = prompts.step[row];
  }
  return {out.ratio.to(device), out.step.to(device)};
}

torch::Tensor dense(const nn::NetworkParameters& parameters, const std::string& name,
                    const torch::Tensor& values) {
  return torch::linear(values, parameters.at(name + ".weight"), parameters.at(name + ".bias"));
}

}  // namespace

std::vector<nn::ParameterLayout> prompt_layout(const AgentOptions& options) {
  std::vector<nn::ParameterLayout> out;
  if (!options.has_prompt()) return out;
  const std::int32_t width = options.encoder.output_width();
  if (options.prompt.form != PromptForm::none) {
    out.push_back({"prompt.reward", {1, width}, nn::Initial::normal, table_deviation});
    out.push_back({"prompt.steps", {prompt_steps, width}, nn::Initial::normal, table_deviation});
  }
  switch (options.prompt.form) {
    case PromptForm::attention:
    case PromptForm::none:
      nn::add_attention_layout(out, "prompt.attention", width);
      if (!options.prompt.released_sasrec) {
        out.push_back({"prompt.final.gain", {width}, nn::Initial::ones});
        out.push_back({"prompt.final.offset", {width}, nn::Initial::zeros});
      }
      break;
    case PromptForm::mean:
      break;
    case PromptForm::mlp:
      add_dense(out, "prompt.inner", width, std::int64_t{3} * width);
      add_dense(out, "prompt.outer", width, width);
      break;
  }
  return out;
}

nn::ReadOut prompt_read_out(const AgentOptions& options, const Prompts& prompts) {
  if (!options.has_prompt()) return nullptr;
  const PromptOptions& prompt = options.prompt;
  return [&prompts, prompt](const nn::NetworkParameters& parameters, const nn::EncoderOutput& encoded,
                            const nn::ShardRows& rows, nn::DropoutMasks& dropout) -> torch::Tensor {
    const ShardPrompts told = prompts_of(prompts, rows, encoded.state.device());
    torch::Tensor tokens = encoded.state.unsqueeze(1);
    if (prompt.form != PromptForm::none) {
      const torch::Tensor step = parameters.at("prompt.steps").index_select(0, told.step).unsqueeze(1);
      const torch::Tensor reward = told.ratio.matmul(parameters.at("prompt.reward")).unsqueeze(1);
      tokens = torch::cat({tokens, step, reward}, 1);
    }
    tokens = dropout(tokens, prompt.dropout);
    if (prompt.form == PromptForm::mean) return tokens.mean(1);
    if (prompt.form == PromptForm::mlp) {
      return dense(parameters, "prompt.outer",
                   torch::relu(dense(parameters, "prompt.inner", tokens.flatten(1))));
    }
    const bool released = prompt.released_sasrec;
    const torch::Tensor& keys = released ? encoded.sequence : tokens;
    const torch::Tensor seen =
        released ? keys.detach().sum(-1).ne(0).to(torch::kFloat32) : torch::ones_like(keys.select(2, 0));
    const torch::Tensor read =
        nn::attention_block(
            parameters, "prompt.attention", tokens, keys, seen,
            {.normalise = !released, .causal = false, .dropout = prompt.dropout, .query_mask = {}}, dropout)
            .select(1, 0);
    return released ? read : nn::state_norm(parameters, "prompt.final", read);
  };
}

}  // namespace veer::offline
