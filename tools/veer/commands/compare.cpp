// veer compare RUN... --data data.h5 --method NAME=POLICY...
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/dataset_file.h"
#include "env/store/run/run_directory.h"
#include "tools/veer/figures/guidance/budget_report.h"
#include "tools/veer/figures/methods/method_report.h"
#include "tools/veer/figures/methods/order_agreement.h"
#include "tools/veer/figures/trust/trust_panel.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"

namespace veer::tools {
namespace {

struct CompareCommand {
  std::vector<std::string> runs;
  std::string data;
  MethodChoice choice;
  std::vector<int> lengths;
  std::string offline;
  std::string neutral;
  std::vector<std::string> under;  ///< NAME=RUN: the same policies among other people
  BudgetOptions budget;
};

/// The runs of --under.
std::vector<PlayedElsewhere> read_other_people(const CompareCommand& command, const std::string& scenario,
                                               const Dataset& data) {
  std::vector<PlayedElsewhere> out;
  for (const std::string& word : command.under) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size()) {
      throw ConfigError({{}, 0, "--under"}, {"'" + word + "'", "NAME=RUN, such as gru=run-gru", ""});
    }
    const std::string name = word.substr(0, equals), run = word.substr(equals + 1);
    const auto taken = [&](const PlayedElsewhere& each) { return each.name == name; };
    if (name == "users" || std::any_of(out.begin(), out.end(), taken)) {
      throw ConfigError({{}, 0, "--under"}, {"the name '" + name + "' a second time", "names that differ",
                                             "'users' are the people of RUN"});
    }
    if (scenario == "guidance-v1") {
      throw ConfigError({{}, 0, "--under"}, {"'" + word + "' with guidance-v1", "session-v1 or slate-v1",
                                             "judges look at the same paths: veer evaluate --judge"});
    }
    const std::map<std::string, std::string> fits = fits_of_judges(read_run_summary(run).header);
    out.push_back({name, fits.contains("users") ? fits.at("users") : "",
                   read_methods({run}, parse_methods(command.choice.methods), {}, data)});
  }
  return out;
}

void run_compare(const CompareCommand& command, const Session& session) {
  const Dataset data = read_dataset(command.data);
  if (!command.choice.csv.empty()) check_writable("--csv", command.choice.csv);
  std::vector<OfflineFigure> offline;
  if (!command.offline.empty()) offline = read_offline_figures(command.offline);
  const RunHeader header = read_run_summary(command.runs.front()).header;
  const PathBudget limits = budget_of(command.budget, header.scenario, data.catalogue);
  std::optional<BudgetReport> budget;
  if (!limits.empty()) budget.emplace(limits, data, header.judges);
  const bool judged = header.scenario == "guidance-v1";
  std::optional<EpisodeTrust> seen;
  if (!judged) seen.emplace(data, header.judges);
  const auto look = [&](const std::string& policy, const Trajectories& paths) {
    if (budget) budget->add(policy, paths, "policy " + policy);
    if (seen) seen->add(policy, paths);
  };
  const MethodScores scores =
      read_methods(command.runs, parse_methods(command.choice.methods), command.lengths, data, look);
  CrossedOptions options = command.choice.bootstrap;
  options.seed = session.common.seed;
  const MethodReport report(scores, command.choice.baseline, options);
  if (budget) budget->finish(scores.methods(), report.baseline(), options);
  const std::map<std::string, std::string> fits = fits_of_judges(header);
  const TrustPanel trust(scores, seen ? seen->views(scores, fits) : guidance_views(scores, fits),
                         report.baseline(), command.neutral, options);
  const std::vector<PlayedElsewhere> others = read_other_people(command, header.scenario, data);
  std::optional<TrustPanel> elsewhere;
  if (!others.empty()) {
    elsewhere.emplace(scores, seen->played_views(scores, fits, others), report.baseline(), "", options);
  }
  std::vector<OrderAgreement> agreement;
  if (!offline.empty()) agreement = order_agreement(offline, report, 0, options);
  if (!command.choice.csv.empty())
    write_file_atomically(command.choice.csv, report.csv() + (budget ? budget->csv() : ""));
  if (session.console.json()) {
    nlohmann::ordered_json out{{"dataset", data.name}};
    out.update(report.json());
    if (budget) out["budget"] = budget->json();
    out["trust"] = trust.json();
    if (elsewhere) out["trust_elsewhere"] = elsewhere->json();
    if (!offline.empty()) out["order_agreement"] = agreement_json(agreement);
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << report.text();
  if (budget) session.console.out() << "\n" << budget->text();
  session.console.out() << "\n" << trust.text();
  if (elsewhere) session.console.out() << "\n" << elsewhere->text();
  if (!offline.empty()) session.console.out() << "\n" << agreement_text(offline, report, 0, agreement);
}

}  // namespace

void add_compare(Program& program) {
  auto command = std::make_shared<CompareCommand>();
  CLI::App& app = program.add(
      "compare", "Compares methods in recorded runs, with intervals over people and training seeds.",
      "veer evaluate --data ml-1m.h5 --users plan.model.h5 --judge gru=gru.model.h5 --policy nearest \\\n"
      "           --policy prorl-1.model.h5 --policy prorl-2.model.h5 --targets uniform-unseen -o run\n"
      "         veer compare run --data ml-1m.h5 --method prorl=prorl-1 --method prorl=prorl-2 \\\n"
      "           --baseline nearest --lengths 2,4,10\n\n"
      "Policies that differ in their training seed are one method. Runs must hold the same episodes: equal\n"
      "options but for --policy.",
      [command](const Session& session) { run_compare(*command, session); });
  app.add_option("RUN", command->runs, "run directories (veer evaluate -o)")->required()->type_name("DIR");
  app.add_option("--data", command->data, "dataset file of the runs")->required()->type_name("FILE");
  add_method_options(app, command->choice, "POLICY");
  app.add_option("--lengths", command->lengths,
                 "also compare the first so many items of every path: 2,4,10 asks what equal lengths do")
      ->delimiter(',')
      ->check(positive());
  app.add_option(
         "--neutral", command->neutral,
         "method that stands for what happens to people anyway: how much of the shift the others caused; "
         "default: the baseline")
      ->type_name("NAME");
  app.add_option(
         "--under", command->under,
         "session-v1, slate-v1: NAME=RUN, a run of the same policies in the same episodes among other "
         "people (another --users): do gains stand there, too? May be repeated")
      ->type_name("NAME=RUN")
      ->take_all()
      ->allow_extra_args(false);
  add_budget_options(app, command->budget);
  app.add_option("--offline", command->offline,
                 "table of veer rank --csv with the same methods: also say whether they stand in one order "
                 "there and here, under the first judge")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
}

}  // namespace veer::tools
