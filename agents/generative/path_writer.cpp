#include "agents/generative/path_writer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "env/error.h"
#include "env/nn/hyper_parameters.h"
#include "env/runtime.h"

namespace veer {
namespace {

/// Tokens that may follow and their scores, in ascending order of tokens.
struct Choices {
  std::vector<std::int32_t> tokens;
  std::vector<float> scores;
};

/// ln of the sum of e^score.
double log_sum(std::span<const float> scores) {
  const double most = double{*std::max_element(scores.begin(), scores.end())};
  double sum = 0.0;
  for (const float score : scores) sum += std::exp(double{score} - most);
  return most + std::log(sum);
}

/// The k-th largest score.
float threshold(std::vector<float> scores, std::int32_t k) {
  const auto place = scores.begin() + k - 1;
  std::nth_element(scores.begin(), place, scores.end(), std::greater<>());
  return *place;
}

std::size_t most_probable(std::span<const float> scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

std::size_t draw(const Choices& choices, const WriteOptions& options, float uniform) {
  const std::vector<float>& scores = choices.scores;
  const bool cut = options.top_k > 0 && at(options.top_k) < scores.size();
  const float least = cut ? threshold(scores, options.top_k) : -std::numeric_limits<float>::infinity();
  const double most = double{*std::max_element(scores.begin(), scores.end())};
  std::vector<double> weight(scores.size(), 0.0);
  double total = 0.0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] >= least) total += weight[i] = std::exp((double{scores[i]} - most) / options.temperature);
  }
  double left = double{uniform} * total;
  std::size_t last = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (weight[i] == 0.0) continue;
    last = i;
    left -= weight[i];
    if (left < 0.0) return i;
  }
  return last;  // rounding left a crumb
}

/// Scores of the last step's rows: of the tokens of one digit and the end, or of the whole vocabulary.
class ScoreBlock {
 public:
  ScoreBlock(const nn::Seq2SeqDecoder& decoder, const nn::DecoderCache& cache, const PathGrammar& grammar,
             std::int32_t digit, std::int32_t rows)
      : grammar_(grammar) {
    const nn::SemanticIdLayout& layout = grammar.layout();
    const bool constrained = grammar.rules().constrained;
    first_ = constrained ? layout.token(digit, 0) : 0;
    width_ = constrained ? layout.codes : layout.vocabulary();
    scores_.resize(at(rows) * at(width_));
    decoder.score(cache, first_, View<float>(scores_.data(), rows, width_));
    if (constrained && digit == 0) {
      ends_.resize(at(rows));
      decoder.score(cache, layout.end(), View<float>(ends_.data(), rows, 1));
    }
  }

  void choices(std::int32_t row, const PathGrammar::State& state, Choices& out) const {
    const auto own = std::span(scores_).subspan(at(row) * at(width_), at(width_));
    if (!grammar_.rules().constrained) {
      out.tokens.resize(at(width_));
      std::iota(out.tokens.begin(), out.tokens.end(), 0);
      out.scores.assign(own.begin(), own.end());
      return;
    }
    grammar_.legal(state, out.tokens);
    out.scores.clear();
    for (const std::int32_t token : out.tokens) {
      out.scores.push_back(token == grammar_.layout().end() ? ends_[at(row)] : own[at(token - first_)]);
    }
  }

 private:
  const PathGrammar& grammar_;
  std::int32_t first_ = 0;
  std::int32_t width_ = 0;
  std::vector<float> scores_, ends_;
};

/// A path in the making.
struct Draft {
  PathGrammar::State state;
  std::vector<std::int32_t> tokens;
  std::vector<float> log_prob;
  std::int32_t prompt = 0;
  double score = 0.0;  ///< sum of log_prob
};

void put_down(const Draft& draft, WrittenPaths& out) {
  out.tokens.insert(out.tokens.end(), draft.tokens.begin(), draft.tokens.end());
  out.log_prob.insert(out.log_prob.end(), draft.log_prob.begin(), draft.log_prob.end());
  out.offsets.push_back(static_cast<std::int64_t>(out.tokens.size()));
  out.ended.push_back(draft.state.ended ? 1 : 0);
  out.length.push_back(static_cast<std::int32_t>(draft.state.items.size()));
  out.items.insert(out.items.end(), draft.state.items.begin(), draft.state.items.end());
  out.items.resize(at(out.rows()) * at(out.most_items), no_item);
}

struct Desk {
  std::vector<std::int32_t> tokens;  ///< [P, width]
  std::vector<std::int32_t> most_items;
  std::vector<PathGrammar::State> first;
  std::int32_t width = 0;

  View<const std::int32_t> view() const {
    return {tokens.data(), static_cast<std::int32_t>(most_items.size()), width};
  }
  bool finished(const PathGrammar& grammar, const Draft& draft) const {
    return grammar.finished(draft.state) ||
           static_cast<std::int32_t>(draft.state.items.size()) == most_items[at(draft.prompt)];
  }
};

Desk lay_out(const PathModel& model, const PathGrammar& grammar, std::span<const PathPrompt> prompts) {
  Desk desk;
  desk.width = model.prompt_width();
  for (const PathPrompt& prompt : prompts) {
    const auto tokens = prompt_tokens(*model.ids, prompt.history, prompt.target, model.most_history);
    desk.tokens.insert(desk.tokens.end(), tokens.begin(), tokens.end());
    desk.most_items.push_back(prompt.most_items > 0 ? std::min(prompt.most_items, grammar.rules().most_items)
                                                    : grammar.rules().most_items);
    desk.tokens.resize(desk.most_items.size() * at(desk.width), 0);
    desk.first.push_back(grammar.begin(prompt.history, prompt.target));
    if (!grammar.rules().constrained) continue;
    std::vector<ItemId>& barred = desk.first.back().barred;
    barred.insert(barred.end(), prompt.barred.begin(), prompt.barred.end());
    std::sort(barred.begin(), barred.end());
    barred.erase(std::unique(barred.begin(), barred.end()), barred.end());
    if (!barred.empty() && barred.front() == no_item) barred.erase(barred.begin());
  }
  return desk;
}

WrittenPaths empty_paths(std::int32_t per_prompt, const PathGrammar& grammar) {
  WrittenPaths out;
  out.per_prompt = per_prompt;
  out.most_items = grammar.rules().most_items;
  return out;
}

}  // namespace

double WrittenPaths::log_prob_sum(std::int32_t row) const noexcept {
  double sum = 0.0;
  for (const float value : log_prob_of(row)) sum += double{value};
  return sum;
}

PathWriter::PathWriter(const PathModel& model, const PathRules& rules, bool portable)
    : model_(model), grammar_(model.ids, rules), decoder_(model.network, portable) {}

WrittenPaths PathWriter::write(std::span<const PathPrompt> prompts, const WriteOptions& options) const {
  WrittenPaths out = empty_paths(options.per_prompt, grammar_);
  if (prompts.empty()) return out;
  if (options.per_prompt < 1) nn::reject_field("per_prompt", std::to_string(options.per_prompt), "1 or more");
  if (!(options.temperature > 0.0)) {
    nn::reject_field("temperature", std::to_string(options.temperature), "more than 0");
  }
  const Desk desk = lay_out(model_, grammar_, prompts);
  const auto rows = static_cast<std::int32_t>(prompts.size()) * options.per_prompt;
  const auto cache = decoder_.begin(desk.view(), rows, grammar_.most_tokens());
  std::vector<Draft> drafts(at(rows));
  std::vector<std::int32_t> live(at(rows)), prompt, token;
  std::iota(live.begin(), live.end(), 0);
  for (std::int32_t r = 0; r < rows; ++r) {
    drafts[at(r)].prompt = r / options.per_prompt;
    drafts[at(r)].state = desk.first[at(drafts[at(r)].prompt)];
  }
  Choices choices;
  for (std::int32_t t = 0; t < grammar_.most_tokens() && !live.empty(); ++t) {
    prompt.clear();
    token.clear();
    for (const std::int32_t r : live) {
      prompt.push_back(drafts[at(r)].prompt);
      token.push_back(t == 0 ? nn::SemanticIdLayout::pad : drafts[at(r)].tokens.back());
    }
    decoder_.step(*cache, live, prompt, token, t);
    const ScoreBlock block(decoder_, *cache, grammar_, t % grammar_.layout().digits,
                           static_cast<std::int32_t>(live.size()));
    std::vector<std::int32_t> still;
    for (std::size_t i = 0; i < live.size(); ++i) {
      Draft& draft = drafts[at(live[i])];
      block.choices(static_cast<std::int32_t>(i), draft.state, choices);
      if (choices.tokens.empty()) continue;  // nothing may be shown any more: the path ends as it is
      const auto lane = static_cast<std::uint32_t>(live[i] % options.per_prompt * grammar_.most_tokens() + t);
      const std::size_t chosen =
          options.mode == Mode::greedy
              ? most_probable(choices.scores)
              : draw(choices, options, uniform(prompts[at(draft.prompt)].key, Stream::policy, lane));
      draft.tokens.push_back(choices.tokens[chosen]);
      draft.log_prob.push_back(static_cast<float>(double{choices.scores[chosen]} - log_sum(choices.scores)));
      grammar_.advance(draft.state, draft.tokens.back());
      if (!desk.finished(grammar_, draft)) still.push_back(live[i]);
    }
    live = std::move(still);
  }
  for (const Draft& draft : drafts) put_down(draft, out);
  return out;
}

WrittenPaths PathWriter::write_parallel(std::span<const PathPrompt> prompts, const WriteOptions& options,
                                        std::int32_t shard_prompts) const {
  const std::size_t step = at(shard_prompts);
  std::vector<WrittenPaths> parts((prompts.size() + step - 1) / step);
  parallel_for(static_cast<std::int64_t>(parts.size()), [&](std::int64_t s) {
    const std::size_t first = at(s) * step;
    parts[at(s)] = write(prompts.subspan(first, std::min(step, prompts.size() - first)), options);
  });
  WrittenPaths out = empty_paths(options.per_prompt, grammar_);
  for (const WrittenPaths& part : parts) {
    const std::int64_t before = out.offsets.back();
    for (std::size_t r = 1; r < part.offsets.size(); ++r) out.offsets.push_back(before + part.offsets[r]);
    out.tokens.insert(out.tokens.end(), part.tokens.begin(), part.tokens.end());
    out.log_prob.insert(out.log_prob.end(), part.log_prob.begin(), part.log_prob.end());
    out.ended.insert(out.ended.end(), part.ended.begin(), part.ended.end());
    out.length.insert(out.length.end(), part.length.begin(), part.length.end());
    out.items.insert(out.items.end(), part.items.begin(), part.items.end());
  }
  return out;
}

WrittenPaths PathWriter::beam(std::span<const PathPrompt> prompts, std::int32_t width,
                              double length_penalty) const {
  if (width < 1) nn::reject_field("width", std::to_string(width), "1 or more");
  WrittenPaths out = empty_paths(width, grammar_);
  if (prompts.empty()) return out;
  const Desk desk = lay_out(model_, grammar_, prompts);
  const auto rows = static_cast<std::int32_t>(prompts.size()) * width;
  const auto cache = decoder_.begin(desk.view(), rows, grammar_.most_tokens());
  const auto worth = [&](const Draft& draft) {
    return draft.score /
           std::pow(static_cast<double>(std::max<std::size_t>(1, draft.tokens.size())), length_penalty);
  };
  const auto better = [&](const Draft& a, const Draft& b) { return worth(a) > worth(b); };
  // Per prompt: drafts that go on, in cache rows prompt * width + i, and finished ones, best first.
  std::vector<std::vector<Draft>> live(prompts.size()), done(prompts.size());
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    Draft draft;
    draft.prompt = static_cast<std::int32_t>(p);
    draft.state = desk.first[p];
    live[p].push_back(draft);
  }
  Choices choices;
  for (std::int32_t t = 0; t < grammar_.most_tokens(); ++t) {
    std::vector<std::int32_t> row, prompt, token;
    for (std::size_t p = 0; p < live.size(); ++p) {
      for (std::size_t i = 0; i < live[p].size(); ++i) {
        row.push_back(static_cast<std::int32_t>(p) * width + static_cast<std::int32_t>(i));
        prompt.push_back(static_cast<std::int32_t>(p));
        token.push_back(t == 0 ? nn::SemanticIdLayout::pad : live[p][i].tokens.back());
      }
    }
    if (row.empty()) break;
    decoder_.step(*cache, row, prompt, token, t);
    const ScoreBlock block(decoder_, *cache, grammar_, t % grammar_.layout().digits,
                           static_cast<std::int32_t>(row.size()));
    std::vector<std::int32_t> from, to;
    std::int32_t place = 0;
    for (std::size_t p = 0; p < live.size(); ++p) {
      struct Step {
        double score = 0.0;
        std::size_t draft = 0;
        std::int32_t token = 0;
        float log_prob = 0.0F;
      };
      std::vector<Step> steps;
      for (std::size_t i = 0; i < live[p].size(); ++i, ++place) {
        block.choices(place, live[p][i].state, choices);
        if (choices.tokens.empty()) {
          done[p].push_back(live[p][i]);
          continue;
        }
        const double norm = log_sum(choices.scores);
        for (std::size_t c = 0; c < choices.tokens.size(); ++c) {
          const double log_p = double{choices.scores[c]} - norm;
          steps.push_back({live[p][i].score + log_p, i, choices.tokens[c], static_cast<float>(log_p)});
        }
      }
      const std::size_t kept = std::min(steps.size(), at(width));
      std::partial_sort(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(kept), steps.end(),
                        [](const Step& a, const Step& b) {
                          return a.score != b.score
                                     ? a.score > b.score
                                     : std::pair(a.draft, a.token) < std::pair(b.draft, b.token);
                        });
      std::vector<Draft> next;
      for (std::size_t s = 0; s < kept; ++s) {
        Draft draft = live[p][steps[s].draft];
        draft.tokens.push_back(steps[s].token);
        draft.log_prob.push_back(steps[s].log_prob);
        draft.score = steps[s].score;
        grammar_.advance(draft.state, steps[s].token);
        if (desk.finished(grammar_, draft)) {
          done[p].push_back(std::move(draft));
          continue;
        }
        from.push_back(static_cast<std::int32_t>(p) * width + static_cast<std::int32_t>(steps[s].draft));
        to.push_back(static_cast<std::int32_t>(p) * width + static_cast<std::int32_t>(next.size()));
        next.push_back(std::move(draft));
      }
      std::stable_sort(done[p].begin(), done[p].end(), better);
      if (done[p].size() > at(width)) done[p].resize(at(width));
      live[p] = std::move(next);
    }
    if (!from.empty()) decoder_.copy_rows(*cache, from, to, t + 1);
  }
  for (std::size_t p = 0; p < prompts.size(); ++p) {
    for (std::size_t i = 0; i < at(width); ++i) put_down(i < done[p].size() ? done[p][i] : Draft{}, out);
  }
  return out;
}

}  // namespace veer
