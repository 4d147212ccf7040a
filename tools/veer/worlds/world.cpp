#include "tools/veer/worlds/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>

#include "agents/external/outside_entries.h"
#include "env/data/sha256.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
#include "env/store/toml_text.h"
#include "scenarios/registry.h"
#include "scenarios/stress/attribute_lies.h"
#include "scenarios/stress/delayed_policy.h"
#include "scenarios/stress/perturbed_scenario.h"
#include "tools/veer/worlds/fusion_material.h"
#include "tools/veer/worlds/learned.h"
#include "tools/veer/worlds/policy_names.h"
#include "tools/veer/worlds/slate_material.h"

namespace veer::tools {
namespace {

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

World::World(const WorldOptions& options, const std::string& device)
    : options_(options), device_(usable_device(device)) {
  require_files(options_);
  if (options_.scenario == "slate-v1") {
    SlateWorld slates = open_slates(options_);
    data_ = slates.data;
    users_ = std::move(slates.users);
    checksums_ = std::move(slates.checksums);
    calm_ = make_scenario(options_.scenario, {.guidance = {},
                                              .session = {},
                                              .slate = std::move(slates.parameters),
                                              .fusion = {},
                                              .retention = {}});
  } else if (is_feed(options_.scenario)) {
    FeedWorld feed = open_feed(options_);
    calm_ = feed_scenario(feed, options_.scenario, part_of(options_));
    data_ = feed.data;
    users_ = std::move(feed.users);
  } else {
    open_people();
    seat_judges();
  }
  scenario_ = calm_;
  attributes_ = std::make_unique<AttributeTable>(data_->catalogue);
}

/// Data set, models and scenario of people who meet one item at a time.
void World::open_people() {
  data_ = std::make_shared<Dataset>(read_dataset(options_.data));
  users_ = load_user_model(options_.users, *data_, device_);
  if (const std::string remark = learned_remark(); users_.manifest.kind != "synthetic" && !remark.empty()) {
    remarks_.push_back(remark);
  }
  if (!options_.planner.empty()) {
    LoadedModel planner = load_user_model(options_.planner, *data_, device_);
    // Naming the same file twice means the same model, not a second judge.
    if (planner.checksum != users_.checksum) planner_ = std::move(planner);
  }
  if (!options_.other_users.empty()) {
    others_ = load_user_model(options_.other_users, *data_, device_);
    checksums_.emplace_back("other_users_sha256", others_->checksum);
  }
  calm_ = scenario_of(options_, data_, users_.users);
  if (!options_.population.empty()) {
    checksums_.emplace_back("population_sha256", sha256_of_file(options_.population));
  }
  if (targets_from_file(options_))
    checksums_.emplace_back("targets_sha256", sha256_of_file(options_.targets));
  if (!options_.purchases.empty())
    checksums_.emplace_back("purchases_sha256", sha256_of_file(options_.purchases));
  if (!options_.reward.empty()) checksums_.emplace_back("reward_sha256", sha256_of_file(options_.reward));
}

void World::seat_judges() {
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
  std::vector<std::pair<std::string, std::string>> checksums{{"users", users_.checksum}};
  if (planner_) checksums.emplace_back("planner", planner_->checksum);
  for (const std::string& text : options_.judges) {
    const auto [name, file] = judge_parts(text);
    if (!names.insert(name).second) {
      throw ConfigError({{}, 0, "--judge"}, {"the name '" + name + "' a second time", "names that differ",
                                             "'users' and 'planner' are taken"});
    }
    LoadedModel model = load_user_model(file, *data_, device_);
    const auto same =
        std::ranges::find(checksums, model.checksum, &std::pair<std::string, std::string>::second);
    if (same != checksums.end()) {
      remarks_.push_back(
          fmt::format("judge {} is the very model of {}: it cannot say anything else", name, same->first));
    }
    checksums.emplace_back(name, model.checksum);
    judges.push_back({name, fit_of(model.manifest), model.users});
    checksums_.emplace_back("judge " + name, model.checksum);
    checksums_.emplace_back("judge " + name + " fit", fit_of(model.manifest));
  }
  panel_ = std::make_unique<const Panel>(std::move(judges));
}

View<const float> World::item_vectors() const noexcept {
  return {users_.item_table.data(), data_->catalogue.size() + 1, users_.table_width};
}

void World::put_under_stress(const std::vector<stress::Perturbation>& perturbations) {
  scenario_ = calm_;
  stress_.clear();
  if (perturbations.empty()) return;
  scenario_ = std::make_shared<const stress::PerturbedScenario>(calm_, perturbations, data_,
                                                                others_ ? others_->users : nullptr);
  for (const stress::Perturbation& each : perturbations) {
    std::string entry = fmt::format(
        "\"{}\", {}, {}, {}, {}, {}", stress::perturbation_names[static_cast<std::size_t>(each.kind)],
        each.schedule.onset, each.schedule.duration, each.schedule.ramp, each.intensity, each.share);
    if (each.kind == stress::PerturbationKind::cohort_mix) {
      entry += fmt::format(", \"{}\", {}", stress::cohort_by_names[static_cast<std::size_t>(each.by)],
                           toml_string(each.group));
    }
    stress_ += fmt::format("{}[{}]", stress_.empty() ? "" : ", ", entry);
  }
}

const ItemGraph& World::item_graph() {
  if (graph_ != nullptr) return *graph_;
  const std::vector<UserId> people = or_everybody(data_->users_of(Part::train_plan), *data_);
  graph_ = std::make_unique<const ItemGraph>(build_item_graph(*data_, people));
  return *graph_;
}

std::vector<std::int32_t> World::support(const Trajectories& paths) {
  if (transitions_ == nullptr) {
    transitions_ = std::make_unique<const TransitionCounts>(learnable_transitions(*data_));
  }
  return step_support(*transitions_, paths);
}

std::vector<float> World::slate_worths() const {
  const auto* slates = dynamic_cast<const SlateScenario*>(calm_.get());
  if (slates == nullptr) return {};
  return slate_worth(slates->parameters().reward, slates->parameters().slots);
}

PolicyContext World::context_of_policies() const {
  const LoadedModel& planner = planner_ ? *planner_ : users_;
  PolicyContext out;
  out.world = scenario_->spec();
  out.data = data_.get();
  out.graph = graph_.get();
  out.planner = planner.users.get();
  out.slate_worth = slate_worths();
  out.item_table =
      View<const float>(planner.item_table.data(), data_->catalogue.size() + 1, planner.table_width);
  return out;
}

/// What policies are made from instead of the truth.
struct World::Lies {
  Dataset data;
  std::unique_ptr<const ItemGraph> graph;  ///< null where no policy reads it
  std::vector<float> table;
};

std::vector<Entrant> World::told(const std::vector<Entrant>& entrants,
                                 const std::vector<stress::Perturbation>& perturbations, std::uint64_t seed) {
  std::vector<Entrant> out = entrants;
  lies_.reset();
  for (std::size_t i = 0; i < perturbations.size(); ++i) {
    if (perturbations[i].kind != stress::PerturbationKind::wrong_attributes) continue;
    PolicyContext context = context_of_policies();
    const std::vector<ItemId> said = stress::told_items(perturbations[i], i, data_->catalogue.size(), seed);
    auto lies = std::make_shared<Lies>();
    lies->data = *data_;
    lies->data.catalogue = stress::told_catalogue(data_->catalogue, said);
    if (graph_ != nullptr) {
      const std::vector<UserId> people = or_everybody(data_->users_of(Part::train_plan), *data_);
      lies->graph = std::make_unique<const ItemGraph>(build_item_graph(lies->data, people));
    }
    lies->table = stress::told_vectors(context.item_table, said);
    context.data = &lies->data;
    context.graph = lies->graph.get();
    context.item_table =
        View<const float>(lies->table.data(), context.item_table.rows(), context.item_table.width());
    const PolicyRegistry registry = all_policies(device_);
    for (Entrant& entrant : out) {
      const PolicyNeeds needs = registry.needs(entrant.option);
      if (needs.data || needs.graph || needs.item_table) {
        entrant.policy = registry.make(entrant.option, context);
      }
    }
    lies_ = std::move(lies);
  }
  for (Entrant& entrant : out) {
    entrant.policy = stress::with_delays(std::move(entrant.policy), perturbations, calm_->spec());
  }
  return out;
}

std::vector<Entrant> World::enter(const std::vector<std::string>& policies) {
  const PolicyRegistry registry = all_policies(device_);
  PolicyNeeds needs;
  for (const std::string& option : policies) {
    const PolicyNeeds its = registry.needs(option);
    if (its.target && guidance() == nullptr) {
      throw ConfigError({{}, 0, "--policy"}, {"'" + option + "', which leads people towards a target",
                                              "a policy for " + calm_->spec().id + ", whose people have none",
                                              "random, popular, next_item and agent need no target"});
    }
    if (its.planner && sessions() != nullptr &&
        !registry.parameters(option).values().contains("acceptance")) {
      throw ConfigError({{}, 0, "--policy"},
                        {"'" + option + "', which plans for the interest in a target",
                         "acceptance=1 among its parameters: " + calm_->spec().id + " has no targets",
                         "it then plans for what people take under the model it plans with"});
    }
    needs = needs | its;
  }
  if (needs.graph) item_graph();
  const PolicyContext context = context_of_policies();

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
    entrants.push_back({name, registry.make(option, context), option});
    if (has_feed() && entrants.back().policy->spec().action != ActionKind::vector) {
      throw ConfigError({{}, 0, "--policy"}, {"'" + option + "', which chooses items",
                                              "a policy that sets weights, as " + calm_->spec().id + " asks",
                                              "random, weights and fusion_agent do"});
    }
    if (is_file) checksums_.emplace_back("policy " + name, sha256_of_file(option));
    // Files among a policy's parameters are part of what it is: next_item:model=FILE.
    if (is_file) continue;
    const PolicyParameters parameters = registry.parameters(option);
    for (const std::string& file : external::files_among(parameters.argument())) {
      checksums_.emplace_back("policy " + name + " " + std::filesystem::path(file).filename().string(),
                              sha256_of_file(file));
    }
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
  return dynamic_cast<const GuidanceScenario*>(calm_.get());
}
const SessionScenario* World::sessions() const noexcept {
  return dynamic_cast<const SessionScenario*>(calm_.get());
}

std::int64_t World::pairs() const noexcept { return guidance() == nullptr ? 0 : guidance()->pairs(); }

const Population* World::population() const noexcept {
  if (guidance() != nullptr) return guidance()->population();
  return sessions() == nullptr ? nullptr : sessions()->population();
}

std::string World::configuration() const {
  std::string out = rules_of(options_);
  const auto add = [&](const std::string& key, const std::string& value) {
    out += fmt::format("{} = {}\n", key, toml_string(value));
  };
  add("device", device_);
  add("users", users_.checksum);
  add("users_fit", fit_of(users_.manifest));
  if (planner_) {
    add("planner", planner_->checksum);
    add("planner_fit", fit_of(planner_->manifest));
  }
  for (const auto& [role, checksum] : checksums_) add(toml_string(role), checksum);
  // kind, onset, duration, ramp, intensity, share
  if (!stress_.empty()) out += fmt::format("stress = [{}]\n", stress_);
  return out;
}

}  // namespace veer::tools
