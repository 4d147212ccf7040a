#include "env/nn/semantic_ids/collision_report.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "env/nn/semantic_ids/prefix_trie.h"

namespace veer::nn {

CollisionReport collision_report(const SemanticIds& ids) {
  const PrefixTrie trie(ids);
  CollisionReport report;
  report.items = ids.with_id();
  if (report.items == 0) {
    report.digits.resize(at(trie.depth()));
    return report;
  }
  std::int32_t node = PrefixTrie::root, level_end = 1;
  for (std::int32_t depth = 0; depth < trie.depth(); ++depth) {
    CollisionReport::Digit digit;
    std::set<std::int32_t> codes;
    const bool last = depth + 1 == trie.depth();
    for (; node < level_end; ++node) {
      const auto children = trie.child_nodes(node);
      const std::int32_t below = trie.leaves(node);
      codes.insert(trie.child_tokens(node).begin(), trie.child_tokens(node).end());
      digit.prefixes += static_cast<std::int32_t>(children.size());
      digit.most_children = std::max(digit.most_children, static_cast<std::int32_t>(children.size()));
      for (const std::int32_t child : children) {
        const double leaves = trie.leaves(child);
        digit.entropy += leaves * std::log2(below / leaves);
      }
      if (last) report.largest_collision = std::max(report.largest_collision, below);
      if (last && below > 1) {
        report.colliding_items += below;
        ++report.colliding_tuples;
      }
    }
    digit.codes_used = static_cast<std::int32_t>(codes.size());
    digit.entropy /= report.items;
    report.digits.push_back(digit);
    level_end = node + digit.prefixes;
  }
  return report;
}

}  // namespace veer::nn
