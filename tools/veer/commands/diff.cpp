// veer diff BEFORE AFTER
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "tools/veer/figures/watching/run_difference.h"
#include "tools/veer/program.h"

namespace veer::tools {
namespace {

struct DiffCommand {
  std::string before, after;
};

void run_diff(const DiffCommand& command, const Session& session) {
  const RunDifference difference =
      difference_of_runs(command.before, command.after, {.seed = session.common.seed});
  if (session.console.json()) {
    nlohmann::ordered_json out{{"before", command.before}, {"after", command.after}};
    out.update(difference_json(difference));
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << difference_text(difference, command.before, command.after);
}

}  // namespace

void add_diff(Program& program) {
  auto command = std::make_shared<DiffCommand>();
  CLI::App& app = program.add(
      "diff", "Says what changed from one run to another: what they were made of, and what policies did.",
      "veer diff monday tuesday\n         veer diff monday tuesday --json",
      [command](const Session& session) { run_diff(*command, session); });
  app.add_option("BEFORE", command->before, "run directory (veer evaluate -o)")->required()->type_name("DIR");
  app.add_option("AFTER", command->after, "another one")->required()->type_name("DIR");
}

}  // namespace veer::tools
