// veer compare RUN... --data data.h5 --method NAME=POLICY...
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/dataset_file.h"
#include "tools/veer/checks.h"
#include "tools/veer/method_scores.h"
#include "tools/veer/method_table.h"
#include "tools/veer/program.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

struct CompareCommand {
  std::vector<std::string> runs;
  std::string data;
  MethodChoice choice;
  std::vector<int> lengths;
};

struct MetricFigure {
  PathMetric metric;
  const char* title;
  int decimals;
  bool compared;
};
constexpr MetricFigure metric_figures[] = {{PathMetric::ioi, "IoI", 3, true},
                                           {PathMetric::ior, "IoR", 1, true},
                                           {PathMetric::ctr, "CTR", 3, true},
                                           {PathMetric::coherence, "Coherence", 3, false},
                                           {PathMetric::length, "Length", 2, false},
                                           {PathMetric::holds_target, "Target", 3, false},
                                           {PathMetric::holds_history, "History", 3, false},
                                           {PathMetric::holds_repeat, "Repeat", 3, false}};

std::vector<Figure> figures() {
  std::vector<Figure> out;
  for (const MetricFigure& figure : metric_figures) {
    out.push_back({std::string(name_of(figure.metric)), figure.title, figure.decimals, figure.compared});
  }
  return out;
}

void run_compare(const CompareCommand& command, const Session& session) {
  const Dataset data = read_dataset(command.data);
  if (!command.choice.csv.empty()) check_writable("--csv", command.choice.csv);
  const MethodScores scores(command.runs, parse_methods(command.choice.methods), command.lengths, data);
  const std::span<const Method> methods = scores.methods();
  const std::size_t baseline = find_method(methods, command.choice.baseline);
  CrossedOptions options = command.choice.bootstrap;
  options.seed = session.common.seed;
  const CrossedBootstrap bootstrap(scores.people(), options);
  std::string csv = table_csv_header("judge,length,");
  Json comparisons = Json::array();
  std::string text;
  for (std::size_t judge = 0; judge < scores.judges().size(); ++judge) {
    const std::string& name = scores.judges()[judge];
    for (const std::int32_t length : scores.lengths()) {
      const MethodTable table =
          tabulate(methods, figures(), baseline, bootstrap, [&](std::size_t m, std::size_t f) {
            return scores.values(m, judge, length, metric_figures[f].metric);
          });
      comparisons.push_back(
          {{"judge", name}, {"length", length}, {"methods", table_json(table, methods, baseline)}});
      const std::string part =
          length == 0 ? "whole paths" : fmt::format("the first {} items of every path", length);
      text += fmt::format("Under {}, {}\n{}\n", name, part, table_text(table, methods, baseline));
      csv += table_csv(fmt::format("{},{},", name, length == 0 ? "all" : std::to_string(length)), table,
                       methods, baseline);
    }
  }
  if (!command.choice.csv.empty()) write_file_atomically(command.choice.csv, csv);
  if (session.console.json()) {
    const Json out{{"dataset", data.name},
                   {"episodes", scores.people().size()},
                   {"people", bootstrap.people()},
                   {"baseline", methods[baseline].name},
                   {"comparisons", comparisons}};
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  session.console.out() << text
                        << fmt::format(
                               "{} episodes of {} people, the same for all methods. {}"
                               "Target, History, Repeat: shares of paths that hold the target, an item "
                               "of the history, an item twice.\n",
                               scores.people().size(), bootstrap.people(), table_legend());
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
}

}  // namespace veer::tools
