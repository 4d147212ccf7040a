// veer report RUN... --data data.h5 -o report.html
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string_view>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/dataset_file.h"
#include "tools/veer/page/report_findings.h"
#include "tools/veer/page/report_page.h"
#include "tools/veer/page/report_stress.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

struct ReportCommand {
  std::vector<std::string> runs;
  std::string data, output, title;
  MethodChoice choice;
  std::int64_t paths = 2000;
};

/// Refuses to replace what is no page: a data set or a model given as -o by mistake.
void check_page(const std::string& path) {
  constexpr std::string_view begin = "<!DOCTYPE html>";
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored)) {
    std::string head(begin.size(), '\0');
    std::ifstream file(path, std::ios::binary);
    file.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(file.gcount()));
    if (!head.empty() && head != begin) {
      throw ConfigError({path, 0, "-o"}, {"a file that is no HTML page and would be lost",
                                          "a new name, or a page to replace", "choose another name"});
    }
  }
  check_output("-o", path, "");
}

void run_report(const ReportCommand& command, const Session& session) {
  check_page(command.output);
  const Dataset data = read_dataset(command.data);
  // Of a stress trial the calm runs are what policies are compared in.
  std::vector<std::string> runs, trials;
  for (const std::string& run : command.runs) {
    const bool trial = is_stress_folder(run);
    if (trial) trials.push_back(run);
    runs.push_back(trial ? (std::filesystem::path(run) / "calm").string() : run);
  }
  std::vector<std::pair<std::string, RunSummary>> summaries;
  std::int64_t policies = 0;
  for (const std::string& run : runs) {
    summaries.emplace_back(run, read_run_summary(run));
    policies += static_cast<std::int64_t>(summaries.back().second.header.policies.size());
  }
  const RunHeader& header = summaries.front().second.header;
  const bool judged = FigureSet(header.scenario, data).judged();
  EpisodeCurves curves(judged);
  PathSample sample(data, judged ? header.judges : std::vector<std::string>{},
                    std::max<std::int64_t>(1, command.paths / std::max<std::int64_t>(1, policies)));
  const MethodScores scores = read_methods(runs, parse_methods(command.choice.methods), {}, data,
                                           [&](const std::string& policy, const Trajectories& paths) {
                                             curves.add(policy, paths);
                                             sample.add(policy, paths);
                                           });
  CrossedOptions options = command.choice.bootstrap;
  options.seed = session.common.seed;
  const CrossedOptions report_options = options;
  const MethodReport report(scores, command.choice.baseline, report_options);
  // Enough that the smallest p-value can survive Holm's correction for all pairs.
  const auto methods = static_cast<std::int32_t>(scores.methods().size());
  options.replicates = std::max(options.replicates, std::min(20'000, 100 * methods * (methods - 1) / 2));
  const CrossedBootstrap bootstrap(scores.people(), options);
  std::optional<TrustPanel> trust;
  if (judged) trust.emplace(scores, report.baseline(), "", report_options);
  Findings findings{data, summaries, report, {}, curves, sample, trust ? &*trust : nullptr};
  for (std::size_t j = 0; j < scores.judges().size(); ++j) {
    findings.standings.push_back(standing_of(scores, bootstrap, j, 0));
  }

  ReportPage page;
  page.title = command.title.empty() ? fmt::format("{} on {}", header.scenario, data.name) : command.title;
  page.kicker =
      fmt::format("{}: {} policies, {} episodes of {} people each", page.title, policies,
                  grouped(static_cast<std::int64_t>(scores.people().size())), grouped(report.people()));
  page.conclusions = conclusions(findings);
  page.sections = {leaderboard_section(findings), curves_section(findings), judges_section(findings),
                   trust_section(findings)};
  for (const std::string& trial : trials)
    page.sections.push_back(stress_section(trial, data, report_options));
  page.sections.push_back(paths_section(findings));
  page.sections.push_back(runs_section(findings));
  page.sections.push_back(reading_section(findings));
  const std::string html = page_of(page);
  write_file_atomically(command.output, html);
  if (!command.choice.csv.empty()) write_file_atomically(command.choice.csv, report.csv());

  if (session.console.json()) {
    nlohmann::ordered_json out{{"page", command.output},
                               {"bytes", html.size()},
                               {"dataset", data.name},
                               {"conclusions", page.conclusions},
                               {"paths_shown", sample.shown() * policies},
                               {"paths", sample.episodes() * policies}};
    out.update(report.json());
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  for (const std::string& sentence : page.conclusions) session.console.out() << sentence << '\n';
  session.console.out() << fmt::format("\n{}: {} kB, {} of {} paths to look at\n", command.output,
                                       grouped(static_cast<std::int64_t>(html.size() / 1000)),
                                       grouped(sample.shown() * policies),
                                       grouped(sample.episodes() * policies));
}

}  // namespace

void add_report(Program& program) {
  auto command = std::make_shared<ReportCommand>();
  CLI::App& app = program.add(
      "report",
      "Writes recorded runs as one page for a browser: who wins, how sure, and every step of some paths.",
      "veer evaluate --data ml-1m.h5 --users plan.model.h5 --judge gru=gru.model.h5 --policy nearest \\\n"
      "           --policy random --targets uniform-unseen -o run\n"
      "         veer report run --data ml-1m.h5 --baseline random -o report.html\n\n"
      "The page is one file that asks no network for anything. Runs must hold the same episodes: equal "
      "options but\n"
      "for --policy. A folder of veer stress -o gives its calm runs, and what stress did to each policy.",
      [command](const Session& session) { run_report(*command, session); });
  app.add_option("RUN", command->runs, "run directories (veer evaluate -o) or a folder of veer stress -o")
      ->required()
      ->type_name("DIR");
  app.add_option("--data", command->data, "dataset file of the runs")->required()->type_name("FILE");
  app.add_option("-o,--output", command->output, "page to write")->required()->type_name("FILE");
  app.add_option("--title", command->title, "of the page; default: scenario and data set");
  app.add_option("--paths", command->paths, "most paths to look at step by step, all policies together")
      ->check(positive())
      ->capture_default_str();
  add_method_options(app, command->choice, "POLICY");
}

}  // namespace veer::tools
