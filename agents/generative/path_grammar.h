// Which token may follow in a path that is written token by token: the items of a path are the tuples of
// their semantic ids one behind the other, then the end token. Torch-free.
//
// Thread-safety: a grammar is immutable and shared; a state belongs to one path. Source: Hou et al., "ProRL"
// (arXiv 2605.28293), appendix on tokens; the released code lets every token follow every other.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/nn/semantic_ids/prefix_trie.h"
#include "env/nn/semantic_ids/semantic_ids.h"
#include "env/types.h"

namespace veer {

struct PathRules {
  /// Only whole tuples of items may be written and the end only between them. Off: any token at any place,
  /// as in the released code; what is no item of the catalogue is then an invalid item, and the end may come
  /// within a tuple, whose tokens are lost.
  bool constrained = true;
  std::int32_t most_items = 10;  ///< a path of that many ends without the end token
  std::int32_t least_items = 1;  ///< constrained only: the end is not legal before
  bool allow_target = false;     ///< constrained only, as are the two below
  bool allow_history = false;
  bool allow_repeats = false;
};

class PathGrammar {
 public:
  /// Throws ConfigError for lengths that make no path, DataError when an item has no semantic id.
  PathGrammar(std::shared_ptr<const nn::SemanticIds> ids, const PathRules& rules);

  /// Where one path stands.
  struct State {
    std::int32_t node = nn::PrefixTrie::root;
    std::int32_t written = 0;  ///< tokens, the end included
    bool ended = false;
    std::vector<ItemId> items;        ///< whole ones; no_item where a tuple is nobody's (unconstrained)
    std::vector<ItemId> barred;       ///< ascending, distinct
    std::vector<std::int32_t> tuple;  ///< tokens of the item being written
  };
  State begin(std::span<const ItemId> history, ItemId target) const;
  bool finished(const State& state) const noexcept {
    return state.ended || static_cast<std::int32_t>(state.items.size()) == rules_.most_items;
  }

  /// What may follow, ascending, the end token last; empty when nothing may (the path then ends as it is).
  /// REQUIRES: constrained, not finished.
  void legal(const State& state, std::vector<std::int32_t>& tokens) const;
  /// REQUIRES: legal, not finished.
  void advance(State& state, std::int32_t token) const;

  const PathRules& rules() const noexcept { return rules_; }
  const nn::SemanticIds& ids() const noexcept { return *ids_; }
  const nn::SemanticIdLayout& layout() const noexcept { return ids_->layout(); }
  /// Digit that the next token writes.
  std::int32_t digit(const State& state) const noexcept { return state.written % layout().digits; }
  /// Tokens of the longest path, the end included.
  std::int32_t most_tokens() const noexcept { return rules_.most_items * layout().digits; }

 private:
  bool all_barred(const State& state, std::int32_t node, std::int32_t token) const;

  std::shared_ptr<const nn::SemanticIds> ids_;
  nn::PrefixTrie trie_;
  PathRules rules_;
};

/// The prompt of a path: tokens of the `most_history` newest items of the history, oldest first, then of the
/// target, then the end. REQUIRES: every item has an id.
std::vector<std::int32_t> prompt_tokens(const nn::SemanticIds& ids, std::span<const ItemId> history,
                                        ItemId target, std::int32_t most_history);

}  // namespace veer
