#include "env/graph/item_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "env/data/attribute_table.h"
#include "env/data/dataset.h"
#include "env/data/transitions.h"
#include "env/error.h"
#include "env/graph/item_graph_impl.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <boost/graph/strong_components.hpp>
#pragma GCC diagnostic pop

namespace veer {
namespace {

using VertexPair = std::pair<std::uint32_t, std::uint32_t>;

CsrGraph make_csr(std::int32_t items, const std::vector<VertexPair>& ends,
                  const std::vector<EdgeData>& data) {
  return CsrGraph(boost::edges_are_sorted, ends.begin(), ends.end(), data.begin(),
                  static_cast<std::uint32_t>(items) + 1U);
}

void check_edges(std::int32_t items, const std::vector<GraphEdge>& edges) {
  for (std::size_t e = 0; e < edges.size(); ++e) {
    const GraphEdge& edge = edges[e];
    const Where where{.file = {}, .line = 0, .field = fmt::format("edge {} -> {}", edge.from, edge.to)};
    if (edge.from < 1 || edge.from > items || edge.to < 1 || edge.to > items) {
      throw DataError(where, {.found = "an item outside the catalogue",
                              .expected = fmt::format("items 1..{}", items),
                              .hint = {}});
    }
    if (edge.from == edge.to) {
      throw DataError(where,
                      {.found = "an edge from an item to itself", .expected = "two items", .hint = {}});
    }
    if (!std::isfinite(edge.cost) || edge.cost < 0.0F) {
      throw DataError(where, {.found = fmt::format("cost {}", edge.cost),
                              .expected = "a finite cost of at least 0",
                              .hint = {}});
    }
    if (e > 0 && edges[e - 1].from == edge.from && edges[e - 1].to == edge.to) {
      throw DataError(where, {.found = "the edge twice", .expected = "each edge once", .hint = {}});
    }
  }
}

std::int32_t largest_count(const std::vector<std::int32_t>& counts) {
  return counts.empty() ? 0 : *std::ranges::max_element(counts);
}

/// Items of the largest component when directions are ignored, by union-find with path halving.
std::int32_t largest_weak_component(const CsrGraph& graph, std::int32_t items) {
  std::vector<ItemId> parent(static_cast<std::size_t>(items) + 1);
  std::iota(parent.begin(), parent.end(), 0);
  const auto find = [&parent](ItemId item) {
    auto at = static_cast<std::size_t>(item);
    while (parent[at] != static_cast<ItemId>(at)) {
      parent[at] = parent[static_cast<std::size_t>(parent[at])];
      at = static_cast<std::size_t>(parent[at]);
    }
    return static_cast<ItemId>(at);
  };
  for (ItemId item = 1; item <= items; ++item) {
    for_each_edge(graph, item, EdgeRule::any, [&](ItemId next, const EdgeData&) {
      const ItemId a = find(item);
      const ItemId b = find(next);
      parent[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
    });
  }
  std::vector<std::int32_t> sizes(static_cast<std::size_t>(items) + 1, 0);
  for (ItemId item = 1; item <= items; ++item) ++sizes[static_cast<std::size_t>(find(item))];
  return largest_count(sizes);
}

}  // namespace

ItemGraph::ItemGraph(std::int32_t items, std::vector<GraphEdge> edges) {
  if (items < 0) throw ConfigError(fmt::format("item graph: found {} items; expected at least 0", items));
  std::ranges::sort(edges, {}, [](const GraphEdge& e) { return std::pair(e.from, e.to); });
  check_edges(items, edges);

  auto impl = std::make_unique<Impl>();
  impl->items = items;
  std::vector<VertexPair> ends(edges.size());
  std::vector<EdgeData> data(edges.size());
  const auto fill = [&](bool turned) {
    for (std::size_t e = 0; e < edges.size(); ++e) {
      const auto from = static_cast<std::uint32_t>(edges[e].from);
      const auto to = static_cast<std::uint32_t>(edges[e].to);
      ends[e] = turned ? VertexPair{to, from} : VertexPair{from, to};
      data[e] = {edges[e].cost, edges[e].coherent};
    }
    return make_csr(items, ends, data);
  };
  impl->forward = fill(false);
  // Stable: edges into one item keep ascending predecessors.
  std::ranges::stable_sort(edges, {}, &GraphEdge::to);
  impl->backward = fill(true);
  if (!edges.empty())
    impl->smallest_cost = double{std::ranges::min_element(edges, {}, &GraphEdge::cost)->cost};
  impl_ = std::move(impl);
}

ItemGraph::~ItemGraph() = default;
ItemGraph::ItemGraph(ItemGraph&&) noexcept = default;
ItemGraph& ItemGraph::operator=(ItemGraph&&) noexcept = default;

std::int32_t ItemGraph::items() const noexcept { return impl_->items; }
std::int64_t ItemGraph::edges() const noexcept {
  return static_cast<std::int64_t>(boost::num_edges(impl_->forward));
}
double ItemGraph::smallest_cost() const noexcept { return impl_->smallest_cost; }

std::vector<GraphEdge> ItemGraph::edges_from(ItemId item) const {
  std::vector<GraphEdge> found;
  for_each_edge(impl_->forward, item, EdgeRule::any, [&](ItemId next, const EdgeData& edge) {
    found.push_back({.from = item, .to = next, .cost = edge.cost, .coherent = edge.coherent});
  });
  return found;
}

double ItemGraph::cost(ItemId from, ItemId to) const noexcept {
  double found = no_path_cost;
  for_each_edge(impl_->forward, from, EdgeRule::any, [&](ItemId next, const EdgeData& edge) {
    if (next == to) found = double{edge.cost};
  });
  return found;
}

ItemGraphStatistics ItemGraph::statistics() const {
  ItemGraphStatistics s;
  s.items = impl_->items;
  s.edges = edges();
  s.smallest_cost = impl_->smallest_cost;
  double total = 0.0;
  for (ItemId item = 1; item <= s.items; ++item) {
    std::int32_t degree = 0;
    for_each_edge(impl_->forward, item, EdgeRule::any, [&](ItemId, const EdgeData& edge) {
      ++degree;
      s.coherent_edges += edge.coherent ? 1 : 0;
      total += double{edge.cost};
    });
    s.items_with_successor += degree > 0 ? 1 : 0;
    s.largest_out_degree = std::max(s.largest_out_degree, degree);
    s.items_with_predecessor += boost::out_degree(static_cast<Vertex>(item), impl_->backward) > 0 ? 1 : 0;
  }
  if (s.items > 0) s.mean_out_degree = static_cast<double>(s.edges) / s.items;
  if (s.edges > 0) s.mean_cost = total / static_cast<double>(s.edges);

  std::vector<std::int32_t> component(static_cast<std::size_t>(s.items) + 1);
  const auto index = boost::get(boost::vertex_index, impl_->forward);
  const std::int32_t components = static_cast<std::int32_t>(
      boost::strong_components(impl_->forward, boost::make_iterator_property_map(component.begin(), index)));
  std::vector<std::int32_t> sizes(static_cast<std::size_t>(components), 0);
  for (ItemId item = 1; item <= s.items; ++item) {
    ++sizes[static_cast<std::size_t>(component[static_cast<std::size_t>(item)])];
  }
  s.strong_components = components - 1;  // the padding item is one of its own
  s.largest_strong_component = largest_count(sizes);
  s.largest_weak_component = largest_weak_component(impl_->forward, s.items);
  return s;
}

ItemGraph build_item_graph(const Dataset& data, std::span<const UserId> people,
                           const ItemGraphOptions& options) {
  if (!(options.smoothing >= 0.0) || !std::isfinite(options.smoothing)) {
    throw ConfigError({.file = {}, .line = 0, .field = "smoothing"},
                      {.found = fmt::format("{}", options.smoothing), .expected = "at least 0", .hint = {}});
  }
  if (options.minimum_count < 1) {
    throw ConfigError(
        {.file = {}, .line = 0, .field = "minimum-count"},
        {.found = fmt::format("{}", options.minimum_count), .expected = "at least 1", .hint = {}});
  }
  const std::int32_t items = data.catalogue.size();
  const TransitionCounts moves(data, people);
  const AttributeTable attributes(data.catalogue);
  std::vector<GraphEdge> edges;
  for (ItemId from = 1; from <= items; ++from) {
    const std::span<const ItemId> next = moves.successors(from);
    const std::span<const std::int32_t> counts = moves.counts(from);
    const std::int64_t left =
        std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) - moves.count(from, from);
    const double total = static_cast<double>(left) + options.smoothing * items;
    for (std::size_t i = 0; i < next.size(); ++i) {
      if (next[i] == from || counts[i] < options.minimum_count) continue;
      const double p = (static_cast<double>(counts[i]) + options.smoothing) / total;
      edges.push_back({.from = from,
                       .to = next[i],
                       .cost = static_cast<float>(std::max(0.0, -std::log(p))),
                       .coherent = attributes.share(from, next[i])});
    }
  }
  return ItemGraph(items, std::move(edges));
}

std::string path_as_dot(const ItemGraph& graph, std::span<const ItemId> path, const Catalogue& catalogue) {
  const auto quoted = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out + '"';
  };
  std::string dot = "digraph path {\n  rankdir=LR;\n";
  for (const ItemId item : path) {
    dot += fmt::format("  {} [label={}];\n", item, quoted(catalogue.titles[static_cast<std::size_t>(item)]));
  }
  for (std::size_t k = 1; k < path.size(); ++k) {
    const double cost = graph.cost(path[k - 1], path[k]);
    if (cost == no_path_cost) {
      dot += fmt::format("  {} -> {} [style=dashed];\n", path[k - 1], path[k]);
    } else {
      dot += fmt::format("  {} -> {} [label=\"{:.2f}\"];\n", path[k - 1], path[k], cost);
    }
  }
  return dot + "}\n";
}

}  // namespace veer
