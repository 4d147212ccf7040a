#include "agents/guidance/graph_path.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <optional>
#include <utility>

#include "agents/baselines/seen_items.h"
#include "agents/guidance/target_cache.h"
#include "env/error.h"
#include "env/graph/hop_table.h"
#include "env/graph/shortest_path.h"

namespace veer {
namespace {

using TargetKey = std::pair<ItemId, EdgeRule>;

/// What Yen's paths are chosen by: the cost of the dearest edge, then the whole cost, then the order they
/// came in.
const GraphPath& smoothest(const ItemGraph& graph, const std::vector<GraphPath>& paths) {
  const auto dearest_edge = [&graph](const GraphPath& path) {
    double dearest = 0.0;
    for (std::size_t k = 1; k < path.items.size(); ++k) {
      dearest = std::max(dearest, graph.cost(path.items[k - 1], path.items[k]));
    }
    return std::pair(dearest, path.cost);
  };
  return *std::ranges::min_element(paths, {}, dearest_edge);
}

void check_option(const GraphPathOptions& options, const char* field, std::int32_t value) {
  if (value >= 1) return;
  throw ConfigError({.file = {}, .line = 0, .field = "policy " + options.name + ", " + field},
                    {.found = std::to_string(value), .expected = "at least 1", .hint = {}});
}

}  // namespace

struct GraphPathPolicy::Tables {
  /// `bytes` for each kind of table.
  explicit Tables(std::size_t bytes) : costs(bytes), bounds(bytes), hops(bytes) {}

  /// Exact costs to the target.
  std::shared_ptr<const std::vector<double>> costs_of(const ItemGraph& graph, ItemId target, EdgeRule edges) {
    return costs.get(
        {target, edges}, [&] { return costs_to(graph, target, edges); }, size_of);
  }
  std::shared_ptr<const LowerBounds> bounds_of(ItemId target) {
    return bounds.get(
        {target, EdgeRule::any}, [&] { return landmarks->bounds(target); }, size_of);
  }
  std::shared_ptr<const HopTable> hops_of(const ItemGraph& graph, ItemId target, std::int32_t edges,
                                          EdgeRule rule) {
    return hops.get(
        {target, rule}, [&] { return HopTable(graph, target, edges, rule); },
        [](const HopTable& table) { return table.bytes(); });
  }

  static std::size_t size_of(const std::vector<double>& values) { return values.size() * sizeof(double); }

  std::optional<Landmarks> landmarks;  ///< of the variant astar
  BoundedCache<TargetKey, std::vector<double>> costs;
  BoundedCache<TargetKey, LowerBounds> bounds;
  BoundedCache<TargetKey, HopTable> hops;
};

/// One row's question.
struct GraphPathPolicy::Query {
  std::span<const ItemId> history;
  ItemId target = no_item;
  std::int32_t steps_left = 0;
  bool show_target = false;  ///< the target is a possible recommendation
  const SeenItems& seen;     ///< without the target, which every path must be able to enter at its end
};

GraphPathPolicy::GraphPathPolicy(const ItemGraph& graph, const GraphPathOptions& options)
    : graph_(graph), options_(options) {
  check_sizes(options.name, graph.items(), options.horizon);
  check_option(options, "max_edges", options.max_edges);
  check_option(options, "paths", options.paths);
  check_option(options, "landmarks", options.landmarks);
  check_option(options, "cache_mb", options.cache_mb);
  spec_ = {.name = options.name, .action = ActionKind::item, .width = 1, .state_width = options.horizon};

  std::vector<std::int32_t> predecessors(static_cast<std::size_t>(graph.items()) + 1, 0);
  bool any_coherent = false;
  for (ItemId item = 1; item <= graph.items(); ++item) {
    for (const GraphEdge& edge : graph.edges_from(item)) {
      ++predecessors[static_cast<std::size_t>(edge.to)];
      any_coherent = any_coherent || edge.coherent;
    }
  }
  if (options.variant == GraphPathVariant::coherent && !any_coherent) {
    throw ConfigError({.file = {}, .line = 0, .field = "policy " + options.name + ", variant"},
                      {.found = "coherent, and a graph in which no edge joins items that share an attribute",
                       .expected = "a data set with item attributes",
                       .hint = "use variant=dijkstra"});
  }
  by_predecessors_.resize(static_cast<std::size_t>(graph.items()));
  std::iota(by_predecessors_.begin(), by_predecessors_.end(), 1);
  std::ranges::stable_sort(by_predecessors_, std::greater<>(), [&predecessors](ItemId item) {
    return predecessors[static_cast<std::size_t>(item)];
  });
  // Bounds are for A* alone; the other variants share the memory between two kinds of tables.
  const std::size_t kinds = options.variant == GraphPathVariant::astar ? 3 : 2;
  tables_ = std::make_unique<Tables>((static_cast<std::size_t>(options.cache_mb) << 20U) / kinds);
  if (options.variant == GraphPathVariant::astar) tables_->landmarks.emplace(graph, options.landmarks);
}

GraphPathPolicy::~GraphPathPolicy() = default;

std::unique_ptr<Workspace> GraphPathPolicy::make_workspace(const WorkspaceShape&) const {
  return std::make_unique<SeenWorkspace>(graph_.items());
}

void GraphPathPolicy::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
                          Mode) const {
  SeenItems& excluded = static_cast<SeenWorkspace&>(state.workspace).seen;
  for (const std::int32_t row : rows) {
    actions.log_prob(row) = 0.0F;
    actions.items(row) = no_item;
    if (seen.active(row) == 0) continue;
    excluded.collect(row, seen, state);
    const ItemId target = seen.target(row);
    const bool show_target = options_.allow_target && target != no_item && !excluded.contains(target);
    excluded.remove(target);
    const auto size = static_cast<std::size_t>(seen.history_size(row));
    const ItemId item =
        next_item({.history = seen.history.row(row).first(size),
                   .target = target,
                   .steps_left = std::max(1, options_.horizon - static_cast<std::int32_t>(seen.step(row))),
                   .show_target = show_target,
                   .seen = excluded});
    actions.items(row) = item;
    remember_shown(row, seen, state, item);
  }
}

ItemId GraphPathPolicy::next_item(const Query& query) const {
  const bool coherent = options_.variant == GraphPathVariant::coherent;
  const std::array<EdgeRule, 2> rules{EdgeRule::coherent, EdgeRule::any};
  const std::span<const EdgeRule> tried = coherent ? std::span(rules) : std::span(rules).last(1);
  if (query.target != no_item) {
    if (options_.stop && !query.history.empty() && query.history.back() == query.target) return no_item;
    // A path that does not show its target has one edge more than it takes steps.
    const std::int32_t fitting = std::min(options_.max_edges, query.steps_left + (query.show_target ? 0 : 1));
    for (const EdgeRule edges : tried) {
      for (const std::int32_t longest : {fitting, options_.max_edges}) {
        const ItemId item = first_of_path(query, edges, longest);
        if (item != no_item) return item == query.target && !query.show_target ? no_item : item;
        if (fitting == options_.max_edges) break;
      }
    }
    for (const EdgeRule edges : tried) {
      const ItemId item = jump(query, edges);
      if (item != no_item) return item;
    }
  }
  const auto found = std::ranges::find_if(by_predecessors_, [&](ItemId item) {
    return !query.seen.contains(item) && (item != query.target || query.show_target);
  });
  return found == by_predecessors_.end() ? no_item : *found;
}

ItemId GraphPathPolicy::first_of_path(const Query& query, EdgeRule edges, std::int32_t max_edges) const {
  const std::array<ItemId, 1> only_target{query.target};
  PathRules rules{.edges = edges, .avoid = query.seen.items(), .avoid_first = {}};
  // With `stop`, the direct edge is a possible answer: it means that the path is walked.
  if (!query.show_target && !options_.stop) rules.avoid_first = only_target;
  const auto hops = [&] { return tables_->hops_of(graph_, query.target, options_.max_edges, edges); };

  const auto path_from = [&](ItemId source) -> std::optional<GraphPath> {
    if (options_.variant == GraphPathVariant::kshortest) {
      const std::vector<GraphPath> paths =
          k_shortest_paths(graph_, source, *hops(), options_.paths, max_edges, rules);
      if (paths.empty()) return std::nullopt;
      return smoothest(graph_, paths);
    }
    const auto bounds = tables_->bounds_of(query.target);
    std::optional<GraphPath> path = astar_path(graph_, source, query.target, *bounds, rules);
    if (path && path->edges() > max_edges) path = bounded_path(graph_, source, *hops(), max_edges, rules);
    return path;
  };

  const bool by_table =
      options_.variant == GraphPathVariant::dijkstra || options_.variant == GraphPathVariant::coherent;
  for (auto source = query.history.rbegin(); source != query.history.rend(); ++source) {
    if (*source == query.target || *source == no_item) continue;
    if (by_table) {
      const ItemId next = cheapest_successor(graph_, *source, *hops(), max_edges, rules);
      if (next != no_item) return next;
    } else if (const auto path = path_from(*source)) {
      return path->items[1];
    }
  }
  return no_item;
}

ItemId GraphPathPolicy::jump(const Query& query, EdgeRule edges) const {
  const auto costs = tables_->costs_of(graph_, query.target, edges);
  ItemId best = no_item;
  double best_cost = no_path_cost;
  for (ItemId item = 1; item <= graph_.items(); ++item) {
    const double cost = (*costs)[static_cast<std::size_t>(item)];
    if (item == query.target || query.seen.contains(item) || !(cost < best_cost)) continue;
    best = item;
    best_cost = cost;
  }
  return best;
}

}  // namespace veer
