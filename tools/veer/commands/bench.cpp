// veer bench WORKLOAD
#include <fmt/format.h>

#include <tbb/task_arena.h>
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "env/error.h"
#include "tools/bench/workload.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

struct BenchCommand {
  std::string workload;
  bool list = false;
  bench::BenchOptions options;
};

void print_list(const std::vector<bench::Workload>& workloads, const Console& console) {
  if (console.json()) {
    Json out = Json::array();
    for (const auto& workload : workloads) {
      out.push_back({{"workload", workload.name}, {"description", workload.description}});
    }
    console.out() << out.dump(2) << '\n';
    return;
  }
  for (const auto& workload : workloads) {
    console.out() << fmt::format("{:<14} {}\n", workload.name, workload.description);
  }
}

Json to_json(const bench::BenchReport& report) {
  Json out{{"workload", report.workload}, {"cases", Json::array()}};
  for (const bench::BenchCase& each : report.cases) {
    Json entry{{"case", each.name},     {"unit", each.unit},
               {"engine", each.engine}, {"straightforward", each.straightforward},
               {"ratio", each.ratio},   {"agrees", each.agrees}};
    for (const auto& [name, value] : each.figures) entry["figures"][name] = value;
    if (!each.note.empty()) entry["note"] = each.note;
    out["cases"].push_back(std::move(entry));
  }
  out["notes"] = report.notes;
  return out;
}

void print_report(const bench::BenchReport& report, const Console& console) {
  if (console.json()) {
    console.out() << to_json(report).dump(2) << '\n';
    return;
  }
  Table table({report.workload, "unit", "engine", "straightforward", "ratio", "agrees"});
  for (const bench::BenchCase& each : report.cases) {
    const bool compared = each.straightforward > 0.0;
    table.add({each.name, each.unit, fmt::format("{:.4g}", each.engine),
               compared ? fmt::format("{:.4g}", each.straightforward) : "-",
               compared ? fmt::format("{:.2f}", each.ratio) : "-", each.agrees ? "yes" : "NO"});
  }
  console.out() << table.text();
  for (const bench::BenchCase& each : report.cases) {
    std::string figures;
    for (const auto& [name, value] : each.figures)
      figures += fmt::format("{}{} {:.4g}", figures.empty() ? "" : ", ", name, value);
    if (!figures.empty()) console.out() << fmt::format("{}: {}\n", each.name, figures);
    if (!each.note.empty()) console.out() << fmt::format("{}: {}\n", each.name, each.note);
  }
  for (const std::string& note : report.notes) console.out() << note << '\n';
}

void run_bench(BenchCommand& command, const Session& session) {
  const std::vector<bench::Workload> workloads = bench::workloads();
  if (command.list) {
    print_list(workloads, session.console);
    return;
  }
  std::string names;
  for (const auto& workload : workloads) {
    names += (names.empty() ? "" : ", ") + workload.name;
    if (workload.name != command.workload) continue;
    command.options.seed = session.common.seed;
    command.options.threads = tbb::this_task_arena::max_concurrency();
    const bench::BenchReport report = workload.run(command.options);
    print_report(report, session.console);
    for (const bench::BenchCase& each : report.cases) {
      if (!each.agrees) {
        throw VerificationError(
            fmt::format("{}: in case {} the engine and the straightforward way do not agree", report.workload,
                        each.name));
      }
    }
    return;
  }
  throw ConfigError({{}, 0, "WORKLOAD"}, {command.workload.empty() ? "nothing" : "'" + command.workload + "'",
                                          "one of " + names, "veer bench --list describes them"});
}

}  // namespace

void add_bench(Program& program) {
  auto command = std::make_shared<BenchCommand>();
  CLI::App& app =
      program.add("bench", "Measures the engine against the straightforward way, same work, same run.",
                  "veer bench path-score --json\n         veer bench --list",
                  [command](const Session& session) { run_bench(*command, session); });
  app.add_option("WORKLOAD", command->workload, "name of a workload; see --list");
  app.add_flag("--list", command->list, "name and describe the workloads");
  bench::BenchOptions& options = command->options;
  app.add_option("--repetitions", options.repetitions, "timed repetitions of each side")
      ->check(positive())
      ->capture_default_str();
  app.add_flag("--quick", options.quick,
               "smaller cases, for a look in seconds; its ratios are no measurement");
  app.add_option("--cache-mb", options.cache_mb, "bound on key/value caches, in MiB")->capture_default_str();
  app.add_option("--encoder", options.encoder, "of train-sequential: gru, caser, nextitnet or sasrec")
      ->capture_default_str();
}

}  // namespace veer::tools
