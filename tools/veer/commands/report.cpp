// veer report RUN... --data data.h5 -o report.html
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <ostream>
#include <string_view>

#include "env/data/sha256.h"
#include "env/error.h"
#include "env/graph/item_graph.h"
#include "env/store/atomic_file.h"
#include "env/store/dataset_file.h"
#include "env/store/toml_text.h"
#include "scenarios/population_recipe.h"
#include "tools/veer/figures/guidance/difficulty_report.h"
#include "tools/veer/figures/guidance/people_groups.h"
#include "tools/veer/page/report_findings.h"
#include "tools/veer/page/report_page.h"
#include "tools/veer/page/report_stress.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

/// Whether a run says that its people were drawn from this population file.
bool has_population(const RunHeader& header, const std::string& checksum) {
  return header.configuration.find(toml_string("population_sha256") + " = " + toml_string(checksum)) !=
         std::string::npos;
}

struct ReportCommand {
  std::vector<std::string> runs;
  std::string data, output, title;
  MethodChoice choice;
  BudgetOptions budget;
  std::string neutral, by, population;
  std::int64_t paths = 2000;
};

/// The episodes as --by splits them.
EpisodeGroups groups_of_run(const ReportCommand& command, const RunHeader& header, const Dataset& data,
                            const Trajectories& paths) {
  if (command.by == "cohort") {
    if (command.population.empty()) {
      throw ConfigError({{}, 0, "--by"},
                        {"cohort without --population", "the population file of the run", ""});
    }
    if (!has_population(header, sha256_of_file(command.population))) {
      throw ConfigError(
          {command.population, 0, "--population"},
          {"another file than the run was played with", "the one of veer evaluate --population", ""});
    }
    return cohort_groups(read_population_file(command.population), paths, header.seed);
  }
  if (command.by != "difficulty") return people_groups(command.by, data, paths);
  if (header.scenario != "guidance-v1") {
    throw ConfigError({{}, 0, "--by"}, {"difficulty in " + header.scenario,
                                        "history, activity, attribute or cohort", "it is about targets"});
  }
  std::vector<UserId> people = data.users_of(Part::train_plan);
  if (people.empty()) {
    people.resize(at(data.interactions.users()));
    std::iota(people.begin(), people.end(), 0);
  }
  return groups_of(difficulty_of(build_item_graph(data, people), paths));
}

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
  const PathBudget limits = budget_of(command.budget, header.scenario, data.catalogue);
  const bool judged = header.scenario == "guidance-v1";
  std::optional<BudgetReport> budget;
  if (!limits.empty()) budget.emplace(limits, data, header.judges);
  std::optional<EpisodeTrust> seen;
  if (!judged) seen.emplace(data, header.judges);
  std::optional<EpisodeGroups> groups;
  EpisodeCurves curves(judged);
  PathSample sample(data, judged ? header.judges : std::vector<std::string>{},
                    std::max<std::int64_t>(1, command.paths / std::max<std::int64_t>(1, policies)));
  const MethodScores scores = read_methods(runs, parse_methods(command.choice.methods), {}, data,
                                           [&](const std::string& policy, const Trajectories& paths) {
                                             curves.add(policy, paths);
                                             sample.add(policy, paths);
                                             if (budget) budget->add(policy, paths, "policy " + policy);
                                             if (seen) seen->add(policy, paths);
                                             // Where an episode starts does not depend on who plays it.
                                             if (!command.by.empty() && !groups)
                                               groups = groups_of_run(command, header, data, paths);
                                           });
  CrossedOptions options = command.choice.bootstrap;
  options.seed = session.common.seed;
  const CrossedOptions report_options = options;
  const MethodReport report(scores, command.choice.baseline, report_options);
  // Enough that the smallest p-value can survive Holm's correction for all pairs.
  const auto methods = static_cast<std::int32_t>(scores.methods().size());
  options.replicates = std::max(options.replicates, std::min(20'000, 100 * methods * (methods - 1) / 2));
  const CrossedBootstrap bootstrap(scores.people(), options);
  const std::map<std::string, std::string> fits = fits_of_judges(header);
  const TrustPanel trust(scores, seen ? seen->views(scores, fits) : guidance_views(scores, fits),
                         report.baseline(), command.neutral, report_options);
  if (budget) budget->finish(scores.methods(), report.baseline(), report_options);
  Findings findings{.data = data,
                    .runs = summaries,
                    .report = report,
                    .standings = {},
                    .curves = curves,
                    .paths = sample,
                    .trust = trust,
                    .budget = budget ? &*budget : nullptr,
                    .groups = groups ? &*groups : nullptr};
  if (groups) findings.group_tables = method_groups(report, *groups, report_options);
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
                   trust_section(findings),       budget_section(findings), groups_section(findings)};
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
    out["trust"] = trust.json();
    if (budget) out["budget"] = budget->json();
    if (groups) out["by_" + groups->by] = method_groups_json(report, *groups, report_options);
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
  app.add_option("--neutral", command->neutral,
                 "guidance-v1: method that stands for what happens to people anyway; default: the baseline")
      ->type_name("NAME");
  app.add_option("--by", command->by,
                 "also tables by who the people are, as for veer evaluate; cohort needs --population")
      ->check(CLI::IsMember({"difficulty", "cohort", "history", "activity", "attribute"}))
      ->type_name("WHAT");
  app.add_option("--population", command->population, "with --by cohort: population file of the run")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
  add_budget_options(app, command->budget);
}

}  // namespace veer::tools
