#include <algorithm>

#include "agents/generative/path_likelihood_net.h"

namespace veer {
namespace {

constexpr float impossible = -1e9F;

/// Which alternatives are legal at each token of one digit.
struct LegalRows {
  std::int32_t first_token = 0;
  std::int32_t width = 0;  ///< alternatives; the end token is the last one at digit 0
  std::vector<std::int64_t> place;
  std::vector<std::int64_t> column;  ///< of the label
  std::vector<float> penalty;        ///< [n, width] 0 or impossible
};

std::vector<LegalRows> walk(const PathGrammar& grammar, const ForcedPaths& paths) {
  const nn::SemanticIdLayout& layout = grammar.layout();
  std::vector<LegalRows> out(at(layout.digits));
  for (std::int32_t digit = 0; digit < layout.digits; ++digit) {
    out[at(digit)].first_token = layout.token(digit, 0);
    out[at(digit)].width = layout.codes + (digit == 0 ? 1 : 0);
  }
  std::vector<std::int32_t> legal;
  for (std::size_t r = 0; r < paths.first.size(); ++r) {
    PathGrammar::State state = paths.first[r];
    for (std::int64_t t = paths.rows.offsets[r]; t < paths.rows.offsets[r + 1]; ++t) {
      LegalRows& group = out[at(paths.digit[at(t)])];
      const auto column = [&](std::int32_t token) {
        return token == layout.end() ? group.width - 1 : token - group.first_token;
      };
      grammar.legal(state, legal);
      const std::size_t row = group.penalty.size();
      group.penalty.resize(row + at(group.width), impossible);
      for (const std::int32_t token : legal) group.penalty[row + at(column(token))] = 0.0F;
      const std::int32_t label = paths.labels[at(t)];
      group.penalty[row + at(column(label))] = 0.0F;  // a logged path may show what the rules forbid
      group.place.push_back(t);
      group.column.push_back(column(label));
      grammar.advance(state, label);
    }
  }
  return out;
}

torch::Tensor whole(std::vector<std::int64_t>& values, const torch::Device& device) {
  return torch::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, torch::kInt64)
      .clone()
      .to(device);
}

}  // namespace

void ForcedPaths::add_prompt(std::span<const std::int32_t> tokens) {
  prompt_tokens_.insert(prompt_tokens_.end(), tokens.begin(), tokens.end());
  prompt_tokens_.resize(
      (prompt_tokens_.size() + at(prompt_width_) - 1) / at(prompt_width_) * at(prompt_width_), 0);
}

void ForcedPaths::add_path(std::span<const std::int32_t> tokens, PathGrammar::State start,
                           std::int32_t digits) {
  if (tokens.empty()) return;
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    rows.tokens.push_back(t == 0 ? nn::SemanticIdLayout::pad : tokens[t - 1]);
    labels.push_back(tokens[t]);
    digit.push_back(static_cast<std::int32_t>(t) % digits);
  }
  rows.offsets.push_back(static_cast<std::int64_t>(labels.size()));
  rows.prompt.push_back(static_cast<std::int64_t>(prompt_tokens_.size() / at(prompt_width_)) - 1);
  first.push_back(std::move(start));
}

void ForcedPaths::close() {
  const auto count = static_cast<std::int64_t>(prompt_tokens_.size()) / prompt_width_;
  prompts = torch::from_blob(prompt_tokens_.data(), {count, prompt_width_}, torch::kInt64).clone();
}

std::vector<TokenGroup> forced_log_probabilities(const nn::Seq2SeqNet& net, const PathGrammar& grammar,
                                                 const ForcedPaths& paths, nn::DropoutMasks& dropout) {
  const torch::Device device(net.device);
  const torch::Tensor prompts = paths.prompts.to(device);
  const torch::Tensor read =
      nn::decode_rows(net, nn::encode_prompts(net, prompts, dropout), prompts, paths.rows, dropout);
  const torch::Tensor& table = net.at("embedding");
  std::vector<TokenGroup> out;
  if (!grammar.rules().constrained) {
    TokenGroup all;
    std::vector<std::int64_t> column(paths.labels.begin(), paths.labels.end());
    for (std::size_t t = 0; t < paths.labels.size(); ++t) all.place.push_back(static_cast<std::int64_t>(t));
    all.log_p = torch::log_softmax(torch::linear(read, table), 1);
    all.chosen = all.log_p.gather(1, whole(column, device).unsqueeze(1)).squeeze(1);
    out.push_back(std::move(all));
    return out;
  }
  for (LegalRows& group : walk(grammar, paths)) {
    if (group.place.empty()) continue;
    const auto n = static_cast<std::int64_t>(group.place.size());
    const torch::Tensor states = read.index_select(0, whole(group.place, device));
    const std::int64_t codes = grammar.layout().codes;
    torch::Tensor alternatives = table.narrow(0, group.first_token, codes);
    if (group.width > codes) {
      alternatives = torch::cat({alternatives, table.narrow(0, grammar.layout().end(), 1)}, 0);
    }
    const torch::Tensor penalty =
        torch::from_blob(group.penalty.data(), {n, group.width}, torch::kFloat32).clone().to(device);
    TokenGroup tokens;
    tokens.log_p = torch::log_softmax(torch::linear(states, alternatives) + penalty, 1);
    tokens.chosen = tokens.log_p.gather(1, whole(group.column, device).unsqueeze(1)).squeeze(1);
    tokens.place = std::move(group.place);
    out.push_back(std::move(tokens));
  }
  return out;
}

}  // namespace veer
