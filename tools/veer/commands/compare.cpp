// veer compare RUN... --data data.h5 --method NAME=POLICY...
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "env/store/atomic_file.h"
#include "env/store/dataset_file.h"
#include "tools/veer/figures/method_report.h"
#include "tools/veer/figures/order_agreement.h"
#include "tools/veer/figures/trust_panel.h"
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
};

void run_compare(const CompareCommand& command, const Session& session) {
  const Dataset data = read_dataset(command.data);
  if (!command.choice.csv.empty()) check_writable("--csv", command.choice.csv);
  std::vector<OfflineFigure> offline;
  if (!command.offline.empty()) offline = read_offline_figures(command.offline);
  const MethodScores scores =
      read_methods(command.runs, parse_methods(command.choice.methods), command.lengths, data);
  CrossedOptions options = command.choice.bootstrap;
  options.seed = session.common.seed;
  const MethodReport report(scores, command.choice.baseline, options);
  std::optional<TrustPanel> trust;
  if (scores.figures().judged()) trust.emplace(scores, report.baseline(), command.neutral, options);
  std::vector<OrderAgreement> agreement;
  if (!offline.empty()) agreement = order_agreement(offline, report, 0, options);
  if (!command.choice.csv.empty()) write_file_atomically(command.choice.csv, report.csv());
  if (session.console.json()) {
    nlohmann::ordered_json out{{"dataset", data.name}};
    out.update(report.json());
    if (trust) out["trust"] = trust->json();
    if (!offline.empty()) out["order_agreement"] = agreement_json(agreement);
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << report.text();
  if (trust) session.console.out() << "\n" << trust->text();
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
  app.add_option("--offline", command->offline,
                 "table of veer rank --csv with the same methods: also say whether they stand in one order "
                 "there and here, under the first judge")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
}

}  // namespace veer::tools
