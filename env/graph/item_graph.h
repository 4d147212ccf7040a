// The item transition graph: who followed whom in people's logs, as costs -log p(next | current).
//
// Thread-safety: immutable once built; any number of threads may search it. Ownership: owns its edges; keeps
// no reference to the data set it was built from.
//
// Distances are sums of edge costs in nats, so the cheapest path is the most probable one under a first-order
// Markov chain over items. Whatever is computed on this graph is a statement about that chain, not about a
// user model.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "env/types.h"

namespace veer {

struct Catalogue;
struct Dataset;

inline constexpr double no_path_cost = std::numeric_limits<double>::infinity();
inline constexpr std::int32_t no_path_hops = std::numeric_limits<std::int32_t>::max();

struct GraphEdge {
  ItemId from = no_item;
  ItemId to = no_item;
  float cost = 0.0F;      ///< -log p(to | from) in nats, >= 0
  bool coherent = false;  ///< the two items share at least one attribute
};

struct ItemGraphOptions {
  /// Additive (Lidstone) smoothing: p(j|i) = (c_ij + s) / (c_i + s N), over the N items of the catalogue.
  /// Only seen transitions become edges: smoothing makes edges out of rarely left items dearer, it never
  /// invents one.
  double smoothing = 0.0;
  std::int64_t minimum_count = 1;  ///< transitions seen less often make no edge, though they count in c_i
};

struct ItemGraphStatistics {
  std::int32_t items = 0;  ///< catalogue size N, items without any edge included
  std::int64_t edges = 0;
  std::int64_t coherent_edges = 0;
  std::int32_t items_with_successor = 0;
  std::int32_t items_with_predecessor = 0;
  double mean_out_degree = 0.0;  ///< over all N items
  std::int32_t largest_out_degree = 0;
  std::int32_t strong_components = 0;
  std::int32_t largest_strong_component = 0;  ///< items that all reach one another
  std::int32_t largest_weak_component = 0;
  double smallest_cost = 0.0;  ///< nats; 0 when there is no edge
  double mean_cost = 0.0;
};

/// Which edges a search may use.
enum class EdgeRule : std::uint8_t {
  any,
  coherent,  ///< only edges between items that share an attribute
};

class ItemGraph {
 public:
  /// From edges as they are. `items` is the catalogue size N. Throws DataError when an edge names an item
  /// outside 1..N, leads from an item to itself, stands twice, or has a negative or non-finite cost.
  ItemGraph(std::int32_t items, std::vector<GraphEdge> edges);
  ~ItemGraph();
  ItemGraph(ItemGraph&&) noexcept;
  ItemGraph& operator=(ItemGraph&&) noexcept;

  std::int32_t items() const noexcept;
  std::int64_t edges() const noexcept;
  /// Smallest edge cost; 0 without edges.
  double smallest_cost() const noexcept;

  /// Edges out of `item`, by ascending successor. A copy: for looking at, not for searching.
  std::vector<GraphEdge> edges_from(ItemId item) const;
  /// Cost of the edge, or `no_path_cost` when there is none.
  double cost(ItemId from, ItemId to) const noexcept;

  ItemGraphStatistics statistics() const;

  struct Impl;  ///< env/graph/item_graph_impl.h, for the searches of this folder
  const Impl& impl() const noexcept { return *impl_; }

 private:
  std::unique_ptr<const Impl> impl_;
};

/// Counts the moves between consecutive items in the logs of `people`. An item that follows itself is no move
/// and is left out of every count. Edges between items that share an attribute are marked coherent. Throws
/// ConfigError for a negative smoothing or a minimum count below 1.
ItemGraph build_item_graph(const Dataset& data, std::span<const UserId> people,
                           const ItemGraphOptions& options = {});

/// The path in the DOT language of Graphviz: edges labelled with their cost, dashed where the graph has none.
std::string path_as_dot(const ItemGraph& graph, std::span<const ItemId> path, const Catalogue& catalogue);

}  // namespace veer
