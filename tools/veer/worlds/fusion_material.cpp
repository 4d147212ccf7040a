#include "tools/veer/worlds/fusion_material.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agents/baselines/noisy_weights.h"
#include "agents/baselines/plain_weights.h"
#include "env/data/fingerprint.h"
#include "env/error.h"
#include "env/store/run/run_directory.h"
#include "env/store/toml_text.h"
#include "scenarios/fusion/feed_log.h"
#include "scenarios/registry.h"

namespace veer::tools {
namespace {

/// Videos and people without logs: what a data set of this world would hold before anybody saw anything.
Dataset data_of_feed(const FusionWorld& world) {
  Dataset out;
  const FusionWorldParameters& p = world.parameters();
  out.name = "made-up feed";
  out.catalogue.ids = {""};
  for (std::int32_t i = 1; i <= p.items; ++i) out.catalogue.ids.push_back(std::to_string(i));
  out.catalogue.titles = out.catalogue.ids;
  out.catalogue.attribute_offsets.assign(at(p.items) + 2, 0);
  out.catalogue.popularity.assign(at(p.items) + 1, 0);
  out.interactions.offsets.assign(at(p.people) + 1, 0);
  for (UserId user = 0; user < p.people; ++user) {
    out.interactions.user_ids.push_back(std::to_string(user));
    out.parts.push_back(world.part(user));
  }
  // Seed, topics and errors are nowhere else in the data: worlds that differ have different fingerprints.
  out.provenance = {.source = "made up",
                    .origin = "",
                    .filters = "",
                    .generator = "fusion world, seed " + std::to_string(p.seed) + ", topics " +
                                 std::to_string(p.topics) + ", errors " + std::to_string(p.prediction_error) +
                                 " and " + std::to_string(p.profile_error)};
  out.split_seed = p.seed;
  out.fingerprint = fingerprint_of(out);
  return out;
}

/// When the people of retention-v1 come back: as they truly do, as a model says that was fitted to a log of
/// sessions of train people, or as an untrained map says.
ReturnModel returns_of(const WorldOptions& options, const std::shared_ptr<const FusionWorld>& world) {
  const ReturnModel truth = true_returns(world->profile_width(), options.world_seed);
  if (options.returns == "true") return truth;
  if (options.returns == "fitted") {
    constexpr std::int32_t sessions = 20;  // per person
    return fit_returns(log_returns(world, truth, Part::train_plan, sessions, options.world_seed));
  }
  if (options.returns == "untrained") return untrained_returns(world->profile_width(), options.world_seed);
  throw ConfigError({{}, 0, "--returns"}, {"'" + options.returns + "'", "true, fitted or untrained", ""});
}

}  // namespace

bool is_feed(std::string_view scenario) noexcept {
  return scenario == "fusion-v1" || scenario == "retention-v1";
}

std::unique_ptr<Scenario> feed_scenario(const FeedWorld& feed, const std::string& scenario,
                                        std::optional<Part> part) {
  ScenarioParameters parameters;
  parameters.fusion = feed.parameters;
  parameters.retention = feed.retention;
  parameters.fusion.part = parameters.retention.part = part;
  return make_scenario(scenario, parameters);
}

FeedWorld open_feed(const WorldOptions& options) {
  FeedWorld out;
  FusionWorldParameters parameters;
  parameters.items = options.feed_items;
  parameters.people = options.made_up_people;
  parameters.seed = options.world_seed;
  const auto world = std::make_shared<const FusionWorld>(parameters);
  out.data = std::make_shared<const Dataset>(data_of_feed(*world));
  out.parameters.world = world;
  out.parameters.candidates = options.candidates;
  if (options.page > 0) out.parameters.slots = options.page;
  if (options.horizon > 0) out.parameters.horizon = options.horizon;
  out.parameters.part = part_of(options);
  if (options.scenario == "retention-v1") {
    out.retention.world = world;
    out.retention.returns = returns_of(options, world);
    if (options.page > 0) out.retention.slots = options.page;
    out.retention.pages = options.session_pages;
    out.retention.sessions = options.sessions;
  }
  out.users.manifest.kind = "made-up feed";
  out.users.manifest.fitted_on = "nobody (known truth)";
  out.users.manifest.dataset_fingerprint = out.data->fingerprint;
  out.users.checksum = "known truth";
  return out;
}

WorldOptions feed_options(const std::string& rules, const std::string& name) {
  TomlReader reader(rules, name);
  WorldOptions out;
  out.scenario = reader.text("scenario");
  out.part = reader.text("part");
  const auto number = [&](const char* key, std::int64_t most) {
    return static_cast<int>(reader.integer(key, 1, most));
  };
  out.feed_items = number("feed_items", 10'000'000);
  out.made_up_people = number("made_up_people", 10'000'000);
  out.world_seed = static_cast<std::uint64_t>(reader.integer("world_seed", 0, std::int64_t{1} << 62));
  out.candidates = number("candidates", 10'000'000);
  out.page = number("page", 10'000'000);
  out.horizon = number("horizon", 1'000'000);
  return out;
}

TransitionLog log_of_run(const std::filesystem::path& run, const std::string& acted) {
  const RunReader reader(run);
  const RunHeader& header = reader.summary().header;
  if (header.scenario != "fusion-v1") {
    throw ConfigError({run, 0, "scenario"}, {"'" + header.scenario + "'", "a run of fusion-v1",
                                             "logs of other worlds are tables (OPE_LOG_FORMAT.md)"});
  }
  const auto found = std::ranges::find(header.policies, acted);
  if (found == header.policies.end() && !(acted.empty() && header.policies.size() == 1)) {
    throw ConfigError({{}, 0, "--acted"}, {acted.empty() ? "nothing" : "'" + acted + "'",
                                           "one of " + fmt::format("{}", fmt::join(header.policies, ", ")),
                                           "whose decisions are the log"});
  }
  const auto which = acted.empty() ? 0 : found - header.policies.begin();
  const WorldOptions options = feed_options(header.configuration, run.string());
  const FeedWorld feed = open_feed(options);
  const FusionScenario scenario(feed.parameters);
  TransitionLog log;
  log.transitions = transitions_of(scenario, reader.read(static_cast<std::int32_t>(which)));
  TransitionManifest& m = log.manifest;
  m.scenario = header.scenario;
  m.world = rules_of(options);
  m.regime = "run";
  m.policy = header.policies[static_cast<std::size_t>(which)];
  // Whoever does not draw writes 0; a density of exactly 1 for every action does not happen.
  m.has_densities = std::ranges::any_of(log.transitions.log_prob, [](float p) { return p != 0.0F; });
  m.largest_reward = double{largest_fusion_reward(feed.parameters.reward, feed.parameters.slots)};
  m.horizon = scenario.spec().horizon;
  m.fingerprint = header.dataset_fingerprint;
  m.seed = header.seed;
  (void)episodes_of(log, run.string());
  return log;
}

PolicyParameter noise_parameter() {
  return {"noise", "0..", "0",
          "deviation of a truncated normal around every weight, whose density is then known"};
}

std::shared_ptr<const Policy> with_noise(std::shared_ptr<const Policy> policy,
                                         const PolicyParameters& parameters) {
  const double noise = parameters.real("noise", 0.0);
  if (noise == 0.0) return policy;
  if (noise < 0.0) parameters.reject("noise", std::to_string(noise), "0 (none) or more");
  const std::string name = policy->spec().name;
  return std::make_shared<NoisyWeights>(name, std::move(policy), static_cast<float>(noise));
}

PolicyEntry weights_entry() {
  PolicyEntry entry{
      .word = "weights",
      .suffix = {},
      .summary =
          "The same fusion weights for everybody (fusion-v1, retention-v1), by the names of the tasks.",
      .needs = {},
      .parameters = {{"all", "-1..1", "0", "of tasks that are not named"}},
      .make = {}};
  for (const std::string_view task : fusion_task_names) {
    entry.parameters.push_back({std::string(task), "-1..1", "all", "weight of its predicted probability"});
  }
  entry.parameters.push_back(noise_parameter());
  entry.make = [](const PolicyContext&, const PolicyParameters& parameters) {
    const auto weight = [&](std::string_view key, double fallback) {
      const double value = parameters.real(key, fallback);
      if (!(value >= -1.0 && value <= 1.0)) {
        parameters.reject(key, parameters.text(key, ""), "a weight from -1 to 1");
      }
      return value;
    };
    const double all = weight("all", 0.0);
    std::vector<float> weights;
    for (const std::string_view task : fusion_task_names) {
      weights.push_back(static_cast<float>(weight(task, all)));
    }
    return with_noise(std::make_shared<ConstantWeights>(parameters.option(), std::move(weights)), parameters);
  };
  return entry;
}

}  // namespace veer::tools
