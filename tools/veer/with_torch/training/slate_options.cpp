#include <CLI/CLI.hpp>
#include <string>

#include "agents/slate/hsrl/hsrl_options.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/training/train_agents.h"

namespace veer::tools {

void add_slate_options(CLI::App& app, SlateTask& task) {
  add_training_output(app, task.files);
  add_budget(app, task.files);
  const std::string world = "World", training = "Training";
  app.add_option(
         "--seeds", task.seeds,
         "several seeds such as 1,2,3, trained side by side to the bytes that each gives alone; the name of "
         "--output holds {seed}")
      ->delimiter(',')
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 62))
      ->type_name("LIST")
      ->group(training);
  app.add_option("--world", task.world.world,
                 "world of slates: ml1m-session, rl4rs-session, kuaisim-session, ...")
      ->capture_default_str()
      ->group(world);
  app.add_option("--link", task.world.link,
                 "from score to click: soft, saturated or doubled; default: the world's own")
      ->group(world);
  app.add_option("--made-up-people", task.world.made_up_people, "without --data: how many there are")
      ->check(at_most(1'000'000, "a million people are many"))
      ->capture_default_str()
      ->group(world);
  app.add_option("--answers", task.world.answers,
                 "kuaisim worlds: what earns and pleases: clicks, or behaviours, all that people do")
      ->capture_default_str()
      ->group(world);
  app.add_option("--correlation", task.world.correlation,
                 "kuaisim-session: what alike items lose: cosine, or published, which is next to nothing")
      ->capture_default_str()
      ->group(world);
  const auto file = [&](const char* name, std::string& value, const char* what) {
    app.add_option(name, value, what)->type_name("FILE")->group(world);
  };
  file("--data", task.world.data, "dataset file: its people instead of made-up ones");
  file("--users", task.world.users, "model of response or of behaviours of these people");
  file("--profiles", task.world.profiles, "who people are, as veer fit had it");
  file("--items", task.world.items, "item_info.csv of RL4RS, instead of made-up items");
  app.add_option("--steps", task.steps, "slates shown in training")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--rows", task.rows, "people at a time")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--batch", task.batch, "transitions per update")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option(
         "--staleness", task.staleness,
         "act with the weights of so many updates ago, so that acting and updating go on side by side; 0: "
         "they take turns")
      ->check(CLI::Range(0, 64))
      ->capture_default_str()
      ->group(training);
  app.add_option("--replay", task.replay, "transitions remembered")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--evaluate-every", task.evaluate_every, "slates between evaluations on validation people")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--episodes", task.episodes, "of an evaluation, and on test people at the end")
      ->check(positive())
      ->capture_default_str()
      ->group(training);
  app.add_option("--discount", task.discount, "of later rewards")->capture_default_str()->group(training);
  app.add_option("--actor-rate", task.actor_rate, "learning rate of the policy; default: the agent's")
      ->group(training);
  app.add_option("--critic-rate", task.critic_rate, "learning rate of the critic; default: the agent's")
      ->group(training);
  app.add_option("--entropy", task.entropy, "weight of entropy; default: the agent's")->group(training);
  app.add_option("--cloning", task.cloning_rate,
                 "hsrl: learning rate of behaviour cloning; others: weight of the clicks' loss")
      ->group(training);
  if (!task.hsrl) return;
  const std::string hsrl = "HSRL";
  app.add_option("--profile", task.profile, listed(slate::hsrl_profiles))->capture_default_str()->group(hsrl);
  app.add_option("--levels", task.levels, "tokens of an item")
      ->check(positive())
      ->capture_default_str()
      ->group(hsrl);
  app.add_option(
         "--codes", task.codes,
         "codes per level; default: 64 (a quarter of the items where they are fewer than 256), of the "
         "released profiles 16")
      ->check(positive())
      ->group(hsrl);
  app.add_option("--residual", task.residual, listed(slate::residual_names) + "; default: the profile's")
      ->group(hsrl);
  app.add_option("--critic", task.critic, listed(slate::critic_names) + "; default: the profile's")
      ->group(hsrl);
  app.add_option("--sharpness", task.sharpness,
                 "factor on the logits before they become probabilities; default: the profile's")
      ->group(hsrl);
  app.add_option(
         "--best-rate", task.best_rate,
         "how often the most probable slate is shown in training, instead of a draw; default: the profile's")
      ->group(hsrl);
  app.add_option(
         "--importance", task.importance,
         "largest weight of a slate by how much likelier it is now than when it was shown; 0: all weigh "
         "1; default: the profile's")
      ->group(hsrl);
  app.add_option("--credit", task.credit, listed(slate::credit_names) + "; default: the profile's")
      ->group(hsrl);
}

}  // namespace veer::tools
