#include "env/nn/semantic_ids/prefix_trie.h"

#include <algorithm>

namespace veer::nn {

PrefixTrie::PrefixTrie(const SemanticIds& ids) : depth_(ids.layout().digits) {
  // A node is a run of the items in the order of their tuples; those of one depth are cut out of those above.
  const std::span<const ItemId> sorted = ids.by_tokens();
  std::vector<std::int32_t> first{0};  // of each node's run; its length is leaves_
  leaves_.push_back(static_cast<std::int32_t>(sorted.size()));
  std::int32_t node = root;
  for (std::int32_t digit = 0; digit < depth_; ++digit) {
    for (const std::int32_t level_end = nodes(); node < level_end; ++node) {
      first_child_.push_back(static_cast<std::int32_t>(child_tokens_.size()));
      const std::int32_t end = first[at(node)] + leaves_[at(node)];
      std::int32_t last_token = -1;
      for (std::int32_t i = first[at(node)]; i < end; ++i) {
        const std::int32_t token = ids.tokens(sorted[at(i)])[at(digit)];
        if (token != last_token) {
          child_tokens_.push_back(token);
          child_nodes_.push_back(nodes());
          first.push_back(i);
          leaves_.push_back(0);
          last_token = token;
        }
        ++leaves_.back();
      }
    }
  }
  first_child_.resize(leaves_.size() + 1, static_cast<std::int32_t>(child_tokens_.size()));
  items_.assign(leaves_.size(), no_item);
  for (; node < nodes(); ++node) items_[at(node)] = sorted[at(first[at(node)])];
}

std::int32_t PrefixTrie::find_child(std::int32_t node, std::int32_t token) const noexcept {
  const auto tokens = child_tokens(node);
  const auto found = std::lower_bound(tokens.begin(), tokens.end(), token);
  if (found == tokens.end() || *found != token) return -1;
  return child_nodes(node)[static_cast<std::size_t>(found - tokens.begin())];
}

}  // namespace veer::nn
