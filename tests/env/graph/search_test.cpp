// Every search of env/graph against plain enumeration on small random graphs. Costs are multiples of 1/64, so
// sums are exact and equality means equality.
#include <vector>

#include "env/error.h"
#include "env/graph/difficulty.h"
#include "env/graph/hop_table.h"
#include "env/graph/shortest_path.h"
#include "tests/env/graph/random_graph.h"
#include "tests/test.h"

namespace veer {
namespace {

using testing::all_paths;
using testing::keeps_rules;
using testing::random_edges;

constexpr std::int32_t items = 7;

/// Sparse enough for unreachable pairs, dense enough for many paths.
std::vector<ItemGraph> small_graphs() {
  std::vector<ItemGraph> graphs;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    graphs.emplace_back(items, random_edges(items, seed % 3 == 0 ? 0.2F : seed % 3 == 1 ? 0.4F : 0.7F, seed));
  }
  return graphs;
}

/// Nothing forbidden; two items forbidden; coherent edges only; no direct edge to the target.
std::vector<PathRules> some_rules(const std::vector<ItemId>& avoid, const std::vector<ItemId>& avoid_first) {
  return {{},
          {.edges = EdgeRule::any, .avoid = avoid, .avoid_first = {}},
          {.edges = EdgeRule::coherent, .avoid = {}, .avoid_first = {}},
          {.edges = EdgeRule::any, .avoid = {}, .avoid_first = avoid_first},
          {.edges = EdgeRule::coherent, .avoid = avoid, .avoid_first = avoid_first}};
}

template <class Check>
void for_each_case(Check&& check) {
  for (const ItemGraph& graph : small_graphs()) {
    for (ItemId from = 1; from <= items; ++from) {
      for (ItemId to = 1; to <= items; ++to) {
        if (from == to) continue;
        // The source may stand among the avoided items: a policy passes the whole history.
        const std::vector<ItemId> avoid{no_item, from,
                                        from % items + 1 == to ? (to % items) + 1 : from % items + 1};
        const std::vector<ItemId> avoid_first{to};
        for (const PathRules& rules : some_rules(avoid, avoid_first)) check(graph, from, to, rules);
      }
    }
  }
}

}  // namespace

TEST_CASE("Dijkstra and A* find the cheapest path of plain enumeration, and only when there is one") {
  int reached = 0;
  int unreached = 0;
  for_each_case([&](const ItemGraph& graph, ItemId from, ItemId to, const PathRules& rules) {
    const auto expected = all_paths(graph, from, to, items, rules);
    const Landmarks landmarks(graph, 3);
    for (const auto& found : {shortest_path(graph, from, to, rules),
                              astar_path(graph, from, to, hop_bounds(graph, to, rules.edges), rules),
                              astar_path(graph, from, to, landmarks.bounds(to), rules),
                              astar_path(graph, from, to, costs_to(graph, to, rules.edges), rules)}) {
      REQUIRE(found.has_value() == !expected.empty());
      if (!found) continue;
      CHECK(found->cost == expected.front().cost);
      CHECK(keeps_rules(graph, *found, rules));
      CHECK(found->items.front() == from);
      CHECK(found->items.back() == to);
    }
    ++(expected.empty() ? unreached : reached);
  });
  CHECK(reached > 500);
  CHECK(unreached > 100);
}

TEST_CASE("Bounds of A* never exceed the true cost") {
  for (const ItemGraph& graph : small_graphs()) {
    const Landmarks landmarks(graph, 3);
    CHECK(landmarks.items().size() <= 3);
    for (ItemId to = 1; to <= items; ++to) {
      const std::vector<double> exact = costs_to(graph, to);
      const LowerBounds hops = hop_bounds(graph, to);
      const LowerBounds triangle = landmarks.bounds(to);
      for (ItemId from = 1; from <= items; ++from) {
        const auto i = static_cast<std::size_t>(from);
        CHECK(hops[i] <= exact[i]);
        CHECK(triangle[i] <= exact[i]);
      }
    }
  }
}

TEST_CASE("Costs and hops of all items to one target are those of plain enumeration") {
  for (const ItemGraph& graph : small_graphs()) {
    for (ItemId to = 1; to <= items; ++to) {
      for (const EdgeRule rule : {EdgeRule::any, EdgeRule::coherent}) {
        const std::vector<double> costs = costs_to(graph, to, rule);
        const std::vector<std::int32_t> hops = hops_to(graph, to, rule);
        for (ItemId from = 1; from <= items; ++from) {
          const auto paths =
              all_paths(graph, from, to, items, {.edges = rule, .avoid = {}, .avoid_first = {}});
          const auto i = static_cast<std::size_t>(from);
          CHECK(costs[i] == (paths.empty() ? no_path_cost : paths.front().cost));
          CHECK(hops[i] == testing::fewest_edges(paths));
          CHECK(costs_from(graph, from, rule)[static_cast<std::size_t>(to)] == costs[i]);
        }
      }
    }
  }
}

TEST_CASE("The hop-limited programme is exact for every number of edges") {
  for (const ItemGraph& graph : small_graphs()) {
    for (ItemId to = 1; to <= items; ++to) {
      for (const EdgeRule rule : {EdgeRule::any, EdgeRule::coherent}) {
        const HopTable table(graph, to, 4, rule);
        for (ItemId from = 1; from <= items; ++from) {
          for (std::int32_t edges = 0; edges <= 4; ++edges) {
            const auto paths =
                all_paths(graph, from, to, edges, {.edges = rule, .avoid = {}, .avoid_first = {}});
            CHECK(table.cost(from, edges) == (paths.empty() ? no_path_cost : paths.front().cost));
          }
        }
      }
    }
  }
}

TEST_CASE("Bounded paths are the cheapest of their length") {
  int cut_short = 0;  // cases where the bound rules out the cheapest path
  for_each_case([&](const ItemGraph& graph, ItemId from, ItemId to, const PathRules& rules) {
    const HopTable table(graph, to, 4, rules.edges);
    const auto unbounded = all_paths(graph, from, to, items, rules);
    for (std::int32_t edges = 1; edges <= 4; ++edges) {
      const auto expected = all_paths(graph, from, to, edges, rules);
      const auto found = bounded_path(graph, from, table, edges, rules);
      REQUIRE(found.has_value() == !expected.empty());
      if (!found) continue;
      CHECK(found->cost == expected.front().cost);
      CHECK(found->edges() <= edges);
      CHECK(keeps_rules(graph, *found, rules));
      if (expected.front().cost > unbounded.front().cost) ++cut_short;
    }
  });
  CHECK(cut_short > 50);
}

TEST_CASE("The k shortest loopless paths are the first k of plain enumeration") {
  int several = 0;
  for_each_case([&](const ItemGraph& graph, ItemId from, ItemId to, const PathRules& rules) {
    const HopTable table(graph, to, 4, rules.edges);
    const auto expected = all_paths(graph, from, to, 4, rules);
    const auto found = k_shortest_paths(graph, from, table, 5, 4, rules);
    REQUIRE(found.size() == std::min<std::size_t>(5, expected.size()));
    for (std::size_t k = 0; k < found.size(); ++k) {
      CHECK(found[k].cost == expected[k].cost);  // paths of equal cost may come in either order at the cut
      CHECK(keeps_rules(graph, found[k], rules));
      for (std::size_t other = 0; other < k; ++other) CHECK(found[other].items != found[k].items);
    }
    if (found.size() == 5) ++several;
  });
  CHECK(several > 100);
}

TEST_CASE("All loopless paths are found when more are asked for than exist") {
  const ItemGraph graph(5, random_edges(5, 0.8F, 3));
  const HopTable table(graph, 5, 4);
  const auto expected = all_paths(graph, 1, 5, 4);
  const auto found = k_shortest_paths(graph, 1, table, 1000, 4);
  REQUIRE(expected.size() >= 8);
  REQUIRE(found.size() == expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) CHECK(found[k].cost == expected[k].cost);
}

TEST_CASE("An item is its own path, and an avoided target has none") {
  const ItemGraph graph(2, {{.from = 1, .to = 2, .cost = 0.5F}});
  const auto self = shortest_path(graph, 1, 1);
  REQUIRE(self.has_value());
  CHECK(self->items == std::vector<ItemId>{1});
  CHECK(self->cost == 0.0);
  const std::vector<ItemId> avoid{2};
  const PathRules rules{.edges = EdgeRule::any, .avoid = avoid, .avoid_first = {}};
  CHECK_FALSE(shortest_path(graph, 1, 2, rules).has_value());
  const HopTable table(graph, 2, 3);
  CHECK_FALSE(bounded_path(graph, 1, table, 3, rules).has_value());
  CHECK(bounded_path(graph, 2, table, 3)->items == std::vector<ItemId>{2});
  CHECK_THROWS_AS(HopTable(graph, 2, 0), ConfigError);
}

TEST_CASE("Tiers follow the fewest hops from any known item") {
  // 1 -> 2 -> 3 -> 4, and 5 alone.
  const ItemGraph graph(5, {{.from = 1, .to = 2, .cost = 1.0F},
                            {.from = 2, .to = 3, .cost = 1.0F},
                            {.from = 3, .to = 4, .cost = 1.0F}});
  const auto hops = hops_to(graph, 4);
  CHECK(hops[1] == 3);
  CHECK(hops[4] == 0);
  const std::vector<ItemId> far{no_item, 1};
  const std::vector<ItemId> mixed{1, 2, 5};
  const std::vector<ItemId> nowhere{5};
  CHECK(hop_distance(hops, far) == 3);
  CHECK(hop_distance(hops, mixed) == 2);
  CHECK(hop_distance(hops, nowhere) == no_path_hops);
  CHECK(tier_of(1) == DifficultyTier::easy);
  CHECK(tier_of(2) == DifficultyTier::medium);
  CHECK(tier_of(3) == DifficultyTier::hard);
  CHECK(tier_of(3, {.easy = 3, .medium = 3}) == DifficultyTier::easy);
  CHECK(tier_of(no_path_hops) == DifficultyTier::unreachable);
  CHECK(name_of(DifficultyTier::hard) == "hard");
}

}  // namespace veer
