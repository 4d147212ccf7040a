// The registry: option strings to policies, and errors that say what exists.
#include <string>
#include <vector>

#include "agents/policy_registry.h"
#include "env/data/dataset.h"
#include "env/error.h"
#include "env/graph/item_graph.h"
#include "tests/agents/desk.h"
#include "tests/test.h"
#include "tests/toys/line_user.h"

namespace veer {
namespace {

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

bool says(const std::string& message, std::string_view part) {
  return message.find(part) != std::string::npos;
}

/// A world of six items with everything a policy can ask for.
struct World {
  Dataset data;
  ItemGraph graph{6, {{.from = 1, .to = 2, .cost = 1.0F, .coherent = true}}};
  toys::LineUser model{6};
  std::vector<float> table = std::vector<float>(14, 0.5F);

  World() {
    data.catalogue.ids.resize(7);
    data.catalogue.popularity = {0, 9, 1, 1, 1, 1, 1};
    data.interactions.offsets = {0, 3, 5};
    data.interactions.items = {2, 3, 2, 1, 1};
    data.parts = {Part::train_plan, Part::test};
  }
  PolicyContext context() const {
    PolicyContext c;
    c.world.items = 6;
    c.world.horizon = 4;
    c.world.history_capacity = 6;
    c.data = &data;
    c.graph = &graph;
    c.item_table = {table.data(), 7, 2};
    c.planner = &model;
    return c;
  }
};

}  // namespace

TEST_CASE("Every word makes a policy that carries its option string as name") {
  const World world;
  const PolicyRegistry registry;
  for (const std::string option : {"random", "popular", "nearest:recent=2,distance=euclidean", "graph_path",
                                   "graph_path:variant=coherent", "graph_path:variant=astar,landmarks=2",
                                   "graph_path:variant=kshortest,paths=3,stop=true", "greedy_reward:m=all",
                                   "beam:width=2,m=3,closed=true,acceptance=0.5,acceptance_as=probability"}) {
    CAPTURE(option);
    const auto policy = registry.make(option, world.context());
    REQUIRE(policy != nullptr);
    CHECK(policy->spec().name == option);
  }
  const auto beam = registry.make("beam:closed=true,lookahead=2", world.context());
  CHECK(beam->spec().closed_loop);
  CHECK(beam->spec().width == 2);
  CHECK(beam->spec().action == ActionKind::path);
}

TEST_CASE("Popularity is counted over the people that policies may learn from") {
  const World world;
  const auto policy = PolicyRegistry().make("popular", world.context());
  testing::Desk desk(*policy, 1, 6);
  desk.seat(0, 1, no_item, std::vector<ItemId>{});
  desk.ask();
  CHECK(desk.item() == 2);  // item 1 is popular among test people only
}

TEST_CASE("The target is shown where answers are sampled, unless the option says otherwise") {
  const World world;
  const PolicyRegistry registry;
  const auto shows_target = [&](const char* option, Acceptance acceptance) {
    PolicyContext context = world.context();
    context.world.acceptance = acceptance;
    const auto policy = registry.make(option, context);
    testing::Desk desk(*policy, 1, 6);
    desk.seat(0, 1, 6, std::vector<ItemId>{1, 2, 3, 4, 5});
    desk.ask();
    return desk.item() == 6;
  };
  CHECK_FALSE(shows_target("random", Acceptance::always));
  CHECK(shows_target("random", Acceptance::sampled));
  CHECK(shows_target("popular:allow_target=true", Acceptance::always));
  CHECK_FALSE(shows_target("popular:allow_target=false", Acceptance::sampled));
}

TEST_CASE("Errors list what exists") {
  const World world;
  const PolicyRegistry registry;
  const auto error = [&](const char* option) {
    return message_of([&] { registry.make(option, world.context()); });
  };
  const std::string word = error("bean");
  CHECK(says(word, "\"bean\""));
  CHECK(says(word, "random, popular, nearest, graph_path, greedy_reward, beam, greedy_slate, oracle_slate"));
  const std::string parameter = error("beam:breadth=4");
  CHECK(says(parameter, "\"breadth\""));
  CHECK(says(parameter, "width, lookahead, closed, m,"));
  CHECK(says(error("beam:width=0"), "from 1 to 65536"));
  CHECK(says(error("beam:width=four"), "\"four\""));
  CHECK(says(error("beam:width=4x"), "\"4x\""));
  CHECK(says(error("beam:width=99999999999"), "\"99999999999\""));
  CHECK(says(error("beam:m=some"), "\"some\""));
  CHECK(says(error("beam:acceptance=inf"), "a finite number"));
  CHECK(says(error("beam:closed=yes"), "one of false, true"));
  CHECK(says(error("graph_path:variant=bfs"), "dijkstra, astar, kshortest, coherent"));
  CHECK(says(error("beam:"), "KEY=VALUE"));
  CHECK(says(error("beam:width"), "\"width\""));
  CHECK(says(error("beam:width=1,width=2"), "\"width\" twice"));
  CHECK(says(error(""), "no policy word"));
}

TEST_CASE("What a policy needs is known before and checked when it is made") {
  const World world;
  const PolicyRegistry registry;
  CHECK(registry.needs("random") == PolicyNeeds{});
  CHECK((registry.needs("beam:width=2") | registry.needs("graph_path")) ==
        PolicyNeeds{.graph = true, .planner = true, .target = true});  // the graph leads somewhere
  CHECK(registry.needs("popular").data);
  CHECK(registry.needs("nearest").item_table);
  PolicyContext bare;
  bare.world = world.context().world;
  CHECK(says(message_of([&] { registry.make("beam", bare); }), "a user model to plan with"));
  CHECK(says(message_of([&] { registry.make("graph_path", bare); }), "an item graph"));
  PolicyContext other = world.context();
  other.world.items = 5;
  for (const std::string option : {"popular", "nearest", "graph_path", "beam"}) {
    CAPTURE(option);
    CHECK(says(message_of([&] { registry.make(option, other); }), "6 items"));
  }
}

TEST_CASE("Callers add entries of their own, by word or by the end of a file name") {
  const World world;
  PolicyRegistry registry;
  std::string file;
  registry.add({.word = "script",
                .suffix = ".pt",
                .summary = "A TorchScript file.",
                .needs = {},
                .parameters = {{"threads", "1..", "1", "how many"}},
                .make = [&](const PolicyContext& c, const PolicyParameters& p) {
                  file = p.word();
                  return PolicyRegistry().make("random", c);
                }});
  CHECK(registry.make("models/a.pt:threads=2", world.context()) != nullptr);
  CHECK(file == "models/a.pt");
  CHECK(says(message_of([&] { registry.make("models/a.onnx", world.context()); }), "FILE.pt"));
  CHECK(says(message_of([&] { registry.add(registry.entries()[0]); }), "twice"));
  const std::string help = registry.help();
  CHECK(says(help, "FILE.pt\n    A TorchScript file.\n"));
  for (const PolicyEntry& entry : registry.entries()) {
    CHECK(says(help, entry.summary));
    for (const PolicyParameter& p : entry.parameters) CHECK(says(help, p.name + "=" + p.values));
  }
}

}  // namespace veer
