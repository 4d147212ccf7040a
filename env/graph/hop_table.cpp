#include "env/graph/hop_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <queue>
#include <set>
#include <tuple>
#include <unordered_map>

#include "env/error.h"
#include "env/graph/item_graph_impl.h"

namespace veer {
namespace {

/// A partial path: where it stands, what it cost, where it came from (index into the list of all partial
/// paths).
struct Partial {
  ItemId item = no_item;
  std::int32_t used = 0;  ///< edges
  double cost = 0.0;
  std::int32_t before = -1;
};

/// Cheaper in total first; between equals the one found first, which has the smaller index.
struct Waiting {
  double total = 0.0;
  std::int32_t index = 0;
  friend bool operator>(const Waiting& a, const Waiting& b) noexcept {
    return std::tie(a.total, a.index) > std::tie(b.total, b.index);
  }
};

GraphPath trace(const std::vector<Partial>& partials, std::int32_t index) {
  GraphPath path;
  path.cost = partials[static_cast<std::size_t>(index)].cost;
  for (; index >= 0; index = partials[static_cast<std::size_t>(index)].before) {
    path.items.push_back(partials[static_cast<std::size_t>(index)].item);
  }
  std::ranges::reverse(path.items);
  return path;
}

}  // namespace

HopTable::HopTable(const ItemGraph& graph, ItemId target, std::int32_t max_edges, EdgeRule edges)
    : target_(target),
      edges_(edges),
      max_edges_(max_edges),
      width_(static_cast<std::size_t>(graph.items()) + 1) {
  if (max_edges < 1) {
    throw ConfigError({.file = {}, .line = 0, .field = "longest path"},
                      {.found = fmt::format("{} edges", max_edges), .expected = "at least 1", .hint = {}});
  }
  costs_.assign((static_cast<std::size_t>(max_edges) + 1) * width_, no_path_cost);
  costs_[at(target)] = 0.0;
  for (std::int32_t h = 1; h <= max_edges; ++h) {
    const double* fewer = costs_.data() + static_cast<std::size_t>(h - 1) * width_;
    double* now = costs_.data() + static_cast<std::size_t>(h) * width_;
    for (ItemId item = 1; item <= graph.items(); ++item) {
      double best = fewer[item];
      for_each_edge(graph.impl().forward, item, edges, [&](ItemId next, const EdgeData& edge) {
        best = std::min(best, double{edge.cost} + fewer[next]);
      });
      now[item] = best;
    }
  }
}

ItemId cheapest_successor(const ItemGraph& graph, ItemId from, const HopTable& table, std::int32_t max_edges,
                          const PathRules& rules) {
  assert(max_edges >= 1 && max_edges <= table.max_edges() && rules.edges == table.edge_rule());
  const auto refused = [&](ItemId item) {
    return std::ranges::find(rules.avoid, item) != rules.avoid.end() ||
           std::ranges::find(rules.avoid_first, item) != rules.avoid_first.end();
  };
  ItemId best = no_item;
  double best_cost = no_path_cost;
  for_each_edge(graph.impl().forward, from, rules.edges, [&](ItemId item, const EdgeData& edge) {
    const double cost = double{edge.cost} + table.cost(item, max_edges - 1);
    if (!(cost < best_cost) || refused(item)) return;
    best = item;
    best_cost = cost;
  });
  return best;
}

// A* over (item, edges used). A partial path that is no cheaper than another one to the same item with no
// more edges is dropped, so every (item, edges) pair is expanded at most once for each improvement; the
// table's costs are consistent bounds, hence the first arrival at the target is the cheapest.
std::optional<GraphPath> bounded_path(const ItemGraph& graph, ItemId from, const HopTable& table,
                                      std::int32_t max_edges, const PathRules& rules) {
  assert(max_edges <= table.max_edges() && rules.edges == table.edge_rule());
  if (from == table.target()) return GraphPath{.items = {from}, .cost = 0.0};
  if (max_edges < 1 || table.cost(from, max_edges) == no_path_cost) return std::nullopt;

  std::vector<std::uint8_t> closed(static_cast<std::size_t>(graph.items()) + 1, 0);
  for (const ItemId item : rules.avoid) {
    if (item > 0 && item <= graph.items()) closed[at(item)] = 1;
  }
  closed[at(from)] = 1;
  if (closed[at(table.target())] != 0) return std::nullopt;

  std::vector<Partial> partials{{.item = from}};
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> queue;
  queue.push({table.cost(from, max_edges), 0});
  // Cheapest cost seen per item and number of edges; looked up by key only, never iterated.
  std::unordered_map<std::int64_t, double> best;
  const auto key = [&](ItemId item, std::int32_t used) {
    return static_cast<std::int64_t>(item) * (max_edges + 1) + used;
  };
  const auto improves = [&](ItemId item, std::int32_t used, double cost) {
    for (std::int32_t fewer = 1; fewer <= used; ++fewer) {
      const auto found = best.find(key(item, fewer));
      if (found != best.end() && found->second <= cost) return false;
    }
    return true;
  };
  while (!queue.empty()) {
    const Waiting waiting = queue.top();
    queue.pop();
    const Partial here = partials[static_cast<std::size_t>(waiting.index)];
    if (here.item == table.target()) return trace(partials, waiting.index);
    if (here.used > 0 && best.at(key(here.item, here.used)) < here.cost)
      continue;  // improved since it was queued
    const std::int32_t left = max_edges - here.used - 1;
    if (left < 0) continue;
    for_each_edge(graph.impl().forward, here.item, rules.edges, [&](ItemId next, const EdgeData& edge) {
      if (closed[at(next)] != 0) return;
      const double rest = table.cost(next, left);
      if (rest == no_path_cost) return;
      if (here.used == 0 && std::ranges::find(rules.avoid_first, next) != rules.avoid_first.end()) return;
      const double cost = here.cost + double{edge.cost};
      if (!improves(next, here.used + 1, cost)) return;
      best[key(next, here.used + 1)] = cost;
      partials.push_back({next, here.used + 1, cost, waiting.index});
      queue.push({cost + rest, static_cast<std::int32_t>(partials.size()) - 1});
    });
  }
  return std::nullopt;
}

std::vector<GraphPath> k_shortest_paths(const ItemGraph& graph, ItemId from, const HopTable& table,
                                        std::int32_t count, std::int32_t max_edges, const PathRules& rules) {
  const auto cheaper = [](const GraphPath& a, const GraphPath& b) {
    return std::tie(a.cost, a.items) < std::tie(b.cost, b.items);
  };
  std::vector<GraphPath> found;
  std::set<GraphPath, decltype(cheaper)> candidates(cheaper);
  if (count < 1) return found;
  if (auto first = bounded_path(graph, from, table, max_edges, rules)) candidates.insert(std::move(*first));

  std::vector<ItemId> avoid;
  std::vector<ItemId> avoid_first;
  while (!candidates.empty()) {
    found.push_back(std::move(candidates.extract(candidates.begin()).value()));
    if (static_cast<std::int32_t>(found.size()) == count) break;
    const GraphPath& last = found.back();
    // Every deviation from the newest path: keep its first `kept` edges, leave its spur item by another edge.
    double root_cost = 0.0;
    for (std::int32_t kept = 0; kept < last.edges(); ++kept) {
      const auto spur = last.items.begin() + kept;
      if (kept > 0) root_cost += graph.cost(*(spur - 1), *spur);
      avoid.assign(rules.avoid.begin(), rules.avoid.end());
      avoid.insert(avoid.end(), last.items.begin(), spur);
      avoid_first.clear();
      if (kept == 0) avoid_first.assign(rules.avoid_first.begin(), rules.avoid_first.end());
      for (const GraphPath& path : found) {
        if (path.edges() > kept && std::equal(last.items.begin(), spur + 1, path.items.begin())) {
          avoid_first.push_back(path.items[static_cast<std::size_t>(kept) + 1]);
        }
      }
      auto tail = bounded_path(graph, *spur, table, max_edges - kept,
                               {.edges = rules.edges, .avoid = avoid, .avoid_first = avoid_first});
      if (!tail) continue;
      GraphPath path;
      path.items.assign(last.items.begin(), spur);
      path.items.insert(path.items.end(), tail->items.begin(), tail->items.end());
      // Summed from the source, edge by edge: equal paths found from different spurs get equal bits.
      path.cost = root_cost;
      for (std::size_t k = static_cast<std::size_t>(kept) + 1; k < path.items.size(); ++k) {
        path.cost += graph.cost(path.items[k - 1], path.items[k]);
      }
      candidates.insert(std::move(path));
    }
  }
  return found;
}

}  // namespace veer
