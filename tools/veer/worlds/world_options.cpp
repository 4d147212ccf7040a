#include "tools/veer/worlds/world_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "env/error.h"
#include "env/store/toml_text.h"
#include "rewards/fitted/reward_model_file.h"
#include "scenarios/registry.h"
#include "scenarios/slate/slate_worlds.h"
#include "simulators/purchases/purchase_model_file.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/worlds/fusion_material.h"

namespace veer::tools {
namespace {

constexpr const char* session_id = "session-v1";
constexpr const char* slate_id = "slate-v1";
constexpr const char* fusion_id = "fusion-v1";
constexpr const char* retention_id = "retention-v1";

int horizon_of(const WorldOptions& options) {
  if (options.horizon > 0) return options.horizon;
  return options.scenario == session_id ? SessionParameters{}.horizon : GuidanceParameters{}.horizon;
}

/// Index of `word` in `words`; throws ConfigError naming the option.
template <std::size_t n>
std::size_t choice(const std::string& option, const std::string& word,
                   const std::array<const char*, n>& words) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  std::string list;
  for (const char* each : words) list += (list.empty() ? "" : ", ") + std::string(each);
  throw ConfigError({{}, 0, option}, {"'" + word + "'", "one of " + list, ""});
}

/// What all scenarios ask of people and their logs.
template <class Parameters>
void set_common(const WorldOptions& options, Parameters& out) {
  out.history = options.history;
  out.horizon = horizon_of(options);
  out.patience = options.patience;
  out.part = part_of(options);
  out.cut =
      choice("--cut", options.cut, std::array{"random", "last"}) == 0 ? HistoryCut::random : HistoryCut::last;
  const std::size_t rule = choice("--patience-rule", options.patience_rule, std::array{"total", "in_a_row"});
  out.patience_rule = rule == 0 ? PatienceRule::total : PatienceRule::in_a_row;
  if (!options.population.empty()) out.population = read_population_file(options.population);
}

GuidanceParameters guidance_parameters(const WorldOptions& options, std::shared_ptr<const Dataset> data,
                                       std::shared_ptr<const UserModel> users) {
  GuidanceParameters out;
  out.data = std::move(data);
  out.users = std::move(users);
  set_common(options, out);
  // Interest comes from the judges, all prefixes at once; a reward term would score the catalogue at every
  // step for nobody.
  out.weights.ioi = 0.0F;
  const std::size_t answers = choice("--acceptance", options.acceptance, std::array{"always", "sampled"});
  out.acceptance = answers == 0 ? Acceptance::always : Acceptance::sampled;
  const std::size_t end = choice("--end-at-target", options.end_at_target, std::array{"auto", "yes", "no"});
  if (end != 0) out.end_at_target = end == 1;
  if (!options.choices.empty()) {
    out.target = TargetSource::choices;
    out.choices = options.choices;
  } else if (options.targets == "uniform-unseen") {
    out.target = TargetSource::uniform_unseen;
  } else if (options.targets != "natural") {
    out.target = TargetSource::choices;
    out.choices = read_targets(options.targets, *out.data);
    out.choices_file = options.targets;
  }
  return out;
}

SessionParameters session_parameters(const WorldOptions& options, std::shared_ptr<const Dataset> data,
                                     std::shared_ptr<const UserModel> users) {
  SessionParameters out;
  out.data = std::move(data);
  out.users = std::move(users);
  set_common(options, out);
  out.weights = {.click = options.click_reward,
                 .purchase = options.purchase_reward,
                 .skip = options.skip_cost,
                 .leave = options.leave_cost,
                 .satisfaction = options.reward_weight};
  if (!options.reward.empty()) {
    out.satisfaction =
        std::make_shared<const RewardModel>(load_reward_model(options.reward, out.data->fingerprint));
  }
  if (!options.purchases.empty()) {
    out.purchases =
        std::make_shared<const PurchaseModel>(load_purchase_model(options.purchases, out.data->fingerprint));
  }
  return out;
}

/// Options that the scenario does not read would change nothing, and nobody would know.
void refuse_foreign(const WorldOptions& options) {
  const WorldOptions plain;
  const bool made_up = options.scenario == slate_id || is_feed(options.scenario);
  const auto refuse = [&](const char* option, bool given) {
    if (!given) return;
    throw ConfigError({{}, 0, option}, {"an option that " + options.scenario + " does not have",
                                        "those of its own (veer evaluate --help)",
                                        "leave it out, or name another --scenario"});
  };
  if (options.scenario != slate_id) {
    refuse("--world", options.world != plain.world);
    refuse("--link", !options.link.empty());
    refuse("--profiles", !options.profiles.empty());
    refuse("--items", !options.items.empty());
    refuse("--user-dropout", options.user_dropout != plain.user_dropout);
    refuse("--answers", options.answers != plain.answers);
    refuse("--correlation", options.correlation != plain.correlation);
  }
  if (options.scenario != fusion_id) refuse("--candidates", options.candidates != plain.candidates);
  if (options.scenario != retention_id) {
    refuse("--returns", options.returns != plain.returns);
    refuse("--session-pages", options.session_pages != plain.session_pages);
    refuse("--sessions", options.sessions != plain.sessions);
  } else {
    refuse("--horizon", options.horizon != plain.horizon);
  }
  if (!is_feed(options.scenario)) {
    refuse("--feed-items", options.feed_items != plain.feed_items);
    refuse("--page", options.page != plain.page);
    refuse("--world-seed", options.world_seed != plain.world_seed);
  } else {
    refuse("--data", !options.data.empty());
    refuse("--users", !options.users.empty());
    refuse("--other-users", !options.other_users.empty());
  }
  if (options.scenario == slate_id) refuse("--horizon", options.horizon != plain.horizon);
  if (!made_up) {
    refuse("--made-up-people", options.made_up_people != plain.made_up_people);
  } else {
    refuse("--planner", !options.planner.empty());
    refuse("--judge", !options.judges.empty());
    refuse("--population", !options.population.empty());
    refuse("--history", options.history != plain.history);
    refuse("--patience", options.patience != plain.patience);
    refuse("--patience-rule", options.patience_rule != plain.patience_rule);
    refuse("--cut", options.cut != plain.cut);
  }
  if (options.scenario != session_id) {
    refuse("--purchases", !options.purchases.empty());
    refuse("--click-reward", options.click_reward != plain.click_reward);
    refuse("--purchase-reward", options.purchase_reward != plain.purchase_reward);
    refuse("--skip-cost", options.skip_cost != plain.skip_cost);
    refuse("--leave-cost", options.leave_cost != plain.leave_cost);
    refuse("--reward", !options.reward.empty());
    refuse("--reward-weight", options.reward_weight != plain.reward_weight);
  }
  if (options.scenario == session_id || made_up) {
    refuse("--targets", options.targets != plain.targets || !options.choices.empty());
    refuse("--end-at-target", options.end_at_target != plain.end_at_target);
  }
}

}  // namespace

std::optional<Part> part_of(const WorldOptions& options) {
  const std::array<const char*, 5> parts{"train_plan", "train_judge", "validation", "test", "all"};
  const std::size_t part = choice("--part", options.part, parts);
  return part == 4 ? std::nullopt : std::optional(static_cast<Part>(part));
}

void add_world_options(CLI::App& app, WorldOptions& options) {
  app.add_option(
         "--scenario", options.scenario,
         "guidance-v1: lead people to a target; session-v1: they browse, take, buy and leave; "
         "slate-v1: they answer slates until their patience is over; fusion-v1: they scroll through a feed "
         "that is ranked by a policy's weights; retention-v1: the same feed, and when they come back")
      ->capture_default_str();
  app.add_option("--data", options.data, "dataset file (slate-v1: may be left out, for made-up people)")
      ->type_name("FILE");
  app.add_option("--users", options.users,
                 "model file: the people of this world (slate-v1: a model of response or behaviours)")
      ->type_name("FILE");
  app.add_option("--planner", options.planner, "model file that policies plan with; default: that of --users")
      ->type_name("FILE");
  app.add_option("--judge", options.judges, "another model that scores the same paths; may be repeated")
      ->type_name("NAME=FILE")
      ->take_all()
      ->allow_extra_args(false);
  const std::string group = "World";
  app.add_option("--targets", options.targets,
                 "guidance-v1: natural: an item the person took 2 to 10 places after the history; "
                 "uniform-unseen: any item they "
                 "never took; or a file of lines 'target' (drawn for each episode) or "
                 "'user<TAB>target' (played in turn); targets from a file may be known to the person")
      ->capture_default_str()
      ->group(group);
  app.add_option(
         "--acceptance", options.acceptance,
         "guidance-v1: always: everything shown is accepted; sampled: the people decide, as they do in "
         "session-v1")
      ->capture_default_str()
      ->group(group);
  app.add_option("--history", options.history, "items a person starts with (session-v1: at most)")
      ->check(at_most(longest_history, "nobody needs a longer history: models read the newest items"))
      ->capture_default_str()
      ->group(group);
  app.add_option("--horizon", options.horizon, "steps of an episode")
      ->check(at_most(longest_horizon,
                      "an episode that long does not fit in memory: play more, shorter episodes"))
      ->default_str("10, session-v1: 20, fusion-v1: 30")
      ->group(group);
  CLI::Option* const part =
      app.add_option("--part", options.part,
                     "whose logs episodes start from: test, validation, train_plan, train_judge, all")
          ->capture_default_str()
          ->group(group);
  app.add_option("--population", options.population,
                 "file of cohorts that says whom episodes start from, of a part it names itself "
                 "(scenarios/POPULATION_FORMAT.md); default: everybody of --part")
      ->excludes(part)
      ->type_name("FILE")
      ->group(group);
  app.add_option("--cut", options.cut,
                 "where in a log the history ends: random, or last (as late as possible)")
      ->capture_default_str()
      ->group(group);
  app.add_option("--patience", options.patience, "refusals before a person leaves")
      ->check(at_most(1 << 24, "no episode has as many steps"))
      ->capture_default_str()
      ->group(group);
  app.add_option("--patience-rule", options.patience_rule,
                 "what refusals use up: total, or in_a_row (an accepted item restores patience)")
      ->capture_default_str()
      ->group(group);
  app.add_option("--end-at-target", options.end_at_target,
                 "guidance-v1: whether accepting the target ends the episode: yes, no, or auto (yes where "
                 "people may refuse)")
      ->capture_default_str()
      ->group(group);
  app.add_option("--purchases", options.purchases,
                 "session-v1: model file that says what people buy of what they take (veer fit purchases); "
                 "default: nobody buys")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--click-reward", options.click_reward, "session-v1: what an item taken is worth")
      ->capture_default_str()
      ->group(group);
  app.add_option("--purchase-reward", options.purchase_reward, "session-v1: what an item bought is worth")
      ->capture_default_str()
      ->group(group);
  app.add_option("--skip-cost", options.skip_cost, "session-v1: what a refusal costs")
      ->capture_default_str()
      ->group(group);
  app.add_option("--leave-cost", options.leave_cost, "session-v1: what it costs when somebody leaves")
      ->capture_default_str()
      ->group(group);
  app.add_option("--reward", options.reward,
                 "session-v1: model file that says what an item taken is worth (veer fit reward), beside the "
                 "rewards above; 0 of it is what people usually get")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--reward-weight", options.reward_weight, "session-v1: what 1 of --reward is worth")
      ->capture_default_str()
      ->group(group);
  std::string worlds;
  for (const SlateWorldEntry& world : slate_worlds())
    worlds += (worlds.empty() ? "" : ", ") + std::string(world.name);
  app.add_option("--world", options.world, "slate-v1: " + worlds)->capture_default_str()->group(group);
  app.add_option("--link", options.link,
                 "slate-v1: from score to click: soft, saturated or doubled; default: the world's own")
      ->group(group);
  app.add_option("--items", options.items, "slate-v1: item_info.csv of RL4RS, instead of made-up items")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--profiles", options.profiles,
                 "slate-v1 with --data: users.dat, as veer fit response had it")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--made-up-people", options.made_up_people,
                 "slate-v1 without --data, fusion-v1, retention-v1: how many there are")
      ->check(at_most(1'000'000, "a million people are many"))
      ->capture_default_str()
      ->group(group);
  app.add_option(
         "--user-dropout", options.user_dropout,
         "slate-v1: share of a person's hidden layer (with behaviours: of all layers) dropped anew at every "
         "step; published environments: 0.2 (0.1)")
      ->capture_default_str()
      ->group(group);
  app.add_option("--answers", options.answers,
                 "kuaisim worlds: clicks: clicks alone earn; behaviours: all that people do, weighed as the "
                 "world says (made-up people do several things then)")
      ->capture_default_str()
      ->group(group);
  app.add_option(
         "--correlation", options.correlation,
         "kuaisim-session: what alike items of a slate lose: cosine, or published: the cosine divided "
         "by the width of the vectors")
      ->capture_default_str()
      ->group(group);
  add_feed_options(app, options);
}

void add_feed_options(CLI::App& app, WorldOptions& options) {
  const std::string group = "World";
  app.add_option("--feed-items", options.feed_items, "fusion-v1, retention-v1: videos of the made-up world")
      ->check(CLI::Range(40, 10'000'000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--candidates", options.candidates, "fusion-v1: videos among which a page is ranked")
      ->check(positive())
      ->capture_default_str()
      ->group(group);
  app.add_option("--page", options.page, "fusion-v1, retention-v1: videos of a page")
      ->check(positive())
      ->default_str("3, retention-v1: 6")
      ->group(group);
  app.add_option(
         "--returns", options.returns,
         "retention-v1: when people come back. fitted: by a model that was fitted to a log; true: as the "
         "made-up people do; untrained: by KuaiSim's random map")
      ->capture_default_str()
      ->group(group);
  app.add_option("--session-pages", options.session_pages, "retention-v1: pages of a session")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--sessions", options.sessions, "retention-v1: sessions of an episode")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->group(group);
  app.add_option("--world-seed", options.world_seed, "fusion-v1, retention-v1: which made-up world")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 62))
      ->capture_default_str()
      ->group(group);
}

void require_files(const WorldOptions& options) {
  refuse_foreign(options);
  if (options.scenario == slate_id || is_feed(options.scenario)) return;
  for (const auto& [option, value] : {std::pair("--data", options.data), {"--users", options.users}}) {
    if (value.empty()) throw ConfigError({{}, 0, option}, {"nothing", "a file", ""});
  }
}

bool targets_from_file(const WorldOptions& options) {
  return options.choices.empty() && options.targets != "natural" && options.targets != "uniform-unseen";
}

std::unique_ptr<Scenario> scenario_of(const WorldOptions& options, const std::shared_ptr<const Dataset>& data,
                                      const std::shared_ptr<const UserModel>& users) {
  ScenarioParameters parameters;
  if (options.scenario == session_id) {
    parameters.session = session_parameters(options, data, users);
  } else {
    parameters.guidance = guidance_parameters(options, data, users);
  }
  return make_scenario(options.scenario, parameters);
}

std::string rules_of(const WorldOptions& options) {
  std::string out;
  const auto text = [&](const char* key, const std::string& value) {
    out += fmt::format("{} = {}\n", key, toml_string(value));
  };
  if (options.scenario == slate_id) {
    text("scenario", options.scenario);
    text("world", options.world);
    text("link", options.link);
    text("part", options.part);
    const WorldOptions plain;
    if (options.answers != plain.answers) text("answers", options.answers);
    if (options.correlation != plain.correlation) text("correlation", options.correlation);
    return out + fmt::format("made_up_people = {}\nuser_dropout = {}\n",
                             options.data.empty() ? options.made_up_people : 0, options.user_dropout);
  }
  if (options.scenario == fusion_id) {
    text("scenario", options.scenario);
    text("part", options.part);
    return out + fmt::format(
                     "feed_items = {}\nmade_up_people = {}\nworld_seed = {}\ncandidates = {}\npage = {}\n"
                     "horizon = {}\n",
                     options.feed_items, options.made_up_people, options.world_seed, options.candidates,
                     options.page > 0 ? options.page : FusionParameters{}.slots,
                     options.horizon > 0 ? options.horizon : FusionParameters{}.horizon);
  }
  if (options.scenario == retention_id) {
    text("scenario", options.scenario);
    text("part", options.part);
    text("returns", options.returns);
    return out + fmt::format(
                     "feed_items = {}\nmade_up_people = {}\nworld_seed = {}\npage = {}\nsession_pages = {}\n"
                     "sessions = {}\n",
                     options.feed_items, options.made_up_people, options.world_seed,
                     options.page > 0 ? options.page : RetentionParameters{}.slots, options.session_pages,
                     options.sessions);
  }
  const bool sessions = options.scenario == session_id;
  text("scenario", options.scenario);
  if (!sessions) text("acceptance", options.acceptance);
  if (!options.choices.empty()) {
    std::string list;
    for (const TargetChoice& each : options.choices) {
      list += fmt::format("{}[{}, {}]", list.empty() ? "" : ", ", each.user, each.target);
    }
    out += fmt::format("choices = [{}]\n", list);
  } else if (!sessions) {
    text("targets", targets_from_file(options) ? "file" : options.targets);
  }
  text("part", options.population.empty() ? options.part : "of the population");
  text("cut", options.cut);
  out += fmt::format("history = {}\nhorizon = {}\npatience = {}\n", options.history, horizon_of(options),
                     options.patience);
  text("patience_rule", options.patience_rule);
  if (!sessions) {
    text("end_at_target", options.end_at_target);
  } else {
    out += fmt::format("click_reward = {}\npurchase_reward = {}\nskip_cost = {}\nleave_cost = {}\n",
                       options.click_reward, options.purchase_reward, options.skip_cost, options.leave_cost);
    if (!options.reward.empty()) out += fmt::format("reward_weight = {}\n", options.reward_weight);
  }
  return out;
}

}  // namespace veer::tools
