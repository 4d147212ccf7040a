// The items that may be shown, as token tuples: what a policy over semantic tokens acts on. The tokens stay
// when the catalogue changes: an item that appears is encoded with the frozen codebooks and can be shown at
// the next step, one that disappears leaves the tree of tuples, and no weight of a network moves.
//
// Thread-safety: immutable once built; safe to share. Ownership: owns ids, codebooks, tree and vectors.
// Source: Wang et al., "Hierarchical semantic RL" (arXiv 2510.09167): the fixed semantic action space.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "env/nn/semantic_ids/prefix_trie.h"
#include "env/nn/semantic_ids/semantic_id_codebooks.h"
#include "env/nn/semantic_ids/semantic_ids.h"
#include "env/nn/semantic_ids/semantic_ids_file.h"
#include "env/types.h"

namespace veer::slate {

class SemanticCatalogue {
 public:
  /// `vectors`: [N+1, width] what policies read of an item in a history; row 0 is taken as zero. Throws
  /// ConfigError when their number is not that of the ids, or their width not that of the codebooks.
  SemanticCatalogue(nn::SemanticIdModel model, View<const float> vectors);

  /// Items numbered first..N + new that had no id so far, with these vectors (one row each). Numbers beyond
  /// items() enlarge the catalogue. Throws ConfigError without codebooks, and what nn::add_items() throws.
  std::shared_ptr<const SemanticCatalogue> with_items(std::span<const ItemId> added,
                                                      View<const float> vectors) const;
  /// Without these: they may stand in histories, but are not shown any more. Throws as nn::remove_items().
  std::shared_ptr<const SemanticCatalogue> without_items(std::span<const ItemId> removed) const;

  std::int32_t items() const noexcept { return model_.ids.items(); }         ///< N
  std::int32_t shown() const noexcept { return model_.ids.with_id(); }       ///< items that may be shown
  std::int32_t levels() const noexcept { return levels_; }                   ///< tokens a policy chooses
  std::int32_t codes() const noexcept { return model_.ids.layout().codes; }  ///< per level
  const nn::SemanticIdModel& model() const noexcept { return model_; }

  View<const float> vectors() const noexcept { return {vectors_.data(), items() + 1, width_}; }
  /// [levels] codes of an item that has an id. The digit that tells apart items whose codes agree is none of
  /// them: such items are equally likely.
  std::span<const std::int32_t> codes_of(ItemId item) const noexcept {
    return std::span(codes_).subspan(at(item) * at(levels_), at(levels_));
  }

  /// The tuples as a tree of depth levels() + 1.
  const nn::PrefixTrie& tree() const noexcept { return tree_; }
  /// Nodes of a depth are level_begin(depth) .. level_begin(depth + 1) - 1. REQUIRES: depth <= levels() + 2.
  std::int32_t level_begin(std::int32_t depth) const noexcept { return level_begin_[at(depth)]; }
  /// The code of a child token of a node of that depth.
  std::int32_t code(std::int32_t depth, std::int32_t token) const noexcept {
    return model_.ids.layout().code(depth, token);
  }

 private:
  nn::SemanticIdModel model_;
  std::int32_t levels_ = 0;
  std::int32_t width_ = 0;
  std::vector<float> vectors_;       // [N+1, width]
  std::vector<std::int32_t> codes_;  // [N+1, levels]
  nn::PrefixTrie tree_;
  std::vector<std::int32_t> level_begin_;
};

}  // namespace veer::slate
