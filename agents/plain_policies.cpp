#include "agents/plain_policies.h"

#include <array>
#include <limits>
#include <utility>

#include "agents/baselines/nearest_items.h"
#include "agents/baselines/plain_weights.h"
#include "agents/baselines/popular_items.h"
#include "agents/baselines/random_items.h"
#include "agents/baselines/slates.h"
#include "agents/external/outside_entries.h"
#include "agents/guidance/graph_path.h"
#include "agents/guidance/path_planner.h"
#include "agents/target_rule.h"
#include "env/data/dataset.h"
#include "env/error.h"
#include "env/graph/item_graph.h"

namespace veer {
namespace {

constexpr std::int32_t any_number = std::numeric_limits<std::int32_t>::max();

void check_catalogue(const PolicyParameters& parameters, const char* what, std::int32_t found,
                     std::int32_t expected) {
  if (found == expected) return;
  throw ConfigError({.file = {}, .line = 0, .field = "policy " + parameters.word() + ", " + what},
                    {.found = std::to_string(found) + " items",
                     .expected = "the world's catalogue of " + std::to_string(expected),
                     .hint = "build both from the same data set"});
}

/// Counts over the people that policies may learn from; over everyone in a data set without such people.
std::vector<std::int64_t> popularity(const Dataset& data) {
  const std::vector<UserId> people = data.users_of(Part::train_plan);
  if (people.empty()) return data.catalogue.popularity;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(data.catalogue.size()) + 1, 0);
  for (const UserId user : people) {
    for (const ItemId item : data.interactions.of(user)) ++counts[static_cast<std::size_t>(item)];
  }
  return counts;
}

PolicyEntry random_entry() {
  return {.word = "random",
          .suffix = {},
          .summary =
              "Any item the person has not seen, all equally likely; any slate, any weights where the world "
              "asks for them.",
          .needs = {},
          .parameters = {allow_target_parameter()},
          .make = [](const PolicyContext& c, const PolicyParameters& p) -> std::shared_ptr<const Policy> {
            if (c.world.reals > 0) return std::make_shared<RandomWeights>(p.option(), c.world.reals);
            if (c.world.slots > 1) {
              return std::make_shared<RandomSlates>(p.option(), c.world.items, c.world.slots);
            }
            return std::make_shared<RandomItems>(RandomItemsOptions{.name = p.option(),
                                                                    .items = c.world.items,
                                                                    .horizon = c.world.horizon,
                                                                    .allow_target = allow_target(c, p)});
          }};
}

PolicyEntry popular_entry() {
  return {.word = "popular",
          .suffix = {},
          .summary = "The most popular item (among the people that planning models learn from) not yet seen.",
          .needs = {.data = true},
          .parameters = {allow_target_parameter()},
          .make = [](const PolicyContext& c, const PolicyParameters& p) -> std::shared_ptr<const Policy> {
            check_catalogue(p, "data set", c.data->catalogue.size(), c.world.items);
            if (c.world.slots > 1) {
              return std::make_shared<PopularSlates>(p.option(), popularity(*c.data), c.world.slots);
            }
            return std::make_shared<PopularItems>(
                popularity(*c.data),
                PopularItemsOptions{
                    .name = p.option(), .horizon = c.world.horizon, .allow_target = allow_target(c, p)});
          }};
}

PolicyEntry nearest_entry() {
  return {
      .word = "nearest",
      .suffix = {},
      .summary = "Walks through embedding space in even steps from the newest history items to the target.",
      .needs = {.item_table = true, .target = true},
      .parameters = {{"recent", "1..", "3", "newest history items whose mean is the starting point"},
                     {"distance", "cosine|euclidean", "cosine", "cosine scales embeddings to unit length"},
                     {"random_steps", "0..1", "0", "share of steps that show any item not yet seen instead"},
                     allow_target_parameter()},
      .make = [](const PolicyContext& c, const PolicyParameters& p) {
        check_catalogue(p, "item table", c.item_table.rows() - 1, c.world.items);
        constexpr std::array<std::string_view, 2> distances{"cosine", "euclidean"};
        return std::make_shared<NearestItems>(
            c.item_table,
            NearestItemsOptions{.name = p.option(),
                                .horizon = c.world.horizon,
                                .recent = p.integer("recent", 3, 1, any_number),
                                .distance = static_cast<ItemDistance>(p.choice("distance", 0, distances)),
                                .allow_target = allow_target(c, p),
                                .random_steps = static_cast<float>(p.real("random_steps", 0.0))});
      }};
}

PolicyEntry graph_path_entry() {
  return {
      .word = "graph_path",
      .suffix = {},
      .summary =
          "The next item of the cheapest path to the target in the graph of transitions between items.",
      .needs = {.graph = true, .target = true},
      .parameters = {{"variant", "dijkstra|astar|kshortest|coherent", "dijkstra", "how the path is found"},
                     {"max_edges", "1..", "10", "longest path"},
                     {"paths", "1..", "8", "kshortest: paths to choose the smoothest from"},
                     {"landmarks", "1..", "8", "astar: items whose distances give the bounds"},
                     {"stop", "true|false", "false", "end the episode when the path is walked"},
                     {"cache_mb", "1..", "256", "bound on the distances kept"},
                     allow_target_parameter()},
      .make = [](const PolicyContext& c, const PolicyParameters& p) {
        check_catalogue(p, "item graph", c.graph->items(), c.world.items);
        constexpr std::array<std::string_view, 4> variants{"dijkstra", "astar", "kshortest", "coherent"};
        return std::make_shared<GraphPathPolicy>(
            *c.graph,
            GraphPathOptions{.name = p.option(),
                             .horizon = c.world.horizon,
                             .variant = static_cast<GraphPathVariant>(p.choice("variant", 0, variants)),
                             .max_edges = p.integer("max_edges", 10, 1, 1000),
                             .paths = p.integer("paths", 8, 1, 1000),
                             .landmarks = p.integer("landmarks", 8, 1, 1000),
                             .allow_target = allow_target(c, p),
                             .stop = p.flag("stop", false),
                             .cache_mb = p.integer("cache_mb", 256, 1, 1 << 20)});
      }};
}

std::vector<PolicyParameter> planner_parameters() {
  return {
      {"m", "1..|all", "64", "items tried per beam and step, proposed by the planning model"},
      {"interest", "number", "1", "weight of the interest in the target that a path gains"},
      {"acceptance", "number", "0", "weight of the acceptance of a path's items"},
      {"acceptance_as", "log|probability", "log", "mean log-probability or mean probability of acceptance"},
      {"may_stop", "true|false", "false", "end where the score is highest"},
      {"chunk", "1..", "256", "candidates per model call; changes no result"},
      allow_target_parameter()};
}

void read_planner_parameters(const PolicyContext& c, const PolicyParameters& p, PathPlannerOptions& options) {
  constexpr std::array<std::string_view, 2> scores{"log", "probability"};
  options.name = p.option();
  options.shortlist = p.text("m", "64") == "all" ? 0 : p.integer("m", options.shortlist, 1, any_number);
  options.interest_weight = p.real("interest", 1.0);
  options.acceptance_weight = p.real("acceptance", 0.0);
  options.acceptance = static_cast<AcceptanceScore>(p.choice("acceptance_as", 0, scores));
  options.may_stop = p.flag("may_stop", false);
  options.chunk_rows = p.integer("chunk", options.chunk_rows, 1, 1 << 20);
  options.allow_target = allow_target(c, p);
}

PolicyEntry greedy_entry() {
  return {.word = "greedy_reward",
          .suffix = {},
          .summary = "The item that raises the path reward most in this step, under the planning model.",
          .needs = {.planner = true},
          .parameters = planner_parameters(),
          .make = [](const PolicyContext& c, const PolicyParameters& p) {
            PathPlannerOptions options = greedy_reward_options();
            read_planner_parameters(c, p, options);
            return std::make_shared<PathPlanner>(*c.planner, c.world, options);
          }};
}

PolicyEntry greedy_slate_entry() {
  return {.word = "greedy_slate",
          .suffix = {},
          .summary = "The slate of the most acceptable items, under the planning model.",
          .needs = {.planner = true},
          .parameters = {},
          .make = [](const PolicyContext& c, const PolicyParameters& p) {
            return std::make_shared<GreedySlates>(*c.planner, c.world,
                                                  GreedySlatesOptions{.name = p.option(), .worth = {}});
          }};
}

PolicyEntry oracle_slate_entry() {
  return {.word = "oracle_slate",
          .suffix = {},
          .summary = "The slate of the highest expected reward of this step, under the planning model.",
          .needs = {.planner = true},
          .parameters = {},
          .make = [](const PolicyContext& c, const PolicyParameters& p) {
            if (c.slate_worth.empty()) {
              throw ConfigError(
                  {.file = {}, .line = 0, .field = "policy oracle_slate"},
                  {.found = "a world without rewards of slates", .expected = "slate-v1", .hint = ""});
            }
            return std::make_shared<GreedySlates>(
                *c.planner, c.world, GreedySlatesOptions{.name = p.option(), .worth = c.slate_worth});
          }};
}

PolicyEntry beam_entry() {
  std::vector<PolicyParameter> parameters = planner_parameters();
  parameters.insert(parameters.begin(),
                    {{"width", "1..65536", "4", "paths kept at every step"},
                     {"lookahead", "0..", "0", "items planned at a time; 0: all steps left"},
                     {"closed", "true|false", "false", "plan again after every answer"}});
  return {.word = "beam",
          .suffix = {},
          .summary = "Beam search over whole paths for the highest path reward under the planning model.",
          .needs = {.planner = true},
          .parameters = std::move(parameters),
          .make = [](const PolicyContext& c, const PolicyParameters& p) {
            PathPlannerOptions options;
            read_planner_parameters(c, p, options);
            options.width = p.integer("width", 4, 1, 65536);
            options.lookahead = p.integer("lookahead", 0, 0, any_number);
            options.closed_loop = p.flag("closed", false);
            return std::make_shared<PathPlanner>(*c.planner, c.world, options);
          }};
}

}  // namespace

std::vector<PolicyEntry> plain_policies() {
  std::vector<PolicyEntry> out{random_entry(), popular_entry(), nearest_entry(),      graph_path_entry(),
                               greedy_entry(), beam_entry(),    greedy_slate_entry(), oracle_slate_entry()};
  for (PolicyEntry& entry : external::outside_entries()) out.push_back(std::move(entry));
  return out;
}

}  // namespace veer
