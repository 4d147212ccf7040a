// veer guide --user U --target T --policy P: one path, step by step; with --explain also why.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <span>

#include "env/error.h"
#include "env/store/dataset_file.h"
#include "tools/veer/figures/guidance/explain_report.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/worlds/playing.h"
#include "tools/veer/worlds/world.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

struct GuideCommand {
  WorldOptions world;
  std::string policy = "beam";
  std::string user;
  std::string target;
  bool explain = false;
};

/// The item with this id of the source, or else the one with this title.
ItemId item_of(const Catalogue& catalogue, const std::string& text) {
  const auto id = std::find(catalogue.ids.begin() + 1, catalogue.ids.end(), text);
  if (id != catalogue.ids.end()) return static_cast<ItemId>(id - catalogue.ids.begin());
  std::vector<ItemId> found;
  for (ItemId item = 1; item <= catalogue.size(); ++item)
    if (catalogue.titles[at(item)] == text) found.push_back(item);
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    throw ConfigError({{}, 0, "--target"},
                      {"'" + text + "'", "an item's id or title", "the data set has no such item"});
  }
  std::string ids;
  for (const ItemId item : found) ids += (ids.empty() ? "" : ", ") + catalogue.ids[at(item)];
  throw ConfigError({{}, 0, "--target"}, {fmt::format("'{}', the title of {} items", text, found.size()),
                                          "one item", "name one by its id: " + ids});
}

UserId user_of(const Interactions& log, const std::string& text) {
  const auto found = std::find(log.user_ids.begin(), log.user_ids.end(), text);
  if (found != log.user_ids.end()) return static_cast<UserId>(found - log.user_ids.begin());
  throw ConfigError({{}, 0, "--user"},
                    {"'" + text + "'", "a person's id", "the data set has no such person"});
}

/// A named person and target are played wherever they are in the data; otherwise the scenario draws them.
void choose(GuideCommand& command) {
  WorldOptions& world = command.world;
  if (command.user.empty() && command.target.empty()) return;
  if (command.user.empty() || command.target.empty()) {
    throw ConfigError(
        {{}, 0, "--user and --target"},
        {"one of them", "both, or none", "without them the scenario draws a person and a target"});
  }
  const Dataset data = read_dataset(world.data);
  world.choices = {{user_of(data.interactions, command.user), item_of(data.catalogue, command.target)}};
  world.part = "all";
  world.cut = "last";
}

Json item_json(const Catalogue& catalogue, ItemId item) {
  return {{"id", catalogue.ids[at(item)]}, {"title", catalogue.titles[at(item)]}};
}

Json path_json(const World& world, const Trajectories& path, std::span<const std::int32_t> support) {
  const Catalogue& catalogue = world.data().catalogue;
  Json out;
  out["user"] = world.data().interactions.user_ids[at(path.episode_user[0])];
  out["target"] = item_json(catalogue, path.episode_target[0]);
  out["history"] = Json::array();
  for (std::int32_t i = 0; i < path.history_size[0]; ++i)
    out["history"].push_back(item_json(catalogue, path.history[at(i)]));
  out["steps"] = Json::array();
  for (std::int64_t step = 0; step < path.steps(); ++step) {
    Json entry = item_json(catalogue, path.items[at(step)]);
    entry["accepted"] = (path.feedback[at(step)] & feedback::accepted) != 0;
    entry["support"] = support[at(step)];
    for (const JudgeScores& judge : path.judges) {
      Json& under = entry["judges"][judge.judge];
      under = {{"acceptance", judge.acceptance[at(step)]},
               {"interest", judge.interest[at(step)]},
               {"rank", judge.rank[at(step)]}};
      if (judge.acceptance_deviation.empty()) continue;
      under["acceptance_deviation"] = judge.acceptance_deviation[at(step)];
      under["interest_deviation"] = judge.interest_deviation[at(step)];
    }
    out["steps"].push_back(std::move(entry));
  }
  for (const JudgeScores& judge : path.judges) {
    out["start"][judge.judge] = {{"interest", judge.start_interest[0]}, {"rank", judge.start_rank[0]}};
  }
  return out;
}

const char* ending(EndReason reason) {
  switch (reason) {
    case EndReason::target_reached:
      return "The target was reached.";
    case EndReason::user_left:
      return "The person left.";
    case EndReason::policy_stopped:
      return "The policy stopped.";
    case EndReason::horizon:
      return "The last step of the episode was played.";
    case EndReason::running:
      break;
  }
  return "";
}

std::string path_text(const World& world, const std::string& policy, const Trajectories& path,
                      std::span<const std::int32_t> support, const Console& console) {
  constexpr std::size_t longest_title = 44;
  const Catalogue& catalogue = world.data().catalogue;
  const auto title = [&](ItemId item) { return shorten(catalogue.titles[at(item)], longest_title); };
  std::string out = console.bold(fmt::format("{} leads {} to {}", policy,
                                             world.data().interactions.user_ids[at(path.episode_user[0])],
                                             title(path.episode_target[0]))) +
                    "\n\nSo far they took:\n";
  for (std::int32_t i = 0; i < path.history_size[0]; ++i) out += "  " + title(path.history[at(i)]) + "\n";
  for (std::size_t j = 0; j < path.judges.size(); ++j) {
    const JudgeScores& judge = path.judges[j];
    out += fmt::format("\n{}\n", console.bold(fmt::format("Under {} ({})", judge.judge,
                                                          world.panel()->judges()[j].fitted_on)));
    Table table(
        {"step", "shown", "in logs", "answer", "p(accept)", "ln p(target)", "rank before", "rank after"});
    table.add({"0", "", "", "", "", fmt::format("{:.3f}", judge.start_interest[0]), "",
               std::to_string(judge.start_rank[0])});
    // Of an ensemble: how far its members are apart.
    const auto with_deviation = [&](float value, const std::vector<float>& deviation, std::int64_t step) {
      return fmt::format("{:.3f}", value) +
             (deviation.empty() ? "" : fmt::format(" ±{:.3f}", deviation[at(step)]));
    };
    std::vector<double> interest{judge.start_interest[0]};
    std::int32_t rank = judge.start_rank[0];
    for (std::int64_t step = 0; step < path.steps(); ++step) {
      const bool accepted = (path.feedback[at(step)] & feedback::accepted) != 0;
      table.add({std::to_string(step + 1), title(path.items[at(step)]), std::to_string(support[at(step)]),
                 accepted ? "taken" : "refused",
                 with_deviation(judge.acceptance[at(step)], judge.acceptance_deviation, step),
                 with_deviation(judge.interest[at(step)], judge.interest_deviation, step),
                 std::to_string(rank), std::to_string(judge.rank[at(step)])});
      rank = judge.rank[at(step)];
      interest.push_back(judge.interest[at(step)]);
    }
    out += table.text();
    out += fmt::format("Interest in the target, ln p, per step (gain {:+.3f}):\n{}",
                       interest.back() - interest.front(), chart(interest, 6));
  }
  return out + "\n" + ending(path.end[0]) + "\n";
}

void run_guide(GuideCommand& command, const Session& session) {
  choose(command);
  if (command.world.scenario != "guidance-v1") {
    throw ConfigError({{}, 0, "--scenario"},
                      {command.world.scenario, "guidance-v1", "only there is a target to guide to"});
  }
  World world(command.world, session.common.device);
  if (command.explain) require_explainable(*world.panel());
  const std::vector<Entrant> entrants = world.enter({command.policy});
  PlayOptions options;
  options.episodes = 1;
  options.seed = session.common.seed;
  const auto show = [&](const std::string& policy, const Trajectories& path) {
    const std::vector<std::int32_t> support = world.support(path);
    std::vector<Explanation> explanations;
    if (command.explain) explanations = explain(world, path);
    if (session.console.json()) {
      Json out = path_json(world, path, support);
      out["policy"] = policy;
      if (command.explain) out["explanation"] = explanation_json(world, path, explanations);
      session.console.out() << out.dump(2) << '\n';
      return;
    }
    session.console.out() << path_text(world, policy, path, support, session.console);
    if (command.explain)
      session.console.out() << explanation_text(world, path, explanations, session.console);
  };
  play(world, entrants, options, session.console, show).require_all();
}

}  // namespace

void add_guide(Program& program) {
  auto command = std::make_shared<GuideCommand>();
  CLI::App& app = program.add(
      "guide", "Shows one path towards a target, step by step.",
      "veer guide --data ml-1m.h5 --users plan.model.h5 --policy beam:width=8 \\\n"
      "           --user 42 --target \"Alien (1979)\"\n\n"
      "One table per judge. p(accept): probability that the person takes what is shown. ln p(target):\n"
      "natural log of the target's probability after the step; the line of step 0 is the start, and\n"
      "what it has gained at the end is IoI. rank: the target's place in the whole catalogue, 1 = first.\n"
      "in logs: how often the people that models may learn from took this right after what was taken\n"
      "last; at 0 models extrapolate. Behind ±, under an ensemble: how far its members are apart.\n\n"
      "--explain adds two tables per judge. What changed the interest: the change of ln p(target) in each\n"
      "step, in nats, split into the mechanisms of the person in the order in which they act: the answer\n"
      "(acceptance or average moves taste towards what is taken, reactance turns it away from what is\n"
      "refused), what was shown (boredom with its attributes, exposure to the item), and time (forgetting\n"
      "back to the long-term taste, recovery from boredom, random drift). Interest is measured after each,\n"
      "so the parts sum to the change; another order would share out their interplay differently. Models\n"
      "that encode the history anew at every step (sasrec, gru4rec) name no mechanisms: fit a shift_user.\n"
      "The same person without the guidance: a counterfactual. From the same start and with the same random\n"
      "numbers the simulated person chooses for themselves in as many steps; effect is the interest after\n"
      "the guided path minus that. It holds under this model alone: fitted rates predict what people do,\n"
      "they are not measured causes, and no real person was left unguided for comparison.",
      [command](const Session& session) { run_guide(*command, session); });
  add_world_options(app, command->world);
  app.add_option("--policy", command->policy,
                 "who guides; veer evaluate --help lists policies and their parameters")
      ->type_name("P")
      ->capture_default_str();
  app.add_option("--user", command->user,
                 "id of a person, together with --target; default: drawn by the seed");
  app.add_option("--target", command->target,
                 "id or title of an item, together with --user; default: drawn by the seed");
  app.add_flag("--explain", command->explain,
               "also split each step into the mechanisms that moved the person, and show them without the "
               "guidance");
}

}  // namespace veer::tools
