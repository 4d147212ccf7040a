#include "tools/bench/guidance_work.h"

#include <torch/autograd.h>

#include <algorithm>
#include <cmath>

#include "agents/generative/path_likelihood_net.h"
#include "env/nn/training/sequence_forward_net.h"
#include "env/random.h"
#include "tools/bench/workload.h"

namespace veer::bench {
namespace {

constexpr std::int32_t history_items = 10;
constexpr std::int32_t batch = 64;

/// Every item a tuple of its own, three digits drawn, the last one counting.
std::shared_ptr<const nn::SemanticIds> drawn_ids(std::int32_t items, std::uint64_t seed) {
  const nn::SemanticIdLayout layout;
  std::vector<std::int32_t> tokens(at(layout.digits), nn::SemanticIdLayout::pad);
  for (std::int32_t item = 1; item <= items; ++item) {
    for (std::int32_t digit = 0; digit + 1 < layout.digits; ++digit) {
      const auto code =
          uniform_below(256, {seed, at(item), 0}, Stream::generate, static_cast<std::uint32_t>(digit));
      tokens.push_back(layout.token(digit, static_cast<std::int32_t>(code)));
    }
    tokens.push_back(layout.token(layout.digits - 1, item % layout.codes));
  }
  return std::make_shared<const nn::SemanticIds>(layout, tokens);
}

torch::Tensor rows_of(const std::vector<std::vector<std::int32_t>>& rows, std::int64_t width) {
  torch::Tensor out = torch::zeros({static_cast<std::int64_t>(rows.size()), width}, torch::kInt64);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::copy(rows[r].begin(), rows[r].end(),
              out.data_ptr<std::int64_t>() + static_cast<std::int64_t>(r) * width);
  }
  return out;
}

}  // namespace

GuidanceWork::GuidanceWork(std::int32_t prompts, std::int32_t most_items, std::uint64_t seed)
    : model_(initial_path_model(drawn_ids(movielens_items, seed), {}, history_items, seed)) {
  rules_.most_items = most_items;
  histories_.resize(at(prompts));
  for (std::size_t p = 0; p < histories_.size(); ++p) {
    const StepKey key{seed, p, 1};
    for (std::uint32_t t = 0; t < history_items; ++t) {
      histories_[p].push_back(static_cast<ItemId>(uniform_below(movielens_items, key, Stream::generate, t)) +
                              1);
    }
    const auto target = uniform_below(movielens_items, key, Stream::generate, history_items);
    prompts_.push_back({histories_[p], static_cast<ItemId>(target) + 1, key});
  }
}

WrittenPaths write_straightforwardly(const GuidanceWork& work, std::int32_t per_prompt) {
  torch::InferenceMode guard;
  const PathGrammar grammar(work.model().ids, work.rules());
  const nn::Seq2SeqNet& net = work.model().network.net();
  const std::int32_t vocabulary = grammar.layout().vocabulary();
  nn::DropoutMasks none(nullptr, net.device);
  WrittenPaths out;
  out.per_prompt = per_prompt;
  out.most_items = work.rules().most_items;
  const auto rows = static_cast<std::int32_t>(work.prompts().size()) * per_prompt;
  for (std::int32_t first = 0; first < rows; first += batch) {
    const std::int32_t count = std::min(batch, rows - first);
    std::vector<std::vector<std::int32_t>> prompts, tokens(at(count));
    std::vector<PathGrammar::State> states;
    std::vector<std::vector<float>> log_prob(at(count));
    for (std::int32_t r = first; r < first + count; ++r) {
      const PathPrompt& prompt = work.prompts()[at(r / per_prompt)];
      prompts.push_back(prompt_tokens(grammar.ids(), prompt.history, prompt.target, history_items));
      states.push_back(grammar.begin(prompt.history, prompt.target));
    }
    const torch::Tensor asked = rows_of(prompts, work.model().prompt_width());
    const torch::Tensor encoded = nn::encode_prompts(net, asked, none);
    std::vector<std::int32_t> legal;
    for (std::int32_t t = 0; t < grammar.most_tokens(); ++t) {
      nn::DecoderRows read;
      read.offsets.push_back(0);
      bool any = false;
      for (std::int32_t i = 0; i < count; ++i) {  // finished rows are carried along
        any = any || !grammar.finished(states[at(i)]);
        read.tokens.push_back(nn::SemanticIdLayout::pad);
        for (const std::int32_t token : tokens[at(i)]) read.tokens.push_back(token);
        read.tokens.resize(at(i + 1) * (at(t) + 1), 0);
        read.offsets.push_back(static_cast<std::int64_t>(read.tokens.size()));
        read.prompt.push_back(i);
      }
      if (!any) break;
      const torch::Tensor states_read =
          nn::decode_rows(net, encoded, asked, read, none).view({count, t + 1, -1}).select(1, t);
      const torch::Tensor scores = states_read.mm(net.at("embedding").t());
      for (std::int32_t i = 0; i < count; ++i) {
        PathGrammar::State& state = states[at(i)];
        if (grammar.finished(state)) continue;
        const float* score = scores.data_ptr<float>() + static_cast<std::int64_t>(i) * vocabulary;
        grammar.legal(state, legal);
        double most = -1e30, total = 0.0;
        for (const std::int32_t token : legal) most = std::max(most, double{score[token]});
        for (const std::int32_t token : legal) total += std::exp(double{score[token]} - most);
        const std::int32_t row = first + i;
        const auto lane = static_cast<std::uint32_t>(row % per_prompt * grammar.most_tokens() + t);
        double left = double{uniform(work.prompts()[at(row / per_prompt)].key, Stream::policy, lane)} * total;
        std::int32_t chosen = legal.back();
        for (const std::int32_t token : legal) {
          left -= std::exp(double{score[token]} - most);
          if (left < 0.0) {
            chosen = token;
            break;
          }
        }
        tokens[at(i)].push_back(chosen);
        log_prob[at(i)].push_back(static_cast<float>(double{score[chosen]} - most - std::log(total)));
        grammar.advance(state, chosen);
      }
    }
    for (std::size_t i = 0; i < states.size(); ++i) {
      out.tokens.insert(out.tokens.end(), tokens[i].begin(), tokens[i].end());
      out.log_prob.insert(out.log_prob.end(), log_prob[i].begin(), log_prob[i].end());
      out.offsets.push_back(static_cast<std::int64_t>(out.tokens.size()));
      out.ended.push_back(states[i].ended ? 1 : 0);
      out.length.push_back(static_cast<std::int32_t>(states[i].items.size()));
      out.items.insert(out.items.end(), states[i].items.begin(), states[i].items.end());
      out.items.resize(at(out.rows()) * at(out.most_items), no_item);
    }
  }
  return out;
}

PrefixFigures measure_straightforwardly(const nn::SequenceModel& users, const GuidanceWork& work,
                                        const WrittenPaths& paths) {
  torch::InferenceMode guard;
  const torch::Tensor table = users.net().at("item_embedding");
  const std::size_t columns = at(paths.most_items) + 1;
  PrefixFigures out;
  out.interest.assign(at(paths.rows()) * columns, 0.0F);
  out.acceptance = out.interest;
  out.rank.assign(out.interest.size(), 0);
  for (std::int32_t k = 0; k <= paths.most_items; ++k) {
    std::vector<std::int32_t> rows;
    for (std::int32_t r = 0; r < paths.rows(); ++r) {
      if (paths.length[at(r)] >= k) rows.push_back(r);
    }
    for (std::size_t first = 0; first < rows.size(); first += batch) {
      const std::size_t count = std::min<std::size_t>(batch, rows.size() - first);
      std::vector<std::vector<std::int32_t>> sequences;
      for (std::size_t i = 0; i < count; ++i) {
        const std::int32_t row = rows[first + i];
        const auto shown = work.prompts()[at(row / paths.per_prompt)].history;
        sequences.emplace_back(shown.begin(), shown.end());
        const auto items = paths.items_of(row).first(at(k));
        sequences.back().insert(sequences.back().end(), items.begin(), items.end());
      }
      const torch::Tensor read =
          nn::encode(users.net(), rows_of(sequences, history_items + k)).select(1, history_items + k - 1);
      const torch::Tensor logits = read.mm(table.t());
      const torch::Tensor log_p = torch::log_softmax(logits, 1);
      const torch::Tensor order = torch::argsort(logits, 1, true);
      for (std::size_t i = 0; i < count; ++i) {
        const std::int32_t row = rows[first + i];
        const std::int64_t target = work.prompts()[at(row / paths.per_prompt)].target;
        const auto line = static_cast<std::int64_t>(i);
        const std::size_t place = at(row) * columns + at(k);
        out.interest[place] = log_p[line][target].item<float>();
        const std::int64_t* sorted = order.data_ptr<std::int64_t>() + line * order.size(1);
        out.rank[place] = std::find(sorted, sorted + order.size(1), target) - sorted + 1;
        if (k < paths.length[at(row)]) {
          const std::int64_t next = paths.items_of(row)[at(k)];
          out.acceptance[place] = torch::sigmoid(logits[line][next]).item<float>();
        }
      }
    }
  }
  return out;
}

double differentiate_straightforwardly(const GuidanceWork& work, const WrittenPaths& paths,
                                       std::span<const float> advantages) {
  const PathGrammar grammar(work.model().ids, work.rules());
  nn::Seq2SeqNet net = work.model().network.net();
  std::vector<torch::Tensor> inputs, sums;
  for (auto& [name, parameter] : net.parameters) {
    inputs.push_back(parameter = parameter.detach().requires_grad_());
    sums.push_back(torch::zeros_like(parameter));
  }
  nn::DropoutMasks none(nullptr, net.device);
  const std::int32_t digits = grammar.layout().digits;
  for (std::int32_t first = 0; first < paths.rows(); first += batch) {
    ForcedPaths rows(work.model().prompt_width());
    std::vector<float> credit;
    for (std::int32_t r = first; r < std::min(first + batch, paths.rows()); ++r) {
      const PathPrompt& prompt = work.prompts()[at(r / paths.per_prompt)];
      rows.add_prompt(prompt_tokens(grammar.ids(), prompt.history, prompt.target, history_items));
      rows.add_path(paths.tokens_of(r), grammar.begin(prompt.history, prompt.target), digits);
      for (std::size_t t = 0; t < paths.tokens_of(r).size(); ++t) {
        credit.push_back(advantages[at(r) * (at(paths.most_items) + 1) + t / at(digits)]);
      }
    }
    rows.close();
    torch::Tensor loss = torch::zeros({});
    for (const TokenGroup& group : forced_log_probabilities(net, grammar, rows, none)) {
      torch::Tensor weight = torch::empty({static_cast<std::int64_t>(group.place.size())});
      for (std::size_t i = 0; i < group.place.size(); ++i) {
        weight.data_ptr<float>()[i] = -credit[at(group.place[i])];
      }
      loss = loss + (group.chosen * weight).sum() / paths.rows();
    }
    const auto found = torch::autograd::grad({loss}, inputs, {}, {}, false, true);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      if (found[i].defined()) sums[i].add_(found[i]);
    }
  }
  double squares = 0.0;
  for (const torch::Tensor& sum : sums) squares += sum.square().sum().item<double>();
  return std::sqrt(squares);
}

}  // namespace veer::bench
