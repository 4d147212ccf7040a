// Small random graphs and the answers of plain enumeration, to hold the searches against.
#pragma once

#include <algorithm>
#include <vector>

#include "env/graph/item_graph.h"
#include "env/graph/shortest_path.h"
#include "env/random.h"

namespace veer::testing {

/// Each ordered pair is an edge with probability `density`; costs are multiples of 1/64 in [0, 4), so that
/// sums are exact in any order and equal costs occur. Half of the edges are coherent.
inline std::vector<GraphEdge> random_edges(std::int32_t items, float density, std::uint64_t seed) {
  std::vector<GraphEdge> edges;
  for (ItemId a = 1; a <= items; ++a) {
    for (ItemId b = 1; b <= items; ++b) {
      const StepKey key{seed, static_cast<EpisodeId>(a), static_cast<std::uint32_t>(b)};
      if (a == b || uniform(key, Stream::generate, 0) >= density) continue;
      edges.push_back({.from = a,
                       .to = b,
                       .cost = static_cast<float>(uniform_below(256, key, Stream::generate, 1)) / 64.0F,
                       .coherent = uniform(key, Stream::generate, 2) < 0.5F});
    }
  }
  return edges;
}

/// Every simple path between two items with at most max_edges edges that keeps the rules, cheapest first,
/// then lexicographic: by plain depth-first enumeration.
inline std::vector<GraphPath> all_paths(const ItemGraph& graph, ItemId from, ItemId to,
                                        std::int32_t max_edges, const PathRules& rules = {}) {
  std::vector<GraphPath> found;
  GraphPath path{.items = {from}, .cost = 0.0};
  const auto has = [](std::span<const ItemId> items, ItemId item) {
    return std::ranges::count(items, item) > 0;
  };
  const auto extend = [&](auto&& self) -> void {
    const ItemId here = path.items.back();
    if (here == to) {
      found.push_back(path);
      return;
    }
    if (path.edges() == max_edges) return;
    for (const GraphEdge& edge : graph.edges_from(here)) {
      if (rules.edges == EdgeRule::coherent && !edge.coherent) continue;
      if (has(path.items, edge.to) || has(rules.avoid, edge.to)) continue;
      if (path.edges() == 0 && has(rules.avoid_first, edge.to)) continue;
      path.items.push_back(edge.to);
      path.cost += double{edge.cost};
      self(self);
      path.cost -= double{edge.cost};
      path.items.pop_back();
    }
  };
  extend(extend);
  std::ranges::sort(found, [](const GraphPath& a, const GraphPath& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.items < b.items;
  });
  return found;
}

/// Fewest edges, by the same enumeration.
inline std::int32_t fewest_edges(const std::vector<GraphPath>& paths) {
  std::int32_t fewest = no_path_hops;
  for (const GraphPath& path : paths) fewest = std::min(fewest, path.edges());
  return fewest;
}

/// True when every step of the path is an edge of the graph that keeps the rules, and costs add up.
inline bool keeps_rules(const ItemGraph& graph, const GraphPath& path, const PathRules& rules) {
  double cost = 0.0;
  for (std::size_t k = 1; k < path.items.size(); ++k) {
    bool known = false;
    for (const GraphEdge& edge : graph.edges_from(path.items[k - 1])) {
      if (edge.to != path.items[k]) continue;
      known = rules.edges == EdgeRule::any || edge.coherent;
      cost += double{edge.cost};
    }
    if (!known || std::ranges::count(rules.avoid, path.items[k]) > 0) return false;
    if (k == 1 && std::ranges::count(rules.avoid_first, path.items[k]) > 0) return false;
    if (std::ranges::count(path.items, path.items[k]) != 1) return false;
  }
  return cost == path.cost;
}

}  // namespace veer::testing
