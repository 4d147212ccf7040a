#include "tools/veer/world.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>
#include <set>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
#include "env/store/toml_text.h"
#include "scenarios/registry.h"
#include "tools/veer/checks.h"
#include "tools/veer/learned.h"
#include "tools/veer/policy_names.h"

namespace veer::tools {
namespace {

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

GuidanceParameters guidance_parameters(const WorldOptions& options, std::shared_ptr<const Dataset> data,
                                       std::shared_ptr<const UserModel> users) {
  GuidanceParameters out;
  out.data = std::move(data);
  out.users = std::move(users);
  out.history = options.history;
  out.horizon = options.horizon;
  out.patience = options.patience;
  // Interest comes from the judges, all prefixes at once; a reward term would score the catalogue at every
  // step for nobody.
  out.weights.ioi = 0.0F;
  const std::array<const char*, 5> parts{"train_plan", "train_judge", "validation", "test", "all"};
  const std::size_t part = choice("--part", options.part, parts);
  out.part = part == 4 ? std::nullopt : std::optional(static_cast<Part>(part));
  out.cut =
      choice("--cut", options.cut, std::array{"random", "last"}) == 0 ? HistoryCut::random : HistoryCut::last;
  const std::size_t answers = choice("--acceptance", options.acceptance, std::array{"always", "sampled"});
  out.acceptance = answers == 0 ? Acceptance::always : Acceptance::sampled;
  const std::size_t rule = choice("--patience-rule", options.patience_rule, std::array{"total", "in_a_row"});
  out.patience_rule = rule == 0 ? PatienceRule::total : PatienceRule::in_a_row;
  const std::size_t end = choice("--end-at-target", options.end_at_target, std::array{"auto", "yes", "no"});
  if (end != 0) out.end_at_target = end == 1;
  if (!options.population.empty()) out.population = read_population_file(options.population);
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

bool targets_from_file(const WorldOptions& options) {
  return options.choices.empty() && options.targets != "natural" && options.targets != "uniform-unseen";
}

std::pair<std::string, std::string> judge_parts(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw ConfigError({{}, 0, "--judge"},
                      {"'" + text + "'", "name=file", "for example --judge gru=gru.model.h5"});
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<UserId> or_everybody(std::vector<UserId> people, const Dataset& data) {
  if (!people.empty()) return people;
  people.resize(static_cast<std::size_t>(data.interactions.users()));
  std::iota(people.begin(), people.end(), 0);
  return people;
}

}  // namespace

void add_world_options(CLI::App& app, WorldOptions& options) {
  app.add_option("--scenario", options.scenario, "id of the scenario")->capture_default_str();
  app.add_option("--data", options.data, "dataset file")->required()->type_name("FILE");
  app.add_option("--users", options.users, "model file: the people of this world")
      ->required()
      ->type_name("FILE");
  app.add_option("--planner", options.planner, "model file that policies plan with; default: that of --users")
      ->type_name("FILE");
  app.add_option("--judge", options.judges, "another model that scores the same paths; may be repeated")
      ->type_name("NAME=FILE")
      ->take_all()
      ->allow_extra_args(false);
  const std::string group = "World";
  app.add_option(
         "--targets", options.targets,
         "natural: an item the person took 2 to 10 places after the history; uniform-unseen: any item they "
         "never took; or a file of lines 'target' (drawn for each episode) or "
         "'user<TAB>target' (played in turn); targets from a file may be known to the person")
      ->capture_default_str()
      ->group(group);
  app.add_option("--acceptance", options.acceptance,
                 "always: everything shown is accepted; sampled: the people decide")
      ->capture_default_str()
      ->group(group);
  app.add_option("--history", options.history, "items a person starts with")
      ->check(at_most(longest_history, "nobody needs a longer history: models read the newest items"))
      ->capture_default_str()
      ->group(group);
  app.add_option("--horizon", options.horizon, "steps of an episode")
      ->check(at_most(longest_horizon,
                      "an episode that long does not fit in memory: play more, shorter episodes"))
      ->capture_default_str()
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
  app.add_option("--patience", options.patience, "refusals before a person leaves (sampled)")
      ->check(at_most(1 << 24, "no episode has as many steps"))
      ->capture_default_str()
      ->group(group);
  app.add_option("--patience-rule", options.patience_rule,
                 "what refusals use up: total, or in_a_row (an accepted item restores patience)")
      ->capture_default_str()
      ->group(group);
  app.add_option(
         "--end-at-target", options.end_at_target,
         "whether accepting the target ends the episode: yes, no, or auto (yes where people may refuse)")
      ->capture_default_str()
      ->group(group);
}

World::World(const WorldOptions& options, const std::string& device)
    : options_(options), device_(usable_device(device)) {
  data_ = std::make_shared<Dataset>(read_dataset(options.data));
  users_ = load_user_model(options.users, *data_, device_);
  if (!options.planner.empty()) {
    LoadedModel planner = load_user_model(options.planner, *data_, device_);
    // Naming the same file twice means the same model, not a second judge.
    if (planner.checksum != users_.checksum) planner_ = std::move(planner);
  }
  scenario_ =
      make_scenario(options.scenario, {.guidance = guidance_parameters(options, data_, users_.users)});
  attributes_ = std::make_unique<AttributeTable>(data_->catalogue);

  std::vector<Judge> judges;
  judges.push_back(
      {"users",
       fit_of(users_.manifest) + (planner_ ? "; the people of this world"
                                           : "; the people of this world, and what policies plan with"),
       users_.users});
  if (planner_) {
    judges.push_back({"planner", fit_of(planner_->manifest) + "; what policies plan with", planner_->users});
  }
  std::set<std::string> names{"users", "planner"};
  for (const std::string& text : options.judges) {
    const auto [name, file] = judge_parts(text);
    if (!names.insert(name).second) {
      throw ConfigError({{}, 0, "--judge"}, {"the name '" + name + "' a second time", "names that differ",
                                             "'users' and 'planner' are taken"});
    }
    LoadedModel model = load_user_model(file, *data_, device_);
    judges.push_back({name, fit_of(model.manifest), model.users});
    checksums_.emplace_back("judge " + name, model.checksum);
  }
  panel_ = std::make_unique<const Panel>(std::move(judges));
  if (!options.population.empty()) {
    checksums_.emplace_back("population_sha256", sha256_of_file(options.population));
  }
  if (targets_from_file(options)) checksums_.emplace_back("targets_sha256", sha256_of_file(options.targets));
}

const ItemGraph& World::item_graph() {
  if (graph_ != nullptr) return *graph_;
  const std::vector<UserId> people = or_everybody(data_->users_of(Part::train_plan), *data_);
  graph_ = std::make_unique<const ItemGraph>(build_item_graph(*data_, people));
  return *graph_;
}

std::vector<std::int32_t> World::support(const Trajectories& paths) {
  if (transitions_ == nullptr) {
    std::vector<UserId> people = data_->users_of(Part::train_plan);
    const std::vector<UserId> judges = data_->users_of(Part::train_judge);
    people.insert(people.end(), judges.begin(), judges.end());
    transitions_ = std::make_unique<const TransitionCounts>(*data_, or_everybody(std::move(people), *data_));
  }
  return step_support(*transitions_, paths);
}

std::vector<Entrant> World::enter(const std::vector<std::string>& policies) {
  const PolicyRegistry registry = all_policies(device_);
  PolicyNeeds needs;
  for (const std::string& option : policies) needs = needs | registry.needs(option);
  if (needs.graph) item_graph();
  const LoadedModel& planner = planner_ ? *planner_ : users_;
  PolicyContext context;
  context.world = scenario_->spec();
  context.data = data_.get();
  context.graph = graph_.get();
  context.planner = planner.users.get();
  context.item_table =
      View<const float>(planner.item_table.data(), data_->catalogue.size() + 1, planner.table_width);

  std::vector<Entrant> entrants;
  std::set<std::string> names;
  const std::vector<std::string> short_names = policy_names(policies);
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const std::string& option = policies[i];
    const std::string& name = short_names[i];
    std::error_code ignored;
    const bool is_file = std::filesystem::is_regular_file(option, ignored);
    if (!names.insert(name).second) {
      throw ConfigError({{}, 0, "--policy"}, {"'" + name + "' a second time", "policies that differ", ""});
    }
    entrants.push_back({name, registry.make(option, context)});
    if (is_file) checksums_.emplace_back("policy " + name, sha256_of_file(option));
    // Files among a policy's parameters are part of what it is: next_item:model=FILE.
    if (is_file) continue;
    const PolicyParameters parameters(option);
    if (std::filesystem::is_regular_file(parameters.word(), ignored)) {
      checksums_.emplace_back("policy " + name, sha256_of_file(parameters.word()));
    }
    for (const auto& [key, value] : parameters.values()) {
      if (!std::filesystem::is_regular_file(value, ignored)) continue;
      checksums_.emplace_back("policy " + name + " " + key, sha256_of_file(value));
    }
  }
  return entrants;
}

const GuidanceScenario* World::guidance() const noexcept {
  return dynamic_cast<const GuidanceScenario*>(scenario_.get());
}

std::int64_t World::pairs() const noexcept { return guidance() == nullptr ? 0 : guidance()->pairs(); }

const Population* World::population() const noexcept {
  return guidance() == nullptr ? nullptr : guidance()->population();
}

std::string World::configuration() const {
  const auto text = [](const char* key, const std::string& value) {
    return fmt::format("{} = {}\n", key, toml_string(value));
  };
  std::string out = text("scenario", options_.scenario) + text("acceptance", options_.acceptance);
  if (!options_.choices.empty()) {
    std::string list;
    for (const TargetChoice& each : options_.choices) {
      list += fmt::format("{}[{}, {}]", list.empty() ? "" : ", ", each.user, each.target);
    }
    out += fmt::format("choices = [{}]\n", list);
  } else {
    out += text("targets", targets_from_file(options_) ? "file" : options_.targets);
  }
  out += text("part", options_.population.empty() ? options_.part : "of the population");
  out += text("cut", options_.cut);
  out += fmt::format("history = {}\nhorizon = {}\npatience = {}\n", options_.history, options_.horizon,
                     options_.patience);
  out += text("patience_rule", options_.patience_rule) + text("end_at_target", options_.end_at_target);
  out += text("device", device_);
  out += text("users", users_.checksum) + text("users_fit", fit_of(users_.manifest));
  if (planner_) out += text("planner", planner_->checksum) + text("planner_fit", fit_of(planner_->manifest));
  for (const auto& [role, checksum] : checksums_)
    out += fmt::format("{} = {}\n", toml_string(role), toml_string(checksum));
  return out;
}

}  // namespace veer::tools
