#include "tools/veer/method_scores.h"

#include <algorithm>

#include "env/data/attribute_table.h"
#include "env/error.h"
#include "env/store/run/run_directory.h"

namespace veer::tools {
namespace {

[[noreturn]] void other_run(const std::string& directory, const std::string& what) {
  throw DataError({directory, 0, what}, {"others than in the runs before", "the same",
                                         "compare runs of equal options but for --policy"});
}

}  // namespace

MethodScores::MethodScores(const std::vector<std::string>& runs, std::vector<Method> methods,
                           const std::vector<int>& lengths, const Dataset& data)
    : methods_(std::move(methods)) {
  lengths_.insert(lengths_.end(), lengths.begin(), lengths.end());
  const AttributeTable attributes(data.catalogue);
  for (const std::string& run : runs) add_run(run, data, attributes);
  std::vector<std::string> names;
  for (const Played& played : played_) names.push_back(played.policy);
  methods_ = complete_methods(std::move(methods_), names);
}

void MethodScores::add_run(const std::string& directory, const Dataset& data,
                           const AttributeTable& attributes) {
  const RunReader run(directory);
  const RunHeader& header = run.summary().header;
  if (header.dataset_fingerprint != data.fingerprint) {
    throw DataError({directory, 0, "dataset"}, {"another data set than " + data.name, "that of --data", ""});
  }
  if (!run.summary().complete) {
    throw DataError({directory, 0, "segments"},
                    {"an incomplete run", "a complete one", "give the command that began it once more"});
  }
  if (played_.empty()) judges_ = header.judges;
  if (header.judges != judges_) other_run(directory, "judges");
  for (std::size_t p = 0; p < header.policies.size(); ++p) {
    const std::string& policy = header.policies[p];
    const auto same = [&](const Played& played) { return played.policy == policy; };
    if (std::any_of(played_.begin(), played_.end(), same)) {
      throw ConfigError({{}, 0, "RUN"}, {"policy " + policy + " twice", "every policy in one run",
                                         "leave out a run, or give the model file another name"});
    }
    const Trajectories paths = run.read(static_cast<std::int32_t>(p));
    if (played_.empty()) {
      episodes_ = paths.episode_id;
      people_ = paths.episode_user;
      targets_ = paths.episode_target;
    } else if (paths.episode_id != episodes_ || paths.episode_user != people_ ||
               paths.episode_target != targets_) {
      other_run(directory, "episodes of " + policy);
    }
    Played played{policy, {}};
    for (const std::int32_t length : lengths_) {
      const Trajectories part = length == 0 ? paths : first_steps(paths, length);
      for (const JudgeScores& judge : part.judges) {
        played.scores.push_back(score_episodes(part, judge, attributes));
      }
    }
    played_.push_back(std::move(played));
  }
}

SeedValues MethodScores::values(std::size_t method, std::size_t judge, std::int32_t length,
                                PathMetric metric) const {
  const auto place =
      static_cast<std::size_t>(std::find(lengths_.begin(), lengths_.end(), length) - lengths_.begin());
  SeedValues out;
  for (const std::string& policy : methods_[method].policies) {
    const auto found = std::find_if(played_.begin(), played_.end(),
                                    [&](const Played& played) { return played.policy == policy; });
    out.push_back(found->scores[place * judges_.size() + judge].of(metric));
  }
  return out;
}

}  // namespace veer::tools
