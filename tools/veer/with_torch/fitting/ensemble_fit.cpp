#include "tools/veer/fitting/ensemble_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "env/error.h"
#include "simulators/ensemble/ensemble_file.h"
#include "simulators/fitting/resample.h"
#include "tools/veer/figures/trust/long_run_of_fit.h"
#include "tools/veer/terminal/describe.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/worlds/models.h"

namespace veer::tools {
namespace {

std::filesystem::path checkpoint_of(const BagTask& task, std::int32_t member) {
  return task.checkpoint.string() + "." + std::to_string(member);
}

/// Every figure that all members have: how much of it hangs on who was in the log.
std::string spread_text(const std::vector<ModelFile>& members) {
  Table table({"figure", "mean", "deviation", "lowest", "highest"});
  const auto count = static_cast<double>(members.size());
  for (const auto& entry : members.front().manifest.metrics) {
    const std::string& name = entry.first;
    std::vector<double> values;
    for (const ModelFile& member : members) {
      const auto found = member.manifest.metrics.find(name);
      if (found != member.manifest.metrics.end()) values.push_back(found->second);
    }
    if (values.size() < members.size()) continue;
    double mean = 0.0, squares = 0.0;
    for (const double value : values) mean += value / count;
    for (const double value : values) squares += (value - mean) * (value - mean) / count;
    const auto [low, high] = std::ranges::minmax(values);
    table.add({name, fmt::format("{:.4g}", mean), fmt::format("{:.2g}", std::sqrt(squares)),
               fmt::format("{:.4g}", low), fmt::format("{:.4g}", high)});
  }
  return table.text();
}

void write(std::vector<ModelFile> members, std::uint64_t seed, const Dataset& data, const std::string& output,
           const Session& session) {
  ModelManifest manifest;
  manifest.seed = seed;
  const std::string spread = spread_text(members);
  ModelFile file = ensemble_model_file(std::move(members), manifest);
  write_model(output, file);
  // Reading it back proves every member before anybody relies on it.
  const LoadedModel model = load_user_model(output, data, "cpu");
  const bool knows_everybody = file.manifest.fitted_on.find("all (") != std::string::npos;
  if (!knows_everybody && add_long_run(*model.users, data, seed, session.console, file.manifest))
    write_model(output, file);
  if (session.console.json()) {
    nlohmann::ordered_json out = describe_model(file.manifest);
    for (const ModelFile& member : file.members) out["members"].push_back(describe_model(member.manifest));
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << fmt::format("{}: {}\n", output, fit_of(file.manifest)) << spread;
  print_long_run(session.console, file.manifest);
}

}  // namespace

void run_bag(const BagTask& task, const Dataset& data, const std::string& output, const Session& session) {
  std::vector<ModelFile> members;
  for (std::int32_t k = 1; task.fresh && k <= task.members; ++k) {
    std::filesystem::remove(checkpoint_of(task, k));
  }
  for (std::int32_t k = 1; k <= task.members; ++k) {
    const std::uint64_t seed = member_seed(task.seed, k);
    const std::string label = fmt::format("{} of {}", k, task.members);
    session.console.note(fmt::format("member {}, seed {}: people drawn with replacement", label, seed));
    members.push_back(task.fit(seed, checkpoint_of(task, k), label));
  }
  write(std::move(members), task.seed, data, output, session);
  std::error_code ignored;
  for (std::int32_t k = 1; k <= task.members; ++k) {
    std::filesystem::remove(checkpoint_of(task, k), ignored);
  }
}

void run_ensemble(const std::vector<std::string>& files, const Dataset& data, const std::string& output,
                  const Session& session) {
  if (files.size() < 2) {
    throw ConfigError({{}, 0, "--member"}, {fmt::format("{} model files", files.size()), "two or more",
                                            "name each with --member"});
  }
  std::vector<ModelFile> members;
  for (const std::string& file : files) {
    load_user_model(file, data, "cpu");  // refuses what is no user model of this data set
    members.push_back(read_model(file));
  }
  write(std::move(members), session.common.seed, data, output, session);
}

}  // namespace veer::tools
