// Boost types of the item graph. Private to env/graph: no other folder includes this file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

// Boost 1.74 is not clean under this house's warnings.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wdeprecated-copy"
#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/graph/filtered_graph.hpp>
#pragma GCC diagnostic pop

#include "env/graph/item_graph.h"

namespace veer {

struct EdgeData {
  float cost = 0.0F;
  bool coherent = false;
};

/// Vertices are item ids; vertex 0 is the padding item and has no edges.
using CsrGraph = boost::compressed_sparse_row_graph<boost::directedS, boost::no_property, EdgeData,
                                                    boost::no_property, std::uint32_t, std::uint32_t>;
using Vertex = boost::graph_traits<CsrGraph>::vertex_descriptor;
using EdgeHandle = boost::graph_traits<CsrGraph>::edge_descriptor;

struct ItemGraph::Impl {
  std::int32_t items = 0;
  double smallest_cost = 0.0;
  CsrGraph forward;   ///< out-edges by ascending successor
  CsrGraph backward;  ///< the same edges turned round, by ascending predecessor
};

inline bool allows(EdgeRule rule, const EdgeData& edge) noexcept {
  return rule == EdgeRule::any || edge.coherent;
}

/// Calls visit(neighbour, EdgeData) for the out-edges of `item` that `rule` allows, by ascending neighbour.
template <class Visit>
void for_each_edge(const CsrGraph& graph, ItemId item, EdgeRule rule, Visit&& visit) {
  const auto [first, last] = boost::out_edges(static_cast<Vertex>(item), graph);
  for (auto edge = first; edge != last; ++edge) {
    const EdgeData& data = graph[*edge];
    if (allows(rule, data)) visit(static_cast<ItemId>(boost::target(*edge, graph)), data);
  }
}

}  // namespace veer
