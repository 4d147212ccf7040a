#include "tools/veer/figures/trust/long_run_of_fit.h"

#include <ostream>
#include <vector>

#include "env/error.h"
#include "simulators/long_run/long_run.h"

namespace veer::tools {

bool add_long_run(const UserModel& users, const Dataset& data, std::uint64_t seed, const Console& console,
                  ModelManifest& manifest) {
  if (manifest.fitted_on.starts_with("all")) return false;
  const std::vector<UserId> people = data.users_of(Part::test);
  long_run::Options options;
  options.seed = seed;
  Progress progress(console, "fidelity in the long run", "people", static_cast<std::int64_t>(people.size()));
  options.progress = [&](std::int64_t done, std::int64_t) { progress.update(done); };
  try {
    for (const auto& [name, value] : long_run::measure(users, data, people, options).to_metrics()) {
      manifest.metrics[name] = value;
    }
    return true;
  } catch (const DataError& error) {
    console.note(std::string("no grade of fidelity in the long run: ") + error.what());
    return false;
  }
}

std::string long_run_text(const ModelManifest& manifest) {
  long_run::Grade grade;
  return long_run::grade_from_metrics(manifest.metrics, grade) ? grade.text() : "";
}

void print_long_run(const Console& console, const ModelManifest& manifest) {
  const std::string text = long_run_text(manifest);
  if (!console.json() && !text.empty())
    console.out() << "In the long run (veer validate): grade " << text << '\n';
}

std::string long_run_letter(const ModelManifest& manifest) {
  long_run::Grade grade;
  return long_run::grade_from_metrics(manifest.metrics, grade) ? std::string(1, grade.letter) : "";
}

}  // namespace veer::tools
