// The graph path policy on graphs that can be drawn on paper, and against plain enumeration on random ones.
#include "agents/guidance/graph_path.h"

#include <algorithm>
#include <set>
#include <vector>

#include "agents/guidance/target_cache.h"
#include "env/error.h"
#include "tests/agents/desk.h"
#include "tests/env/graph/random_graph.h"
#include "tests/test.h"

namespace veer {
namespace {

using testing::Desk;
using Items = std::vector<ItemId>;
using enum GraphPathVariant;

/// Two ways from 1 to 5: over 2 and 3 (cost 3, dearest edge 1), over 4 (cost 2.5, dearest edge 2). 6 is
/// isolated, 7 leads to 5 but nothing leads to 7. Only the edges of the first way are coherent.
ItemGraph two_ways() {
  return ItemGraph(7, {{.from = 1, .to = 2, .cost = 1.0F, .coherent = true},
                       {.from = 2, .to = 3, .cost = 1.0F, .coherent = true},
                       {.from = 3, .to = 5, .cost = 1.0F, .coherent = true},
                       {.from = 1, .to = 4, .cost = 0.5F},
                       {.from = 4, .to = 5, .cost = 2.0F},
                       {.from = 7, .to = 5, .cost = 0.25F}});
}

GraphPathOptions options_for(GraphPathVariant variant, std::int32_t horizon = 5) {
  GraphPathOptions options;
  options.horizon = horizon;
  options.variant = variant;
  options.landmarks = 2;
  return options;
}

Items shown_by(const ItemGraph& graph, const GraphPathOptions& options, ItemId target, const Items& history,
               std::int32_t steps) {
  const GraphPathPolicy policy(graph, options);
  Desk desk(policy, 1, 16);
  desk.seat(0, 1, target, history);
  return desk.walk(steps);
}

}  // namespace

TEST_CASE("Each variant takes its way, and stops where the target would come next") {
  const ItemGraph graph = two_ways();
  for (const GraphPathVariant variant : {dijkstra, astar}) {
    GraphPathOptions options = options_for(variant);
    options.stop = true;
    CHECK(shown_by(graph, options, 5, {1}, 5) == Items{4, no_item});
    options.allow_target = true;
    CHECK(shown_by(graph, options, 5, {1}, 5) == Items{4, 5, no_item});
  }
  for (const GraphPathVariant variant : {kshortest, coherent}) {
    GraphPathOptions options = options_for(variant);
    options.stop = true;
    CHECK(shown_by(graph, options, 5, {1}, 5) == Items{2, 3, no_item});
  }
}

TEST_CASE("Known items are walked around; a path must fit into the steps that are left") {
  const ItemGraph graph = two_ways();
  GraphPathOptions options = options_for(dijkstra);
  options.stop = true;
  CHECK(shown_by(graph, options, 5, {4, 1}, 5) == Items{2, 3, no_item});
  // The coherent way takes two items. With one step left it does not fit, and all edges are tried only after
  // the limit on the steps is dropped: it still begins the coherent way.
  GraphPathOptions short_horizon = options_for(coherent, 1);
  CHECK(shown_by(graph, short_horizon, 5, {1}, 1) == Items{2});
  // kshortest prefers the smooth way, unless only the short one fits.
  CHECK(shown_by(graph, options_for(kshortest, 2), 5, {1}, 1) == Items{2});
  CHECK(shown_by(graph, options_for(kshortest, 1), 5, {1}, 1) == Items{4});
}

TEST_CASE("Without a path: older items, then the target's side, then what most items lead to") {
  const ItemGraph graph = two_ways();
  const GraphPathOptions options = options_for(dijkstra);
  CHECK(shown_by(graph, options, 5, {1, 6}, 1) == Items{4});  // from 1, since 6 leads nowhere
  CHECK(shown_by(graph, options, 5, {6}, 1) == Items{7});     // the cheapest last step
  CHECK(shown_by(graph, options, 6, {1}, 1) == Items{5});     // nothing leads to 6; 5 has most predecessors
  CHECK(shown_by(graph, options, no_item, {1}, 1) == Items{5});
  CHECK(shown_by(graph, options, 5, {}, 1) == Items{7});
  CHECK(shown_by(graph, options, 5, {1, 5}, 1) == Items{4});  // the target as newest item leads nowhere new
  // Everything but the target, then nothing is left.
  const Items all = shown_by(graph, options_for(dijkstra, 9), 5, {1}, 9);
  CHECK(std::set<ItemId>(all.begin(), all.end()) == std::set<ItemId>{0, 2, 3, 4, 6, 7});
  CHECK(all.back() == no_item);
}

TEST_CASE("A refused item is not tried again") {
  const ItemGraph graph = two_ways();
  const GraphPathPolicy policy(graph, options_for(dijkstra));
  Desk desk(policy, 1, 16);
  desk.seat(0, 1, 5, Items{1});
  CHECK(desk.walk(2, false) == Items{4, 2});
}

TEST_CASE("Coherence that the data do not know is an error") {
  const ItemGraph graph(2, {{.from = 1, .to = 2, .cost = 1.0F}});
  CHECK_THROWS_AS(GraphPathPolicy(graph, options_for(coherent)), ConfigError);
  GraphPathOptions options = options_for(dijkstra);
  options.max_edges = 0;
  CHECK_THROWS_AS(GraphPathPolicy(graph, options), ConfigError);
}

TEST_CASE("On random graphs the first item begins a cheapest allowed path of plain enumeration") {
  constexpr std::int32_t items = 7;
  int compared = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const ItemGraph graph(items, testing::random_edges(items, 0.5F, seed));
    for (const GraphPathVariant variant : {dijkstra, astar, kshortest, coherent}) {
      const bool only_first = variant == dijkstra || variant == coherent;
      GraphPathOptions options = options_for(variant, 2);
      options.paths = 1;  // the first of one path is the cheapest
      const GraphPathPolicy policy(graph, options);
      Desk desk(policy, items * items, 3);
      for (ItemId from = 1; from <= items; ++from) {
        for (ItemId to = 1; to <= items; ++to) {
          desk.seat((from - 1) * items + to - 1, 1, to, Items{from % items + 1, from});
        }
      }
      desk.ask();
      for (ItemId from = 1; from <= items; ++from) {
        for (ItemId to = 1; to <= items; ++to) {
          if (from == to || from % items + 1 == to) continue;
          const Items avoid{from % items + 1};
          const Items avoid_first{to};
          const PathRules rules{.edges = variant == coherent ? EdgeRule::coherent : EdgeRule::any,
                                .avoid = avoid,
                                .avoid_first = avoid_first};
          const ItemId first = desk.item((from - 1) * items + to - 1);
          if (only_first) {
            // The next item alone must be unseen; from there every path of at most two edges counts.
            double best = no_path_cost, chosen = no_path_cost;
            for (const GraphEdge& edge : graph.edges_from(from)) {
              if (edge.to == avoid[0] || edge.to == to) continue;
              if (variant == coherent && !edge.coherent) continue;
              const auto rest = testing::all_paths(graph, edge.to, to, 2, {.edges = rules.edges});
              if (rest.empty()) continue;
              const double cost = double{edge.cost} + rest.front().cost;
              best = std::min(best, cost);
              if (edge.to == first) chosen = cost;
            }
            if (best == no_path_cost) continue;
            CHECK(chosen == doctest::Approx(best));
            ++compared;
            continue;
          }
          const auto paths = testing::all_paths(graph, from, to, 3, rules);  // two steps and the target
          if (paths.empty()) continue;
          const auto begun =
              std::ranges::find_if(paths, [&](const GraphPath& p) { return p.items[1] == first; });
          REQUIRE(begun != paths.end());
          CHECK(begun->cost == paths.front().cost);
          ++compared;
        }
      }
    }
  }
  CHECK(compared > 400);
}

TEST_CASE("The cache forgets the target used longest ago and never the newest") {
  BoundedCache<int, std::vector<double>> cache(2 * 8 * sizeof(double));
  int made = 0;
  const auto ask = [&](int key) {
    return cache
        .get(
            key,
            [&] {
              ++made;
              return std::vector<double>(8, key);
            },
            [](const std::vector<double>& v) { return v.size() * sizeof(double); })
        ->front();
  };
  CHECK(ask(1) == 1.0);
  CHECK(ask(2) == 2.0);
  CHECK(ask(1) == 1.0);
  CHECK(made == 2);
  CHECK(ask(3) == 3.0);  // drops 2
  CHECK(ask(1) == 1.0);
  CHECK(made == 3);
  CHECK(ask(2) == 2.0);
  CHECK(made == 4);
  CHECK(cache.bytes() == 2 * 8 * sizeof(double));
  BoundedCache<int, int> tiny(0);
  CHECK(*tiny.get(
            1, [] { return 7; }, [](int) { return std::size_t{100}; }) == 7);
  CHECK(tiny.bytes() == 100);
}

}  // namespace veer
