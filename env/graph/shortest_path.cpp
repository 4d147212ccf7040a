#include "env/graph/shortest_path.h"

#include <algorithm>
#include <cmath>

#include "env/graph/item_graph_impl.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <boost/graph/astar_search.hpp>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#pragma GCC diagnostic pop

namespace veer {
namespace {

/// Boost's visitors have no way to stop a search but to throw; this is what they throw.
struct TargetSettled {};

/// Edges a search under these rules may use. Copied by Boost, so it holds pointers only.
struct EdgeAllowed {
  const CsrGraph* graph = nullptr;
  const std::vector<std::uint8_t>* closed = nullptr;        ///< [N+1] items not to enter
  const std::vector<std::uint8_t>* closed_first = nullptr;  ///< [N+1] items not to enter from the source
  Vertex source = 0;
  EdgeRule rule = EdgeRule::any;

  bool operator()(const EdgeHandle& edge) const {
    const Vertex to = boost::target(edge, *graph);
    if (closed != nullptr && (*closed)[to] != 0) return false;
    if (closed_first != nullptr && boost::source(edge, *graph) == source && (*closed_first)[to] != 0)
      return false;
    return allows(rule, (*graph)[edge]);
  }
};

using AllowedGraph = boost::filtered_graph<CsrGraph, EdgeAllowed>;

std::vector<std::uint8_t> marks(std::int32_t items, std::span<const ItemId> marked) {
  std::vector<std::uint8_t> out(static_cast<std::size_t>(items) + 1, 0);
  for (const ItemId item : marked) {
    if (item > 0 && item <= items) out[at(item)] = 1;
  }
  return out;
}

struct StopAtTarget : boost::dijkstra_visitor<> {
  explicit StopAtTarget(Vertex vertex) : target(vertex) {}
  template <class Graph>
  void examine_vertex(Vertex vertex, const Graph&) const {
    if (vertex == target) throw TargetSettled{};
  }
  Vertex target;
};

/// For A*: a vertex may be examined again when bounds are inconsistent, but the target, whose bound is 0, is
/// final.
struct StopAstarAtTarget : boost::astar_visitor<boost::null_visitor> {
  explicit StopAstarAtTarget(Vertex vertex) : target(vertex) {}
  template <class Graph>
  void examine_vertex(Vertex vertex, const Graph&) const {
    if (vertex == target) throw TargetSettled{};
  }
  Vertex target;
};

std::optional<GraphPath> trace(const std::vector<Vertex>& before, double cost, ItemId from, ItemId to) {
  GraphPath path;
  path.cost = cost;
  for (auto v = static_cast<Vertex>(to); v != static_cast<Vertex>(from); v = before[v]) {
    path.items.push_back(static_cast<ItemId>(v));
  }
  path.items.push_back(from);
  std::ranges::reverse(path.items);
  return path;
}

/// Sets up the filtered graph and the property maps, runs `search`, and reads the path off the predecessors.
template <class Search>
std::optional<GraphPath> path_by(const ItemGraph& graph, ItemId from, ItemId to, const PathRules& rules,
                                 Search&& search) {
  if (from == to) return GraphPath{.items = {from}, .cost = 0.0};
  const ItemGraph::Impl& impl = graph.impl();
  std::vector<std::uint8_t> closed = marks(impl.items, rules.avoid);
  if (closed[at(to)] != 0) return std::nullopt;
  closed[at(from)] = 1;  // a way back to the source could dodge avoid_first
  const std::vector<std::uint8_t> closed_first = marks(impl.items, rules.avoid_first);
  const AllowedGraph allowed(impl.forward, {.graph = &impl.forward,
                                            .closed = &closed,
                                            .closed_first = &closed_first,
                                            .source = static_cast<Vertex>(from),
                                            .rule = rules.edges});
  const auto vertices = static_cast<std::size_t>(impl.items) + 1;
  std::vector<double> distance(vertices, no_path_cost);
  std::vector<Vertex> before(vertices);
  try {
    search(allowed, distance, before);
  } catch (const TargetSettled&) {
  }
  if (distance[at(to)] == no_path_cost) return std::nullopt;
  return trace(before, distance[at(to)], from, to);
}

/// Edge costs widened to double, so that sums do not lose the small ones. Boost reads weights through this
/// map.
template <class Graph>
auto cost_map(const Graph& graph) {
  return boost::make_transform_value_property_map([](float cost) { return double{cost}; },
                                                  boost::get(&EdgeData::cost, graph));
}

/// Dijkstra from one vertex to all, on either orientation.
std::vector<double> all_costs(const CsrGraph& graph, std::int32_t items, ItemId source, EdgeRule rule) {
  std::vector<double> distance(static_cast<std::size_t>(items) + 1, no_path_cost);
  const AllowedGraph allowed(graph, {.graph = &graph, .rule = rule});
  const auto index = boost::get(boost::vertex_index, allowed);
  boost::dijkstra_shortest_paths(
      allowed, static_cast<Vertex>(source),
      boost::distance_map(boost::make_iterator_property_map(distance.begin(), index))
          .weight_map(cost_map(allowed))
          .distance_inf(no_path_cost));
  return distance;
}

}  // namespace

std::optional<GraphPath> shortest_path(const ItemGraph& graph, ItemId from, ItemId to,
                                       const PathRules& rules) {
  return path_by(graph, from, to, rules, [&](const AllowedGraph& allowed, auto& distance, auto& before) {
    const auto index = boost::get(boost::vertex_index, allowed);
    boost::dijkstra_shortest_paths(
        allowed, static_cast<Vertex>(from),
        boost::predecessor_map(boost::make_iterator_property_map(before.begin(), index))
            .distance_map(boost::make_iterator_property_map(distance.begin(), index))
            .weight_map(cost_map(allowed))
            .distance_inf(no_path_cost)
            .visitor(StopAtTarget(static_cast<Vertex>(to))));
  });
}

std::optional<GraphPath> astar_path(const ItemGraph& graph, ItemId from, ItemId to,
                                    std::span<const double> bounds, const PathRules& rules) {
  if (bounds[at(from)] == no_path_cost) return std::nullopt;
  return path_by(graph, from, to, rules, [&](const AllowedGraph& allowed, auto& distance, auto& before) {
    const auto index = boost::get(boost::vertex_index, allowed);
    boost::astar_search(
        allowed, static_cast<Vertex>(from), [bounds](Vertex v) { return bounds[v]; },
        boost::predecessor_map(boost::make_iterator_property_map(before.begin(), index))
            .distance_map(boost::make_iterator_property_map(distance.begin(), index))
            .weight_map(cost_map(allowed))
            .distance_inf(no_path_cost)
            .visitor(StopAstarAtTarget(static_cast<Vertex>(to))));
  });
}

std::vector<double> costs_to(const ItemGraph& graph, ItemId target, EdgeRule edges) {
  return all_costs(graph.impl().backward, graph.items(), target, edges);
}

std::vector<double> costs_from(const ItemGraph& graph, ItemId source, EdgeRule edges) {
  return all_costs(graph.impl().forward, graph.items(), source, edges);
}

std::vector<std::int32_t> hops_to(const ItemGraph& graph, ItemId target, EdgeRule edges) {
  const CsrGraph& backward = graph.impl().backward;
  std::vector<std::int32_t> hops(static_cast<std::size_t>(graph.items()) + 1, no_path_hops);
  const AllowedGraph allowed(backward, {.graph = &backward, .rule = edges});
  const auto index = boost::get(boost::vertex_index, allowed);
  const auto hop_map = boost::make_iterator_property_map(hops.begin(), index);
  hops[at(target)] = 0;
  boost::breadth_first_search(
      allowed, static_cast<Vertex>(target),
      boost::visitor(boost::make_bfs_visitor(boost::record_distances(hop_map, boost::on_tree_edge()))));
  return hops;
}

LowerBounds hop_bounds(const ItemGraph& graph, ItemId target, EdgeRule edges) {
  const std::vector<std::int32_t> hops = hops_to(graph, target, edges);
  LowerBounds bounds(hops.size(), no_path_cost);
  for (std::size_t i = 0; i < hops.size(); ++i) {
    if (hops[i] != no_path_hops) bounds[i] = hops[i] * graph.smallest_cost();
  }
  return bounds;
}

Landmarks::Landmarks(const ItemGraph& graph, std::int32_t count) {
  const std::int32_t items = graph.items();
  if (items == 0) return;
  ItemId next = 1;
  std::uint32_t most = 0;
  for (ItemId item = 1; item <= items; ++item) {
    const auto degree =
        static_cast<std::uint32_t>(boost::out_degree(static_cast<Vertex>(item), graph.impl().forward));
    if (degree > most) {
      most = degree;
      next = item;
    }
  }
  // Distance of an item to the nearest landmark, either way; infinite while no landmark is connected to it.
  std::vector<double> nearest(static_cast<std::size_t>(items) + 1, no_path_cost);
  while (static_cast<std::int32_t>(items_.size()) < std::min(count, items)) {
    items_.push_back(next);
    to_.push_back(costs_to(graph, next));
    from_.push_back(costs_from(graph, next));
    next = 1;
    for (ItemId item = 1; item <= items; ++item) {
      nearest[at(item)] = std::min({nearest[at(item)], to_.back()[at(item)], from_.back()[at(item)]});
      if (nearest[at(item)] > nearest[at(next)]) next = item;
    }
    if (nearest[at(next)] == 0.0) break;  // every item is a landmark or costs nothing to reach
  }
}

LowerBounds Landmarks::bounds(ItemId target) const {
  if (items_.empty()) return {};
  LowerBounds bounds(to_.front().size(), 0.0);
  const auto raise = [](double& bound, double further, double nearer) {
    // further <= cost(item, target) + nearer. Rounding may lift the difference over the true cost; stay just
    // below.
    if (nearer == no_path_cost) return;
    bound = std::max(bound, further == no_path_cost ? no_path_cost : (further - nearer) - 1e-12 * further);
  };
  for (std::size_t l = 0; l < items_.size(); ++l) {
    for (std::size_t i = 1; i < bounds.size(); ++i) {
      if (i == at(target)) continue;
      raise(bounds[i], to_[l][i], to_[l][at(target)]);      // item -> landmark, through the target
      raise(bounds[i], from_[l][at(target)], from_[l][i]);  // landmark -> target, through the item
    }
  }
  return bounds;
}

}  // namespace veer
