// veer study NAME -o parts.jsonl: questions about learning from behaviour, answered in made-up worlds.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/veer/program.h"
#include "tools/veer/studies/ads_study.h"
#include "tools/veer/studies/churn_study.h"
#include "tools/veer/studies/interest_study.h"
#include "tools/veer/terminal/checks.h"

namespace veer::tools {
namespace {

void add_interests(Program& program, CLI::App& family) {
  auto interests = std::make_shared<InterestStudyOptions>();
  CLI::App& app = program.add_below(
      family, "interests",
      "People whose long-term interest pays late: a manager that sets goals and a worker that chooses items, "
      "against one flat agent of as many parameters.",
      "veer study interests --seeds 5 -o interests.jsonl",
      [interests](const Session& session) { run_interest_study(*interests, session); });
  app.add_option("-o,--output", interests->output, "file of finished parts")->required()->type_name("FILE");
  app.add_option("--seeds", interests->seeds, "trainings of every agent at every delay")
      ->check(at_most(1000, "so many take very long"))
      ->capture_default_str();
  app.add_option("--steps", interests->steps, "items shown in a training")
      ->check(at_most(100'000'000, "so many take very long"))
      ->capture_default_str();
  app.add_option("--span", interests->span, "steps of a goal, and of the flat agent's returns")
      ->check(at_most(60, "no episode has as many"))
      ->capture_default_str();
  app.add_option("--delays", interests->delays, "steps from a mind made up to the purchase")
      ->check(at_most(1000, "no episode has as many"))
      ->default_str("5 10 20");
  app.add_option("--episodes", interests->episodes, "that judge an agent")
      ->check(at_most(10'000'000, "so many do not fit in memory"))
      ->capture_default_str();
}

void add_churn(Program& program, CLI::App& family) {
  auto churn = std::make_shared<ChurnStudyOptions>();
  CLI::App& app = program.add_below(
      family, "churn",
      "Trained agents of slates when a part of the catalogue is replaced: the same weights, items that are "
      "gone and "
      "items that are new, and what is kept of the reward.",
      "veer study churn --world rl4rs-session --policy hsrl=hsrl.model.h5 --policy a2c=a2c.model.h5",
      [churn](const Session& session) { run_churn_study(*churn, session); });
  app.add_option("--policy", churn->policies, "METHOD=FILE of veer train; files of one method are its seeds")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--churn", churn->share, "share of the items that is replaced")
      ->check(CLI::Range(0.0, 0.9))
      ->capture_default_str();
  app.add_option("--episodes", churn->episodes, "played before and after")
      ->check(at_most(10'000'000, "so many do not fit in memory"))
      ->capture_default_str();
  WorldOptions& world = churn->world;
  app.add_option("--world", world.world, "world of slates: ml1m-session, rl4rs-session, kuaisim-session, ...")
      ->capture_default_str();
  app.add_option("--link", world.link,
                 "from score to click: soft, saturated or doubled; default: the world's own");
  app.add_option("--made-up-people", world.made_up_people, "without --data: how many there are")
      ->check(at_most(1'000'000, "a million people are many"))
      ->capture_default_str();
  const auto file = [&](const char* name, std::string& value, const char* what) {
    app.add_option(name, value, what)->type_name("FILE");
  };
  file("--data", world.data, "dataset file: its people instead of made-up ones");
  file("--users", world.users, "response model of the people of --data");
  file("--profiles", world.profiles, "users.dat, as veer fit response had it");
  file("--items", world.items, "item_info.csv of RL4RS, instead of made-up items");
}

}  // namespace

void add_study(Program& program) {
  CLI::App& family = program.add_family(
      "study", "Asks what learned agents can do in worlds whose truth is known.",
      "Every finished training is a line of --output: an interrupted study goes on where it was.");
  auto ads = std::make_shared<AdsStudyOptions>();
  CLI::App& app = program.add_below(
      family, "ads",
      "Pages of items and ads: two agents that share them, trained for several weights of what people get "
      "against what ads earn.",
      "veer study ads --seeds 3 -o ads.jsonl",
      [ads](const Session& session) { run_ads_study(*ads, session); });
  app.add_option("-o,--output", ads->output, "file of finished parts")->required()->type_name("FILE");
  app.add_option("--seeds", ads->seeds, "trainings of every agent")
      ->check(at_most(1000, "so many take very long"))
      ->capture_default_str();
  app.add_option("--steps", ads->steps, "pages shown in a training")
      ->check(at_most(100'000'000, "so many are not remembered"))
      ->capture_default_str();
  app.add_option("--episodes", ads->episodes, "sessions that judge a policy")
      ->check(at_most(10'000'000, "so many do not fit in memory"))
      ->capture_default_str();
  add_interests(program, family);
  add_churn(program, family);
}

}  // namespace veer::tools
