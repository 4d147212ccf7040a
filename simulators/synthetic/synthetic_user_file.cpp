// The synthetic world in a model file: numbers of the world as hyper-parameters, items as arrays, a scored
// path as probe.
#include <charconv>
#include <cmath>
#include <map>
#include <string>

#include "env/error.h"
#include "simulators/synthetic/synthetic_user.h"

namespace veer {
namespace {

template <class T>
std::string to_text(T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

/// Every number that makes a world, by name; one list for writing and reading.
template <class Parameters, class Visit>
void for_each_parameter(Parameters& p, const Visit& visit) {
  visit("items", p.items);
  visit("topics", p.topics);
  visit("seed", p.seed);
  visit("neighbour_share", p.neighbour_share);
  visit("bridge_share", p.bridge_share);
  visit("quality_spread", p.quality_spread);
  visit("scale", p.scale);
  visit("bias", p.bias);
  visit("temperature", p.temperature);
  visit("shift", p.rates.shift);
  visit("boredom_growth", p.rates.boredom_growth);
  visit("boredom_decay", p.rates.boredom_decay);
  visit("drift", p.rates.drift);
}

template <class T>
void read_number(const std::map<std::string, std::string>& from, const char* name, T& to) {
  const auto found = from.find(name);
  const Where where{.file = {}, .line = 0, .field = std::string("hyper-parameter ") + name};
  if (found == from.end()) {
    throw FormatError(where, {"nothing", "a number", "was the model written by another version?"});
  }
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw FormatError(where, {"'" + text + "'", "a number", {}});
  }
}

/// A fixed person, history, path and target, and what the model says about them.
struct Probe {
  std::vector<UserId> user{7};
  std::vector<ItemId> history, path, target;
  std::vector<float> acceptance, interest;
  std::vector<std::int32_t> rank;
  std::vector<std::uint8_t> accepted{1, 0, 1, 1};
};

Probe run_probe(const SyntheticUser& users) {
  const std::int32_t items = users.world().items();
  Probe probe;
  for (std::int32_t i = 0; i < 5; ++i) probe.history.push_back(1 + (i * 17) % items);
  for (std::int32_t i = 0; i < 4; ++i) probe.path.push_back(1 + (3 + i * 29) % items);
  probe.target = {items};
  probe.acceptance.resize(probe.path.size());
  probe.interest.resize(probe.path.size());
  probe.rank.resize(probe.path.size());
  const std::vector<std::int32_t> history_size{5}, prompt{0}, length{4};
  const std::vector<EpisodeId> episode{11};
  std::vector<float> start_interest(1);
  std::vector<std::int32_t> start_rank(1);
  Workspace unused;
  users.score_paths({.seed = 3,
                     .history = {probe.history.data(), 1, 5},
                     .history_size = history_size,
                     .user = probe.user,
                     .target = probe.target,
                     .episode = episode,
                     .prompt = prompt,
                     .items = {probe.path.data(), 1, 4},
                     .accepted = {probe.accepted.data(), 1, 4},
                     .length = length},
                    {.acceptance = {probe.acceptance.data(), 1, 4},
                     .interest = {probe.interest.data(), 1, 4},
                     .rank = {probe.rank.data(), 1, 4},
                     .start_interest = start_interest,
                     .start_rank = start_rank},
                    unused);
  return probe;
}

void expect_close(const char* name, std::span<const float> stored, std::span<const float> computed) {
  for (std::size_t i = 0; i < computed.size(); ++i) {
    const bool close = i < stored.size() && std::abs(stored[i] - computed[i]) <= 1.0e-4F;
    if (close && stored.size() == computed.size()) continue;
    throw VerificationError({.file = {}, .line = 0, .field = std::string("probe ") + name},
                            {i < stored.size() ? to_text(stored[i]) : "too few values",
                             to_text(computed[i]) + " as computed from the parameters",
                             "the file is damaged or was written by another version"});
  }
}

}  // namespace

ModelFile synthetic_model_file(const SyntheticUser& users, const std::string& dataset_fingerprint,
                               const std::string& dataset_name) {
  const SyntheticWorld& world = users.world();
  ModelFile file;
  file.manifest.kind = "synthetic";
  file.manifest.role = "user_model";
  for_each_parameter(world.parameters(), [&](const char* name, const auto& value) {
    file.manifest.hyper_parameters[name] = to_text(value);
  });
  file.manifest.dataset_fingerprint = dataset_fingerprint;
  file.manifest.dataset_name = dataset_name;
  file.manifest.fitted_on = "nobody (known truth)";
  file.manifest.seed = world.parameters().seed;
  file.manifest.parameters =
      static_cast<std::int64_t>(world.all_topics().size() + world.all_qualities().size());
  file.parameters.set("item_topics", world.all_topics(), {world.items(), world.topics()});
  file.parameters.set("item_quality", world.all_qualities());

  const Probe probe = run_probe(users);
  file.probe.set<ItemId>("input/history", probe.history);
  file.probe.set<ItemId>("input/path", probe.path);
  file.probe.set<std::uint8_t>("input/accepted", probe.accepted);
  file.probe.set<ItemId>("input/target", probe.target);
  file.probe.set<UserId>("input/user", probe.user);
  file.probe.set<float>("output/acceptance", probe.acceptance);
  file.probe.set<float>("output/interest", probe.interest);
  return file;
}

std::unique_ptr<SyntheticUser> synthetic_user_from(const ModelFile& file) {
  if (file.manifest.kind != "synthetic") {
    throw FormatError(
        {.file = {}, .line = 0, .field = "kind"},
        {"'" + file.manifest.kind + "'", "'synthetic'", "name a model written for a synthetic world"});
  }
  SyntheticParameters parameters;
  for_each_parameter(parameters, [&](const char* name, auto& value) {
    read_number(file.manifest.hyper_parameters, name, value);
  });
  const std::span<const float> topics = file.parameters.get<float>("item_topics");
  const std::span<const float> quality = file.parameters.get<float>("item_quality");
  std::shared_ptr<const SyntheticWorld> world;
  try {
    world =
        std::make_shared<const SyntheticWorld>(parameters, std::vector<float>(topics.begin(), topics.end()),
                                               std::vector<float>(quality.begin(), quality.end()));
  } catch (const ConfigError& error) {
    throw FormatError(std::string("synthetic model: ") + error.what());
  }
  auto users = std::make_unique<SyntheticUser>(std::move(world));
  const Probe probe = run_probe(*users);
  expect_close("output/acceptance", file.probe.get<float>("output/acceptance"), probe.acceptance);
  expect_close("output/interest", file.probe.get<float>("output/interest"), probe.interest);
  return users;
}

}  // namespace veer
