// Every plain policy under the conformance kit, in worlds where all is accepted and where people refuse and
// leave.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agents/guidance/guide_entries.h"
#include "agents/policy_registry.h"
#include "env/data/dataset.h"
#include "env/engine.h"
#include "env/graph/item_graph.h"
#include "tests/agents/last_item_person.h"
#include "tests/conformance/conformance.h"
#include "tests/env/graph/random_graph.h"
#include "tests/test.h"
#include "tests/toys/line_world.h"

namespace veer {
namespace {

const std::vector<std::string> options{"random",
                                       "popular",
                                       "nearest",
                                       "graph_path",
                                       "graph_path:variant=astar",
                                       "graph_path:variant=kshortest",
                                       "graph_path:variant=coherent,stop=true",
                                       "greedy_reward:m=8",
                                       "beam:width=3,m=6",
                                       "beam:width=2,m=all,closed=true,acceptance=0.3",
                                       "beam:width=2,lookahead=2,may_stop=true",
                                       "ipg:model=m",
                                       "ipg:model=m,user=average,similarity=dot",
                                       "itmprec:model=m,intents=4,lambda=0.5",
                                       "itmprec:model=m,intents=4,user=average,favourites=3",
                                       "rerank:model=m,k=5"};

/// The line world and what policies are made from; the planning model is not the world's own object.
struct Stage {
  explicit Stage(Acceptance acceptance)
      : world({.items = 20, .horizon = 6, .acceptance = acceptance}),
        graph(20, testing::random_edges(20, 0.15F, 4)) {
    data.catalogue.ids.resize(21);
    for (std::int64_t i = 0; i <= 20; ++i) data.catalogue.popularity.push_back(i % 7);
    for (std::int32_t i = 0; i <= 20; ++i) table.push_back(static_cast<float>(i));
    for (std::int32_t i = 0; i <= 20; ++i) table.push_back(static_cast<float>(i % 3));
  }
  std::shared_ptr<const Policy> make(const std::string& option) const {
    PolicyContext context;
    context.world = world.spec();
    context.data = &data;
    context.graph = &graph;
    context.item_table = {table.data(), 21, 2};
    context.planner = &planner;
    PolicyRegistry registry;
    const auto load = [&](const PolicyContext&, const std::string&) {
      return GuideModel{std::make_shared<testing::LastItemPerson>(context.item_table), table};
    };
    for (PolicyEntry& entry : guide_entries(load)) registry.add(std::move(entry));
    return registry.make(option, context);
  }

  toys::LineWorld world;
  toys::LineUser planner{20};
  ItemGraph graph;
  Dataset data;
  std::vector<float> table;
};

}  // namespace

TEST_CASE("Plain policies conform") {
  for (const Acceptance acceptance : {Acceptance::always, Acceptance::sampled}) {
    const Stage stage(acceptance);
    for (const std::string& option : options) {
      CAPTURE(option);
      conformance::check_policy(*stage.make(option), stage.world);
    }
  }
}

TEST_CASE("Whole episodes do not depend on threads or on the number of rows in flight") {
  const Stage stage(Acceptance::sampled);
  for (const std::string option :
       {"random", "graph_path", "beam:width=2,m=6,closed=true", "itmprec:model=m,intents=4,user=average"}) {
    CAPTURE(option);
    conformance::check_scenario(stage.world, stage.make(option));
  }
}

TEST_CASE("In whole episodes nothing is shown twice, and the target only where people may refuse it") {
  std::vector<EpisodeId> ids(200);
  for (std::size_t e = 0; e < ids.size(); ++e) ids[e] = e;
  for (const Acceptance acceptance : {Acceptance::always, Acceptance::sampled}) {
    const Stage stage(acceptance);
    const EnvSpec& spec = stage.world.spec();
    for (const std::string& option : options) {
      CAPTURE(option);
      const auto policy = stage.make(option);
      Engine engine(stage.world, policy->spec(), {.rows = 64, .shard_rows = 32, .seed = 2});
      const Trajectories played = engine.evaluate(*policy, Mode::sample, ids);
      std::int64_t targets = 0;
      for (std::size_t e = 0; e < ids.size(); ++e) {
        // The history column as the policy saw it: the newest items only.
        const auto start = played.history.begin() + static_cast<std::ptrdiff_t>(e) * spec.history_length;
        std::vector<ItemId> known(start, start + played.history_size[e]);
        std::set<ItemId> shown;
        const auto first = static_cast<std::size_t>(played.first_step[e]);
        for (std::size_t k = first; k < first + static_cast<std::size_t>(played.length[e]); ++k) {
          const ItemId item = played.items[k];
          if (item == no_item) continue;  // stopped
          CHECK(shown.insert(item).second);
          CHECK(std::ranges::count(known, item) == 0);
          targets += item == played.target[k] ? 1 : 0;
          if (played.feedback[k] == feedback::refused) continue;
          known.push_back(item);
          if (static_cast<std::int32_t>(known.size()) > spec.history_capacity) known.erase(known.begin());
        }
      }
      if (acceptance == Acceptance::always) CHECK(targets == 0);
      if (acceptance == Acceptance::sampled && (option == "nearest" || option == "graph_path"))
        CHECK(targets > 0);
    }
  }
}

}  // namespace veer
