#include "tools/veer/figures/methods/method_scores.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "env/error.h"
#include "env/store/run/run_directory.h"

namespace veer::tools {
namespace {

[[noreturn]] void other_run(const std::string& source, const std::string& what) {
  throw DataError({source, 0, what}, {"others than in the runs before", "the same",
                                      "compare runs of equal options but for --policy"});
}

}  // namespace

MethodScores::MethodScores(const std::string& scenario, std::vector<std::string> judges,
                           const std::vector<int>& lengths, const Dataset& data,
                           View<const float> item_vectors)
    : figures_(scenario, data, item_vectors), judges_(std::move(judges)) {
  if (!figures_.judged()) judges_ = {"the people"};
  lengths_.insert(lengths_.end(), lengths.begin(), lengths.end());
}

void MethodScores::add(const std::string& policy, const Trajectories& paths, const std::string& source) {
  const auto same = [&](const Played& played) { return played.policy == policy; };
  if (std::any_of(played_.begin(), played_.end(), same)) {
    throw ConfigError({{}, 0, "RUN"}, {"policy " + policy + " twice", "every policy in one run",
                                       "leave out a run, or give the model file another name"});
  }
  if (played_.empty()) {
    episodes_ = paths.episode_id;
    people_ = paths.episode_user;
    targets_ = paths.episode_target;
  } else if (paths.episode_id != episodes_ || paths.episode_user != people_ ||
             paths.episode_target != targets_) {
    other_run(source, "episodes of " + policy);
  }
  Played played{policy, {}};
  for (const std::int32_t length : lengths_) {
    std::optional<Trajectories> part;
    if (length != 0) part = first_steps(paths, length);
    for (std::size_t judge = 0; judge < judges_.size(); ++judge) {
      played.figures.push_back(figures_.of(part ? *part : paths, judge));
    }
  }
  played_.push_back(std::move(played));
}

void MethodScores::group(std::vector<Method> methods) {
  std::vector<std::string> names;
  for (const Played& played : played_) names.push_back(played.policy);
  methods_ = complete_methods(std::move(methods), names);
}

const EpisodeFigures& MethodScores::of(const std::string& policy, std::size_t judge,
                                       std::size_t length) const {
  const auto found = std::find_if(played_.begin(), played_.end(),
                                  [&](const Played& played) { return played.policy == policy; });
  return found->figures[length * judges_.size() + judge];
}

SeedValues MethodScores::values(std::size_t method, std::size_t judge, std::size_t length,
                                std::size_t figure) const {
  SeedValues out;
  for (const std::string& policy : methods_[method].policies) {
    out.push_back(of(policy, judge, length).values[figure]);
  }
  return out;
}

double MethodScores::whole(std::size_t method, std::size_t judge, std::size_t length,
                           std::size_t figure) const {
  double sum = 0.0;
  for (const std::string& policy : methods_[method].policies) sum += of(policy, judge, length).whole[figure];
  return sum / static_cast<double>(methods_[method].policies.size());
}

MethodScores read_methods(const std::vector<std::string>& runs, std::vector<Method> methods,
                          const std::vector<int>& lengths, const Dataset& data,
                          const OnEpisodes& on_episodes) {
  std::optional<MethodScores> scores;
  std::string scenario;
  std::vector<std::string> judges;
  for (const std::string& directory : runs) {
    const RunReader run(directory);
    const RunHeader& header = run.summary().header;
    if (header.dataset_fingerprint != data.fingerprint) {
      throw DataError({directory, 0, "dataset"},
                      {"another data set than " + data.name, "that of --data", ""});
    }
    if (!run.summary().complete) {
      throw DataError({directory, 0, "segments"},
                      {"an incomplete run", "a complete one", "give the command that began it once more"});
    }
    if (!scores) {
      scenario = header.scenario;
      judges = header.judges;
      scores.emplace(scenario, judges, lengths, data);
    }
    if (header.scenario != scenario) other_run(directory, "scenario");
    if (header.judges != judges) other_run(directory, "judges");
    for (std::size_t p = 0; p < header.policies.size(); ++p) {
      const Trajectories paths = run.read(static_cast<std::int32_t>(p));
      scores->add(header.policies[p], paths, directory);
      if (on_episodes) on_episodes(header.policies[p], paths);
    }
  }
  if (!scores) throw ConfigError({{}, 0, "RUN"}, {"none", "at least one run directory", ""});
  scores->group(std::move(methods));
  return *std::move(scores);
}

}  // namespace veer::tools
