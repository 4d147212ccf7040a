#include "agents/generative/path_grammar.h"

#include <algorithm>

#include "env/error.h"

namespace veer {
namespace {

[[noreturn]] void reject_rule(const std::string& field, std::int32_t found, const std::string& expected) {
  throw ConfigError(Where{{}, 0, field}, Problem{std::to_string(found), expected, ""});
}

void bar(std::vector<ItemId>& barred, ItemId item) {
  const auto place = std::lower_bound(barred.begin(), barred.end(), item);
  if (item != no_item && (place == barred.end() || *place != item)) barred.insert(place, item);
}

}  // namespace

PathGrammar::PathGrammar(std::shared_ptr<const nn::SemanticIds> ids, const PathRules& rules)
    : ids_(std::move(ids)), trie_(*ids_), rules_(rules) {
  if (rules.most_items < 1 || rules.most_items > 1000)
    reject_rule("most_items", rules.most_items, "1 to 1000");
  if (rules.least_items < 0 || rules.least_items > rules.most_items) {
    reject_rule("least_items", rules.least_items, "0 to " + std::to_string(rules.most_items));
  }
  for (ItemId item = 1; item <= ids_->items(); ++item) {
    if (!ids_->has(item)) {
      throw DataError(Where{{}, 0, "semantic ids"},
                      Problem{"no id for item " + std::to_string(item), "an id for every item",
                              "make ids for this catalogue: veer fit semantic_ids"});
    }
  }
}

PathGrammar::State PathGrammar::begin(std::span<const ItemId> history, ItemId target) const {
  State state;
  if (!rules_.constrained) return state;
  if (!rules_.allow_history) {
    for (const ItemId item : history) bar(state.barred, item);
  }
  if (rules_.allow_target) {
    std::erase(state.barred, target);
  } else {
    bar(state.barred, target);
  }
  return state;
}

/// Whether no item below the child may be shown any more.
bool PathGrammar::all_barred(const State& state, std::int32_t node, std::int32_t token) const {
  std::int32_t count = 0;
  for (const ItemId item : state.barred) {
    const auto tokens = ids_->tokens(item);
    if (tokens[state.tuple.size()] == token &&
        std::equal(state.tuple.begin(), state.tuple.end(), tokens.begin())) {
      ++count;
    }
  }
  return count > 0 && count >= trie_.leaves(node);
}

void PathGrammar::legal(const State& state, std::vector<std::int32_t>& tokens) const {
  tokens.clear();
  const auto children = trie_.child_tokens(state.node);
  const auto nodes = trie_.child_nodes(state.node);
  if (state.barred.empty()) {
    tokens.assign(children.begin(), children.end());
  } else {
    for (std::size_t i = 0; i < children.size(); ++i) {
      if (!all_barred(state, nodes[i], children[i])) tokens.push_back(children[i]);
    }
  }
  if (state.tuple.empty() && static_cast<std::int32_t>(state.items.size()) >= rules_.least_items) {
    tokens.push_back(layout().end());
  }
}

void PathGrammar::advance(State& state, std::int32_t token) const {
  ++state.written;
  if (token == layout().end()) {
    state.ended = true;
    return;
  }
  state.tuple.push_back(token);
  if (static_cast<std::int32_t>(state.tuple.size()) < layout().digits) {
    if (rules_.constrained) state.node = trie_.find_child(state.node, token);
    return;
  }
  const ItemId item = ids_->item(state.tuple);
  state.items.push_back(item);
  state.tuple.clear();
  state.node = nn::PrefixTrie::root;
  if (rules_.constrained && !rules_.allow_repeats) bar(state.barred, item);
}

std::vector<std::int32_t> prompt_tokens(const nn::SemanticIds& ids, std::span<const ItemId> history,
                                        ItemId target, std::int32_t most_history) {
  std::vector<std::int32_t> tokens;
  const auto add = [&](ItemId item) {
    const auto own = ids.tokens(item);
    tokens.insert(tokens.end(), own.begin(), own.end());
  };
  for (const ItemId item : history.last(std::min(history.size(), at(most_history)))) add(item);
  if (target != no_item) add(target);
  tokens.push_back(ids.layout().end());
  return tokens;
}

}  // namespace veer
