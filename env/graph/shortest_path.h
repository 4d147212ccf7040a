// Cheapest paths in the item graph: Dijkstra and A* from one item to another, distances of all items to one.
//
// Thread-safety: pure functions over an immutable graph. Ownership: results are values.
// Ties: between paths of equal cost the one found first wins; the order is fixed, so results do not depend on
// threads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "env/graph/item_graph.h"

namespace veer {

/// What a path may use. Both lists may be in any order and may hold no_item.
struct PathRules {
  EdgeRule edges = EdgeRule::any;
  std::span<const ItemId> avoid = {};        ///< items the path must not enter; its source may be among them
  std::span<const ItemId> avoid_first = {};  ///< items that must not come directly after the source
};

struct GraphPath {
  std::vector<ItemId> items;  ///< source first, target last
  double cost = 0.0;          ///< sum of edge costs in nats

  std::int32_t edges() const noexcept { return static_cast<std::int32_t>(items.size()) - 1; }
};

/// Dijkstra, stopped when the target is settled. No value when the target cannot be reached or is avoided.
/// A path from an item to itself is the item alone. REQUIRES: both items in 1..N.
std::optional<GraphPath> shortest_path(const ItemGraph& graph, ItemId from, ItemId to,
                                       const PathRules& rules = {});

/// A lower bound of the cost from every item to one target, [N+1]; `no_path_cost` where no path exists.
using LowerBounds = std::vector<double>;

/// Bounds from a breadth-first search: hops to the target times the smallest edge cost.
LowerBounds hop_bounds(const ItemGraph& graph, ItemId target, EdgeRule edges = EdgeRule::any);

/// A*, stopped when the target is settled. The cost equals shortest_path's when `bounds` never exceed the
/// true costs (to `to`, under these rules or weaker ones); a bound need not be consistent.
std::optional<GraphPath> astar_path(const ItemGraph& graph, ItemId from, ItemId to,
                                    std::span<const double> bounds, const PathRules& rules = {});

/// Cost from every item to `target`, [N+1]: one Dijkstra over the reversed edges.
std::vector<double> costs_to(const ItemGraph& graph, ItemId target, EdgeRule edges = EdgeRule::any);
/// Cost from `source` to every item, [N+1].
std::vector<double> costs_from(const ItemGraph& graph, ItemId source, EdgeRule edges = EdgeRule::any);

/// Number of edges from every item to `target`, [N+1]; no_path_hops where there is no path.
std::vector<std::int32_t> hops_to(const ItemGraph& graph, ItemId target, EdgeRule edges = EdgeRule::any);

/// Landmarks: distances to and from a few far-apart items give bounds for any target by the triangle
/// inequality (Goldberg and Harrelson, "Computing the shortest path: A* search meets graph theory", SODA
/// 2005).
class Landmarks {
 public:
  /// Picks up to `count` landmarks, each the item farthest from those before it (fewest finite distances
  /// first, so that every component is covered), starting from the item with the most successors.
  Landmarks(const ItemGraph& graph, std::int32_t count);

  std::span<const ItemId> items() const noexcept { return items_; }
  LowerBounds bounds(ItemId target) const;

 private:
  std::vector<ItemId> items_;
  std::vector<std::vector<double>> to_;    ///< [landmark][item] cost item -> landmark
  std::vector<std::vector<double>> from_;  ///< [landmark][item] cost landmark -> item
};

}  // namespace veer
