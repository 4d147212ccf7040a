// veer compare RUN... --data data.h5 --method NAME=POLICY...
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "env/data/attribute_table.h"
#include "env/error.h"
#include "env/store/dataset_file.h"
#include "env/store/run/run_directory.h"
#include "rewards/crossed.h"
#include "tools/veer/checks.h"
#include "tools/veer/method_scores.h"
#include "tools/veer/program.h"
#include "tools/veer/table.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

struct CompareCommand {
  std::vector<std::string> runs;
  std::string data;
  std::vector<std::string> methods;
  std::string baseline;
  std::vector<int> lengths;
  std::string csv;
  CrossedOptions bootstrap;
};

struct MethodColumn {
  PathMetric metric;
  const char* title;
  int decimals;
  bool compared;  ///< differences of it are tested
};

constexpr std::array<MethodColumn, 8> method_columns{{{PathMetric::ioi, "IoI", 3, true},
                                                      {PathMetric::ior, "IoR", 1, true},
                                                      {PathMetric::ctr, "CTR", 3, true},
                                                      {PathMetric::coherence, "Coherence", 3, false},
                                                      {PathMetric::length, "Length", 2, false},
                                                      {PathMetric::holds_target, "Target", 3, false},
                                                      {PathMetric::holds_history, "History", 3, false},
                                                      {PathMetric::holds_repeat, "Repeat", 3, false}}};

/// One judge's view of all methods at one length.
struct Comparison {
  std::string judge;
  std::int32_t length = 0;                         ///< 0: whole paths
  std::vector<std::vector<Estimate>> means;        ///< [method][column]
  std::vector<std::vector<Estimate>> differences;  ///< [method][column], to the baseline; empty for itself
  std::vector<std::vector<double>> adjusted;       ///< [method][column] Holm's; NaN where nothing is tested
};

std::string estimate_cell(const Estimate& e, int decimals, bool sign) {
  if (std::isnan(e.mean)) return "-";
  const std::string mean =
      sign ? fmt::format("{:+.{}f}", e.mean, decimals) : fmt::format("{:.{}f}", e.mean, decimals);
  if (std::isnan(e.low)) return mean;
  return fmt::format("{} ({:.{}f} to {:.{}f})", mean, e.low, decimals, e.high, decimals);
}

Comparison compare(const MethodScores& scores, std::size_t judge, std::int32_t length, std::size_t baseline,
                   const CrossedBootstrap& bootstrap) {
  Comparison out;
  out.judge = scores.judges()[judge];
  out.length = length;
  const auto values = [&](std::size_t method, PathMetric metric) {
    return scores.values(method, judge, length, metric);
  };
  std::vector<double> p;
  for (std::size_t m = 0; m < scores.methods().size(); ++m) {
    auto& means = out.means.emplace_back();
    auto& differences = out.differences.emplace_back();
    for (const MethodColumn& column : method_columns) {
      const auto number = static_cast<std::uint32_t>(m);
      const SeedValues mine = values(m, column.metric);
      means.push_back(bootstrap.mean(mine, number));
      if (m == baseline) continue;
      differences.push_back(bootstrap.difference(mine, number, values(baseline, column.metric),
                                                 static_cast<std::uint32_t>(baseline)));
      p.push_back(column.compared ? differences.back().p : std::nan(""));
    }
  }
  const std::vector<double> adjusted = holm_adjusted(p);
  auto next = adjusted.begin();
  for (const auto& differences : out.differences) {
    const auto last = next + static_cast<std::ptrdiff_t>(differences.size());
    out.adjusted.emplace_back(next, last);
    next = last;
  }
  return out;
}

std::string p_text(double p) { return std::isnan(p) ? "-" : p < 0.001 ? "<0.001" : fmt::format("{:.3f}", p); }

std::string tables_of(const Comparison& found, const MethodScores& scores, std::size_t baseline) {
  std::vector<std::string> header{"method", "seeds"};
  for (const MethodColumn& column : method_columns) header.emplace_back(column.title);
  Table means(header);
  for (std::size_t m = 0; m < found.means.size(); ++m) {
    std::vector<std::string> row{scores.methods()[m].name,
                                 std::to_string(scores.methods()[m].policies.size())};
    for (std::size_t c = 0; c < method_columns.size(); ++c) {
      const bool whole = method_columns[c].compared;
      row.push_back(whole ? estimate_cell(found.means[m][c], method_columns[c].decimals, false)
                    : std::isnan(found.means[m][c].mean)
                        ? "-"
                        : fmt::format("{:.{}f}", found.means[m][c].mean, method_columns[c].decimals));
    }
    means.add(row);
  }
  std::string text = fmt::format(
      "Under {}, {}\n{}", found.judge,
      found.length == 0 ? "whole paths" : fmt::format("the first {} items of every path", found.length),
      means.text());
  if (found.means.size() < 2) return text + "\n";
  header = {"minus " + scores.methods()[baseline].name};
  for (const MethodColumn& column : method_columns) {
    if (!column.compared) continue;
    header.emplace_back(column.title);
    header.emplace_back("p");
  }
  Table differences(header);
  for (std::size_t m = 0; m < found.differences.size(); ++m) {
    if (m == baseline) continue;
    std::vector<std::string> row{scores.methods()[m].name};
    for (std::size_t c = 0; c < method_columns.size(); ++c) {
      if (!method_columns[c].compared) continue;
      row.push_back(estimate_cell(found.differences[m][c], method_columns[c].decimals, true));
      row.push_back(p_text(found.adjusted[m][c]));
    }
    differences.add(row);
  }
  return text + "\n" + differences.text() + "\n";
}

Json json_of(const Estimate& e) { return {{"mean", e.mean}, {"low", e.low}, {"high", e.high}}; }

Json json_of(const Comparison& found, const MethodScores& scores, std::size_t baseline) {
  Json methods = Json::array();
  for (std::size_t m = 0; m < found.means.size(); ++m) {
    Json entry{{"method", scores.methods()[m].name}, {"seeds", scores.methods()[m].policies.size()}};
    for (std::size_t c = 0; c < method_columns.size(); ++c) {
      Json metric = json_of(found.means[m][c]);
      if (m != baseline) {
        metric["difference"] = json_of(found.differences[m][c]);
        metric["difference"]["p"] = found.differences[m][c].p;
        metric["difference"]["p_adjusted"] = found.adjusted[m][c];
      }
      entry[std::string(name_of(method_columns[c].metric))] = metric;
    }
    methods.push_back(entry);
  }
  return {{"judge", found.judge}, {"length", found.length}, {"methods", methods}};
}

/// One line per judge, length, method and figure, for plots.
void write_csv(const std::string& path, std::span<const Comparison> all, const MethodScores& scores,
               std::size_t baseline) {
  std::ofstream out(path);
  out << "judge,length,method,seeds,figure,mean,low,high,difference,difference_low,difference_high,p,p_"
         "adjusted\n";
  const auto number = [](double value) {
    return std::isnan(value) ? std::string() : fmt::format("{:.6g}", value);
  };
  for (const Comparison& found : all) {
    for (std::size_t m = 0; m < found.means.size(); ++m) {
      for (std::size_t c = 0; c < method_columns.size(); ++c) {
        const Estimate& e = found.means[m][c];
        out << fmt::format("{},{},\"{}\",{},{},{},{},{}", found.judge,
                           found.length == 0 ? "all" : std::to_string(found.length), scores.methods()[m].name,
                           scores.methods()[m].policies.size(), name_of(method_columns[c].metric),
                           number(e.mean), number(e.low), number(e.high));
        if (m == baseline) {
          out << ",,,,,\n";
          continue;
        }
        const Estimate& d = found.differences[m][c];
        out << fmt::format(",{},{},{},{},{}\n", number(d.mean), number(d.low), number(d.high), number(d.p),
                           number(found.adjusted[m][c]));
      }
    }
  }
  out.close();
  if (!out) throw IoError({path, 0, ""}, {"a file that could not be written", "a writable place", ""});
}

void run_compare(const CompareCommand& command, const Session& session) {
  const Dataset data = read_dataset(command.data);
  if (!command.csv.empty()) check_writable("--csv", command.csv);
  const MethodScores scores(command.runs, parse_methods(command.methods), command.lengths, data);
  const std::size_t baseline = scores.index_of(command.baseline);
  CrossedOptions options = command.bootstrap;
  options.seed = session.common.seed;
  const CrossedBootstrap bootstrap(scores.people(), options);
  std::vector<Comparison> all;
  for (std::size_t judge = 0; judge < scores.judges().size(); ++judge) {
    for (const std::int32_t length : scores.lengths()) {
      all.push_back(compare(scores, judge, length, baseline, bootstrap));
    }
  }
  if (!command.csv.empty()) write_csv(command.csv, all, scores, baseline);
  if (session.console.json()) {
    Json out{{"dataset", data.name},
             {"episodes", scores.people().size()},
             {"people", bootstrap.people()},
             {"baseline", scores.methods()[baseline].name}};
    out["comparisons"] = Json::array();
    for (const Comparison& found : all) out["comparisons"].push_back(json_of(found, scores, baseline));
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  for (const Comparison& found : all) session.console.out() << tables_of(found, scores, baseline);
  session.console.out() << fmt::format(
      "{} episodes of {} people, the same for all methods. In brackets the 95 % interval over people and\n"
      "training seeds, resampled together (of one seed: over people alone). p: of no difference, two-sided,\n"
      "after Holm's correction for all differences in one table. Target, History, Repeat: shares of paths "
      "that\n"
      "hold the target, an item of the history, an item twice.\n",
      scores.people().size(), bootstrap.people());
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
  app.add_option(
         "--method", command->methods,
         "NAME=POLICY: the policy, as tables name it, is one training seed of the method; to be repeated. "
         "Policies of no method are methods of their own")
      ->type_name("M")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--baseline", command->baseline,
                 "method that the others are compared with; default: the first")
      ->type_name("NAME");
  app.add_option("--lengths", command->lengths,
                 "also compare the first so many items of every path: 2,4,10 asks what equal lengths do")
      ->delimiter(',')
      ->check(positive());
  app.add_option("--replicates", command->bootstrap.replicates, "of the bootstrap")
      ->check(positive())
      ->capture_default_str();
  app.add_option("--csv", command->csv, "all figures in one table, for plots")->type_name("FILE");
}

}  // namespace veer::tools
