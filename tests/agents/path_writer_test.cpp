#include "agents/generative/path_writer.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "agents/generative/path_imitation.h"
#include "agents/generative/path_likelihood_net.h"
#include "env/error.h"
#include "env/runtime.h"
#include "tests/agents/small_path_model.h"
#include "tests/test.h"

namespace veer {
namespace {

using Path = std::vector<ItemId>;

struct Prompts {
  std::vector<std::vector<ItemId>> histories{{1, 2}, {6}, {3, 1, 6}, {5, 5}};
  std::vector<ItemId> targets{3, 1, 5, 2};
  std::vector<PathPrompt> prompts;

  Prompts() {
    for (std::size_t p = 0; p < histories.size(); ++p) {
      prompts.push_back({histories[p], targets[p], {9, p, 0}});
    }
  }
};

PathRules free_rules(std::int32_t most = 3) {
  PathRules rules;
  rules.most_items = most;
  rules.allow_target = rules.allow_history = rules.allow_repeats = true;
  return rules;
}

/// Teacher-forced log-probability of each token of every row.
std::vector<float> forced(const PathModel& model, const PathRules& rules, std::span<const PathPrompt> prompts,
                          const WrittenPaths& paths) {
  torch::NoGradGuard guard;
  const PathGrammar grammar(model.ids, rules);
  ForcedPaths rows(model.prompt_width());
  for (std::int32_t r = 0; r < paths.rows(); ++r) {
    const PathPrompt& prompt = prompts[at(r / paths.per_prompt)];
    if (r % paths.per_prompt == 0) {
      rows.add_prompt(prompt_tokens(*model.ids, prompt.history, prompt.target, model.most_history));
    }
    rows.add_path(paths.tokens_of(r), grammar.begin(prompt.history, prompt.target), grammar.layout().digits);
  }
  rows.close();
  nn::DropoutMasks none(nullptr, model.network.device());
  std::vector<float> out(rows.labels.size());
  for (const TokenGroup& group : forced_log_probabilities(model.network.net(), grammar, rows, none)) {
    for (std::size_t i = 0; i < group.place.size(); ++i) {
      out[at(group.place[i])] = group.chosen[static_cast<std::int64_t>(i)].item<float>();
    }
  }
  return out;
}

/// Every path that the rules allow, with its probability, by teacher forcing one at a time.
std::map<Path, double> all_paths(const PathModel& model, const PathRules& rules, const PathPrompt& prompt) {
  const PathGrammar grammar(model.ids, rules);
  std::map<Path, double> out;
  std::vector<std::pair<PathGrammar::State, std::vector<std::int32_t>>> open{
      {grammar.begin(prompt.history, prompt.target), {}}};
  while (!open.empty()) {
    auto [state, tokens] = open.back();
    open.pop_back();
    std::vector<std::int32_t> legal;
    if (!grammar.finished(state)) grammar.legal(state, legal);
    if (legal.empty()) {
      WrittenPaths one;
      one.most_items = rules.most_items;
      one.tokens = tokens;
      one.offsets = {0, static_cast<std::int64_t>(tokens.size())};
      one.length = {static_cast<std::int32_t>(state.items.size())};
      double sum = 0.0;
      for (const float value : forced(model, rules, {&prompt, 1}, one)) sum += double{value};
      out[state.items] = std::exp(sum);
      continue;
    }
    for (const std::int32_t token : legal) {
      PathGrammar::State next = state;
      grammar.advance(next, token);
      auto longer = tokens;
      longer.push_back(token);
      open.emplace_back(std::move(next), std::move(longer));
    }
  }
  return out;
}

TEST_CASE("the grammar lets through exactly the tokens from which an allowed item can still be reached") {
  const auto ids = six_items();
  PathRules rules = free_rules();
  rules.allow_target = rules.allow_history = rules.allow_repeats = false;
  const PathGrammar grammar(ids, rules);
  const std::vector<ItemId> history{1, 6};
  // Item 2 is the target: nothing is left below the first token of 1 and 2, nor below that of 6.
  PathGrammar::State state = grammar.begin(history, 2);
  std::vector<std::int32_t> legal;
  grammar.legal(state, legal);
  CHECK(legal == std::vector<std::int32_t>{ids->layout().token(0, 1)});  // no end: a path has an item
  grammar.advance(state, legal.front());
  grammar.legal(state, legal);
  CHECK(legal.size() == 3);
  grammar.advance(state, ids->layout().token(1, 1));
  CHECK(state.items == Path{4});
  grammar.legal(state, legal);
  CHECK(legal == std::vector<std::int32_t>{ids->layout().token(0, 1), ids->layout().end()});
  grammar.advance(state, legal.front());
  grammar.legal(state, legal);
  CHECK(legal == std::vector<std::int32_t>{ids->layout().token(1, 0), ids->layout().token(1, 2)});

  rules.allow_target = true;
  state = PathGrammar(ids, rules).begin(std::vector<ItemId>{1, 2, 6}, 2);  // allowed although it was seen
  PathGrammar(ids, rules).legal(state, legal);
  CHECK(legal == std::vector<std::int32_t>{ids->layout().token(0, 0), ids->layout().token(0, 1)});

  rules.least_items = 4;
  CHECK_THROWS_WITH_AS(PathGrammar(ids, rules), doctest::Contains("least_items"), ConfigError);
  const auto gap = std::make_shared<const nn::SemanticIds>(nn::SemanticIdLayout{2, 3},
                                                           std::vector<std::int32_t>{0, 0, 1, 4, 0, 0});
  CHECK_THROWS_WITH_AS(PathGrammar(gap, free_rules()), doctest::Contains("item 2"), DataError);
}

TEST_CASE("prompts hold the newest items, the target and the end") {
  const auto ids = six_items();
  const std::vector<ItemId> history{6, 1, 3};
  const auto end = ids->layout().end();
  CHECK(prompt_tokens(*ids, history, 4, 2) == std::vector<std::int32_t>{1, 4, 2, 4, 2, 5, end});
  CHECK(prompt_tokens(*ids, std::span(history).first(1), 4, 2) == std::vector<std::int32_t>{3, 5, 2, 5, end});
}

TEST_CASE("recorded log-probabilities are those of teacher forcing, whatever the rules") {
  const PathModel model = small_path_model();
  const Prompts p;
  std::vector<PathRules> rules(3, free_rules(4));
  rules[1].allow_target = rules[1].allow_history = rules[1].allow_repeats = false;
  rules[2].constrained = false;
  for (const PathRules& rule : rules) {
    CAPTURE(rule.constrained);
    CAPTURE(rule.allow_history);
    const WrittenPaths paths = PathWriter(model, rule).write(p.prompts, {.per_prompt = 5});
    const std::vector<float> again = forced(model, rule, p.prompts, paths);
    REQUIRE(again.size() == paths.log_prob.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < again.size(); ++i) {
      worst = std::max(worst, std::abs(double{again[i]} - double{paths.log_prob[i]}));
    }
    CHECK(worst < 1e-4);
    const WrittenPaths portable = PathWriter(model, rule, true).write(p.prompts, {.per_prompt = 5});
    CHECK(portable.items == paths.items);
    std::set<Path> distinct;
    for (std::int32_t r = 0; r < paths.rows(); ++r) {
      const auto items = paths.items_of(r);
      distinct.insert(Path(items.begin(), items.end()));
      if (!rule.constrained) continue;
      CHECK(items.size() >= 1);
      CHECK((paths.ended[at(r)] == 1) == (items.size() < 4));
      if (rule.allow_history) continue;
      const PathPrompt& prompt = p.prompts[at(r / 5)];
      std::set<ItemId> seen(prompt.history.begin(), prompt.history.end());
      seen.insert(prompt.target);
      for (const ItemId item : items) CHECK(seen.insert(item).second);
    }
    CHECK(distinct.size() > 4);
  }
}

TEST_CASE("paths are drawn in proportion to their probability") {
  const PathModel model = small_path_model();
  PathRules rules = free_rules(2);
  rules.allow_history = rules.allow_repeats = false;
  const std::vector<ItemId> history{1, 3};
  const PathPrompt prompt{history, 4, {5, 0, 0}};
  const auto exact = all_paths(model, rules, prompt);
  double total = 0.0;
  for (const auto& [path, probability] : exact) total += probability;
  CHECK(total == doctest::Approx(1.0).epsilon(1e-5));
  CHECK(exact.size() == 4 + 4 * 3);
  constexpr std::int32_t draws = 20'000;
  std::map<Path, std::int32_t> counts;
  const WrittenPaths paths = PathWriter(model, rules).write({&prompt, 1}, {.per_prompt = draws});
  for (std::int32_t r = 0; r < draws; ++r) ++counts[Path(paths.items_of(r).begin(), paths.items_of(r).end())];
  double chi_square = 0.0;
  for (const auto& [path, probability] : exact) {
    const double wanted = probability * draws;
    chi_square += (counts[path] - wanted) * (counts[path] - wanted) / wanted;
  }
  CHECK(chi_square < 37.7);  // 15 degrees of freedom, 0.1 %
}

TEST_CASE("a wide beam finds the best path, a narrow one of width one is greedy") {
  const PathModel model = small_path_model(8);
  const Prompts p;
  const PathWriter writer(model, free_rules(2));
  const WrittenPaths wide = writer.beam(p.prompts, 60, 0.0);
  const WrittenPaths narrow = writer.beam(p.prompts, 1, 0.0);
  const WrittenPaths greedy = writer.write(p.prompts, {.per_prompt = 1, .mode = Mode::greedy});
  CHECK(narrow.items == greedy.items);
  CHECK(narrow.tokens == greedy.tokens);
  for (std::int32_t i = 0; i < 4; ++i) {
    const auto exact = all_paths(model, free_rules(2), p.prompts[at(i)]);
    CHECK(exact.size() == 6 + 36);
    const auto best = std::max_element(exact.begin(), exact.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    const auto found = wide.items_of(i * 60);
    CHECK(Path(found.begin(), found.end()) == best->first);
    CHECK(std::exp(wide.log_prob_sum(i * 60)) == doctest::Approx(best->second).epsilon(1e-4));
    for (std::int32_t r = 1; r < 42; ++r) {  // best first, all of them
      CHECK(wide.log_prob_sum(i * 60 + r) <= wide.log_prob_sum(i * 60 + r - 1) + 1e-6);
    }
    CHECK(wide.length[at(i * 60 + 42)] == 0);
  }
}

TEST_CASE(
    "limits and bars of one prompt hold, threads change nothing, greed and truncation do what they say") {
  const PathModel model = small_path_model();
  Prompts p;
  const std::vector<ItemId> barred{3, 4, 5};
  p.prompts[1].most_items = 1;
  p.prompts[3].barred = barred;
  PathRules rules = free_rules(4);
  rules.allow_history = rules.allow_repeats = rules.allow_target = false;
  const PathWriter writer(model, rules);
  const WrittenPaths one = writer.write_parallel(p.prompts, {.per_prompt = 6}, 2);
  for (std::int32_t m = 0; m < 6; ++m) {
    CHECK(one.length[at(6 + m)] == 1);
    // History 5, target 2, barred 3 and 4: only 1 and 6 are left, and then nothing.
    for (const ItemId item : one.items_of(18 + m)) CHECK((item == 1 || item == 6));
  }
  for (const int threads : {1, 2, 3}) {
    Runtime runtime({.threads = threads});
    WrittenPaths other;
    runtime.run([&] { other = writer.write_parallel(p.prompts, {.per_prompt = 6}, 2); });
    CHECK(other.tokens == one.tokens);
    CHECK(other.log_prob == one.log_prob);
  }
  const WrittenPaths first = writer.write(p.prompts, {.per_prompt = 6, .top_k = 1});
  const WrittenPaths greedy = writer.write(p.prompts, {.per_prompt = 6, .mode = Mode::greedy});
  CHECK(first.tokens == greedy.tokens);
  CHECK_THROWS_WITH_AS(writer.write(p.prompts, {.per_prompt = 0}), doctest::Contains("per_prompt"),
                       ConfigError);
  CHECK_THROWS_WITH_AS(writer.write(p.prompts, {.temperature = 0.0}), doctest::Contains("temperature"),
                       ConfigError);
  CHECK_THROWS_WITH_AS(writer.beam(p.prompts, 0), doctest::Contains("width"), ConfigError);
}

TEST_CASE("imitation learns paths by heart, by the same bits for any number of threads") {
  const PathModel start = small_path_model();
  const std::vector<ItemId> one{1, 2}, two{6, 5}, path_one{3, 4}, path_two{2}, long_path{1, 2, 3};
  const std::vector<PathExample> examples{{one, path_one, 6}, {two, path_two, 3}, {one, long_path, 2}};
  const auto train = [&](int threads, bool unconstrained) {
    Runtime runtime({.threads = threads});
    ImitationOptions options;
    options.most_items = 3;
    options.shard_examples = 2;
    options.unconstrained = unconstrained;
    PathImitation imitation(start, 5, options);
    runtime.run([&] {
      for (std::uint32_t step = 0; step < 700; ++step) imitation.step(examples, 0, step, 5e-3F);
    });
    return imitation.snapshot();
  };
  for (const bool unconstrained : {false, true}) {
    const PathModel learned = train(1, unconstrained);
    ImitationOptions options;
    options.most_items = 3;
    options.unconstrained = unconstrained;
    CHECK(imitation_loss(start, examples, options) > 0.5);
    CHECK(imitation_loss(learned, examples, options) < 0.05);
    PathRules rules = free_rules(3);
    rules.constrained = !unconstrained;
    std::vector<PathPrompt> prompts;
    for (const PathExample& example : examples) prompts.push_back({example.history, example.target, {}});
    const WrittenPaths written = PathWriter(learned, rules).write(prompts, {.mode = Mode::greedy});
    for (std::int32_t i = 0; i < 3; ++i) {
      CHECK(std::ranges::equal(written.items_of(i), examples[at(i)].path));
    }
    const NamedArrays weights = learned.network.to_arrays(),
                      other = train(3, unconstrained).network.to_arrays();
    for (const auto& [name, array] : weights.all()) CHECK((array.bytes == other.at(name).bytes));
  }
}

}  // namespace
}  // namespace veer
