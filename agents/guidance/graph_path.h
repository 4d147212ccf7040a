// Guidance baseline: the next item of the cheapest path to the target in the item transition graph.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "env/graph/item_graph.h"
#include "env/policy.h"

namespace veer {

/// How the path is found.
enum class GraphPathVariant : std::uint8_t {
  dijkstra,  ///< exact costs to the target, once per target; only the next item must be unseen
  astar,     ///< A* with bounds from landmarks at every step; no item of the path may have been seen. Slow in
             ///< dense graphs once much has been seen
  kshortest,  ///< of the k cheapest paths, the one whose dearest edge is cheapest: the smoothest
  coherent,   ///< as dijkstra, only over edges between items that share an attribute
};

struct GraphPathOptions {
  std::string name = "graph_path";
  std::int32_t horizon = 0;  ///< steps of an episode
  GraphPathVariant variant = GraphPathVariant::dijkstra;
  std::int32_t max_edges = 10;  ///< longest path
  std::int32_t paths = 8;       ///< k of kshortest
  std::int32_t landmarks = 8;   ///< of astar
  bool allow_target = false;
  bool stop = false;  ///< end the episode when the path is walked, instead of staying near the target
  std::int32_t cache_mb = 256;  ///< bound on the distances kept, over all targets and workers
};

/// An item policy that plans again at every step: from the newest history item, the cheapest path to the
/// target that fits into the steps left and `max_edges` and whose first item (`astar`, `kshortest`: none of
/// whose items) the person has seen or was shown; that first item is recommended. While the target may not be
/// shown (or has been), the path has at least two edges and only its inner items are shown: the walk stays
/// among the target's predecessors. With `stop`, it ends instead where the target would come next.
///
/// When there is no such path: the same from older history items, newest first; then without the limit on the
/// steps left; then, for `coherent`, over all edges; then the unseen item from which the target costs least
/// (a jump to the target's side); for a target nothing leads to, and for episodes without one, the unseen
/// item with most predecessors; when everything has been seen it stops. Deterministic; log_prob 0; ties as in
/// env/graph.
///
/// Thread-safe: immutable but for a cache whose contents change no result. The graph must outlive the policy.
class GraphPathPolicy : public Policy {
 public:
  /// Throws ConfigError for options out of range, and for `coherent` on a graph without coherent edges.
  GraphPathPolicy(const ItemGraph& graph, const GraphPathOptions& options);
  ~GraphPathPolicy() override;

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  struct Tables;
  struct Query;
  ItemId next_item(const Query& query) const;
  ItemId first_of_path(const Query& query, EdgeRule edges, std::int32_t max_edges) const;
  ItemId jump(const Query& query, EdgeRule edges) const;

  const ItemGraph& graph_;
  GraphPathOptions options_;
  PolicySpec spec_;
  std::vector<ItemId> by_predecessors_;  ///< most predecessors first
  std::unique_ptr<Tables> tables_;
};

}  // namespace veer
