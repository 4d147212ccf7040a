// Paths of bounded length: the exact hop-limited dynamic programme, and the searches that it guides.
//
// Thread-safety: immutable once built. Ownership: a HopTable keeps costs only; the graph must be the one it
// was built from.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "env/graph/shortest_path.h"

namespace veer {

/// Cheapest cost from every item to one target with at most h edges, for every h up to a bound. The cheapest
/// walk with a bounded number of edges is a simple path, because costs are not negative. For the target
/// itself the cost is 0. This is the best that any plan can do under the graph's Markov chain; it bounds
/// nothing about a user model.
class HopTable {
 public:
  /// O(max_edges x edges). Throws ConfigError when max_edges < 1. REQUIRES: target in 1..N.
  HopTable(const ItemGraph& graph, ItemId target, std::int32_t max_edges, EdgeRule edges = EdgeRule::any);

  ItemId target() const noexcept { return target_; }
  EdgeRule edge_rule() const noexcept { return edges_; }
  std::int32_t max_edges() const noexcept { return max_edges_; }

  /// Cost in nats from `item` with at most `edges` edges; `no_path_cost` if there is no such path.
  /// REQUIRES: 0 <= edges <= max_edges().
  double cost(ItemId item, std::int32_t edges) const noexcept {
    return costs_[static_cast<std::size_t>(edges) * width_ + static_cast<std::size_t>(item)];
  }
  double cost(ItemId item) const noexcept { return cost(item, max_edges_); }
  std::size_t bytes() const noexcept { return costs_.size() * sizeof(double); }

 private:
  ItemId target_;
  EdgeRule edges_;
  std::int32_t max_edges_;
  std::size_t width_;
  std::vector<double> costs_;  ///< [max_edges + 1, N + 1]
};

/// The successor of `from` through which the target costs least with at most `max_edges` edges, the rules
/// applied to that successor alone: O(successors of `from`), where bounded_path may search the whole graph
/// once much is avoided. Equal costs: the lower id. no_item: none. REQUIRES: from in 1..N; 1 <= max_edges <=
/// table.max_edges(); the rules' edges are those of the table.
ItemId cheapest_successor(const ItemGraph& graph, ItemId from, const HopTable& table, std::int32_t max_edges,
                          const PathRules& rules = {});

/// The cheapest path to the table's target with at most `max_edges` edges that keeps the rules. The table's
/// costs guide the search, exact when nothing on the way is avoided; the result is exact in any case. No
/// value: no such path. REQUIRES: from in 1..N; max_edges <= table.max_edges(); the rules' edges are those of
/// the table.
std::optional<GraphPath> bounded_path(const ItemGraph& graph, ItemId from, const HopTable& table,
                                      std::int32_t max_edges, const PathRules& rules = {});

/// The `count` cheapest loopless paths with at most `max_edges` edges, cheapest first; between equal costs
/// the lexicographically smaller one. Fewer if there are no more. Source: Yen, "Finding the k shortest
/// loopless paths in a network", Management Science 17(11), 1971, with bounded_path as its inner search.
std::vector<GraphPath> k_shortest_paths(const ItemGraph& graph, ItemId from, const HopTable& table,
                                        std::int32_t count, std::int32_t max_edges,
                                        const PathRules& rules = {});

}  // namespace veer
