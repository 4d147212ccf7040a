// The prefixes of all semantic ids as a tree: which tokens may follow, and how many items lie below. What
// keeps a decoder from writing a tuple that no item has. Thread-safety: immutable once built; safe to share.
// Holds no reference to the ids it was built from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/nn/semantic_ids/semantic_ids.h"
#include "env/types.h"

namespace veer::nn {

/// Nodes 0..nodes()-1 in breadth-first order: the root, then all of depth 1 in the order of their tuples, and
/// so on.
class PrefixTrie {
 public:
  explicit PrefixTrie(const SemanticIds& ids);

  static constexpr std::int32_t root = 0;

  std::int32_t nodes() const noexcept { return static_cast<std::int32_t>(leaves_.size()); }
  std::int32_t depth() const noexcept { return depth_; }  ///< of a leaf: the digits of an id

  /// The tokens that may follow, ascending; empty at a leaf.
  std::span<const std::int32_t> child_tokens(std::int32_t node) const noexcept {
    return std::span(child_tokens_).subspan(at(first_child_[at(node)]), children(node));
  }
  /// Parallel to child_tokens(): consecutive numbers.
  std::span<const std::int32_t> child_nodes(std::int32_t node) const noexcept {
    return std::span(child_nodes_).subspan(at(first_child_[at(node)]), children(node));
  }
  /// Items below; 1 at a leaf.
  std::int32_t leaves(std::int32_t node) const noexcept { return leaves_[at(node)]; }
  /// The item of a leaf; no_item elsewhere.
  ItemId item(std::int32_t node) const noexcept { return items_[at(node)]; }
  /// The child reached by a token; -1 when there is none.
  std::int32_t find_child(std::int32_t node, std::int32_t token) const noexcept;

 private:
  std::size_t children(std::int32_t node) const noexcept {
    return at(first_child_[at(node) + 1] - first_child_[at(node)]);
  }
  std::int32_t depth_ = 0;
  std::vector<std::int32_t> first_child_;  // [nodes + 1], into the two arrays below
  std::vector<std::int32_t> child_tokens_;
  std::vector<std::int32_t> child_nodes_;
  std::vector<std::int32_t> leaves_;  // [nodes]
  std::vector<ItemId> items_;         // [nodes]
};

}  // namespace veer::nn
