// The transition graph against counts done by hand.
#include "env/graph/item_graph.h"

#include <cmath>

#include "env/data/attribute_table.h"
#include "env/data/dataset.h"
#include "env/error.h"
#include "tests/env/graph/random_graph.h"
#include "tests/test.h"

namespace veer {
namespace {

/// Three people over four items; item 4 shares no attribute with the others, item 1 and 2 share "a".
Dataset three_people() {
  Dataset data;
  data.catalogue.ids = {"", "one", "two", "three", "four"};
  data.catalogue.titles = {"", "One", "Two", "Three \"3\"", "Four"};
  data.catalogue.attribute_names = {"a", "b", "c"};
  data.catalogue.attribute_offsets = {0, 0, 1, 3, 4, 5};
  data.catalogue.attributes = {0, 0, 1, 1, 2};
  data.catalogue.popularity = {0, 4, 3, 3, 1};
  data.interactions.user_ids = {"x", "y", "z"};
  data.interactions.offsets = {0, 4, 8, 11};
  // 1->2 1->2... : moves 1->2 (twice by x and y), 1->3 (y), 2->3 (x), 3->1 (x), 2->1 (y); z: 1->1 is no move,
  // 1->4.
  data.interactions.items = {1, 2, 3, 1, 1, 2, 1, 3, 1, 1, 4};
  return data;
}

constexpr std::array<UserId, 3> everyone{0, 1, 2};

}  // namespace

TEST_CASE("Edge costs are the negative logarithms of transition shares") {
  const ItemGraph graph = build_item_graph(three_people(), everyone);
  CHECK(graph.items() == 4);
  CHECK(graph.edges() == 6);
  // Out of item 1: 2 twice, 3 once, 4 once.
  CHECK(graph.cost(1, 2) == doctest::Approx(-std::log(2.0 / 4.0)));
  CHECK(graph.cost(1, 3) == doctest::Approx(-std::log(1.0 / 4.0)));
  CHECK(graph.cost(1, 4) == doctest::Approx(-std::log(1.0 / 4.0)));
  CHECK(graph.cost(2, 1) == doctest::Approx(-std::log(1.0 / 2.0)));
  CHECK(graph.cost(3, 1) == 0.0);
  CHECK(graph.cost(4, 1) == no_path_cost);
  CHECK(graph.cost(1, 1) == no_path_cost);
  CHECK(graph.smallest_cost() == 0.0);
}

TEST_CASE("Only the given people count") {
  const std::array<UserId, 1> last{2};
  const ItemGraph graph = build_item_graph(three_people(), last);
  CHECK(graph.edges() == 1);
  CHECK(graph.cost(1, 4) == 0.0);
}

TEST_CASE("Smoothing spreads mass over the catalogue but adds no edge; rare moves make none, yet count") {
  const ItemGraph smoothed =
      build_item_graph(three_people(), everyone, {.smoothing = 0.5, .minimum_count = 1});
  CHECK(smoothed.edges() == 6);
  CHECK(smoothed.cost(1, 2) == doctest::Approx(-std::log(2.5 / (4.0 + 0.5 * 4.0))));
  const ItemGraph pruned = build_item_graph(three_people(), everyone, {.smoothing = 0.0, .minimum_count = 2});
  CHECK(pruned.edges() == 1);
  CHECK(pruned.cost(1, 2) == doctest::Approx(-std::log(2.0 / 4.0)));
  CHECK_THROWS_AS(build_item_graph(three_people(), everyone, {.smoothing = -1.0}), ConfigError);
  CHECK_THROWS_AS(build_item_graph(three_people(), everyone, {.minimum_count = 0}), ConfigError);
}

TEST_CASE("Edges between items that share an attribute are coherent") {
  const Dataset data = three_people();
  const AttributeTable attributes(data.catalogue);
  CHECK(attributes.share(1, 2));
  CHECK(attributes.share(2, 3));
  CHECK_FALSE(attributes.share(1, 3));
  const ItemGraph graph = build_item_graph(data, everyone);
  for (ItemId from = 1; from <= 4; ++from) {
    ItemId before = 0;
    for (const GraphEdge& edge : graph.edges_from(from)) {
      CHECK(edge.coherent == attributes.share(edge.from, edge.to));
      CHECK(edge.to > before);
      before = edge.to;
    }
  }
}

TEST_CASE("Statistics of a graph that can be drawn on paper") {
  const ItemGraphStatistics s = build_item_graph(three_people(), everyone).statistics();
  CHECK(s.items == 4);
  CHECK(s.edges == 6);
  CHECK(s.coherent_edges == 3);  // 1->2, 2->1, 2->3
  CHECK(s.items_with_successor == 3);
  CHECK(s.items_with_predecessor == 4);
  CHECK(s.mean_out_degree == doctest::Approx(1.5));
  CHECK(s.largest_out_degree == 3);
  CHECK(s.strong_components == 2);  // {1, 2, 3} and {4}
  CHECK(s.largest_strong_component == 3);
  CHECK(s.largest_weak_component == 4);
  CHECK(s.smallest_cost == 0.0);
  CHECK(s.mean_cost == doctest::Approx((5.0 + 2.0) * std::log(2.0) / 6.0));

  const ItemGraphStatistics empty = ItemGraph(3, {}).statistics();
  CHECK(empty.edges == 0);
  CHECK(empty.strong_components == 3);
  CHECK(empty.largest_weak_component == 1);
}

TEST_CASE("Edges that make no graph are refused") {
  CHECK_THROWS_AS(ItemGraph(2, {{.from = 1, .to = 3, .cost = 1.0F}}), DataError);
  CHECK_THROWS_AS(ItemGraph(2, {{.from = 0, .to = 1, .cost = 1.0F}}), DataError);
  CHECK_THROWS_AS(ItemGraph(2, {{.from = 1, .to = 1, .cost = 1.0F}}), DataError);
  CHECK_THROWS_AS(ItemGraph(2, {{.from = 1, .to = 2, .cost = -1.0F}}), DataError);
  CHECK_THROWS_AS(ItemGraph(2, {{.from = 1, .to = 2, .cost = std::nanf("")}}), DataError);
  CHECK_THROWS_AS(ItemGraph(2, {{.from = 1, .to = 2, .cost = 1.0F}, {.from = 1, .to = 2, .cost = 2.0F}}),
                  DataError);
}

TEST_CASE("The order of the edges does not matter") {
  std::vector<GraphEdge> edges = testing::random_edges(6, 0.5F, 8);
  const ItemGraph sorted(6, edges);
  std::ranges::reverse(edges);
  const ItemGraph reversed(6, edges);
  for (ItemId a = 1; a <= 6; ++a) {
    for (ItemId b = 1; b <= 6; ++b) CHECK(sorted.cost(a, b) == reversed.cost(a, b));
  }
}

TEST_CASE("A path in the DOT language shows titles, costs and jumps") {
  const Dataset data = three_people();
  const ItemGraph graph = build_item_graph(data, everyone);
  const std::array<ItemId, 3> path{1, 3, 4};
  CHECK(path_as_dot(graph, path, data.catalogue) ==
        "digraph path {\n  rankdir=LR;\n  1 [label=\"One\"];\n  3 [label=\"Three \\\"3\\\"\"];\n  4 "
        "[label=\"Four\"];\n"
        "  1 -> 3 [label=\"1.39\"];\n  3 -> 4 [style=dashed];\n}\n");
}

}  // namespace veer
