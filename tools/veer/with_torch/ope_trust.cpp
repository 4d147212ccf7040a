// veer ope-trust -o DIR
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/runtime.h"
#include "env/store/atomic_file.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/worlds/trust_worlds.h"

namespace veer::tools {
namespace {

std::string study_text(const std::vector<ope::CandidateEstimates>& rows) {
  std::string text = "estimator,candidate,value\n";
  for (const ope::CandidateEstimates& row : rows) {
    for (std::size_t c = 0; c < row.values.size(); ++c) {
      text += fmt::format("{},{},{}\n", row.estimator, c, row.values[c]);
    }
  }
  return text;
}

/// What study_text() wrote. Throws DataError naming the line.
std::vector<ope::CandidateEstimates> read_study(const std::filesystem::path& path, std::size_t candidates) {
  std::ifstream file(path);
  std::vector<ope::CandidateEstimates> rows;
  std::string line;
  std::getline(file, line);
  for (std::int64_t number = 2; std::getline(file, line); ++number) {
    const std::size_t one = line.find(','), two = line.find(',', one + 1);
    try {
      const std::size_t candidate = std::stoul(line.substr(one + 1, two - one - 1));
      if (candidate >= candidates) throw std::out_of_range("candidate");
      ope::Estimate found;
      found.name = line.substr(0, one);
      found.value = std::stod(line.substr(two + 1));
      add_estimates(rows, candidate, candidates, {found});
    } catch (const std::exception&) {
      throw DataError(Where{path, number, ""}, {"'" + line + "'", "estimator,candidate,value",
                                                "remove the file; it will be made again"});
    }
  }
  return rows;
}

std::string settings_of(const TrustCommand& c, const TrustWorld& world, std::uint64_t seed) {
  const JudgingOptions& j = c.judging;
  std::string text = fmt::format(
      "world {}\nseed {}\ngamma {}\nnoise {}\ntruth steps {}\nfit {} updates of {}, width {}, {} folds, {} "
      "draws\n",
      c.world, seed, j.gamma, c.noise, c.truth_steps, j.updates, j.batch, j.hidden, j.folds, j.draws);
  for (std::size_t i = 0; i < world.truth.size(); ++i) {
    text += fmt::format("candidate {}: {} worth {}\n", i, world.candidates[i], world.truth[i]);
  }
  return text;
}

/// A folder holds one study: another one's logs would be counted in.
void open_study(const std::filesystem::path& folder, const std::string& settings) {
  const std::filesystem::path file = folder / "settings.txt";
  std::filesystem::create_directories(folder);
  if (!std::filesystem::exists(file)) {
    write_file_atomically(file, settings);
    return;
  }
  std::ifstream in(file);
  std::ostringstream before;
  before << in.rdbuf();
  if (before.str() == settings) return;
  throw ConfigError(Where{file, 0, ""}, {"a study with other settings or candidates", "the same ones",
                                         "choose another --output"});
}

std::string with_ends(const ope::StudyFigure& f) {
  if (std::isnan(f.mean)) return "-";
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", f.mean, f.low, f.high);
}

void run_ope_trust(const TrustCommand& command, const Session& session) {
  for (const std::string& regime : command.regimes) {
    if (regime == "random" || regime == "expert" || regime == "mixed") continue;
    throw ConfigError({{}, 0, "--regimes"}, {"'" + regime + "'", "random, expert or mixed", ""});
  }
  const TrustWorld world =
      command.world == "discrete" ? discrete_world(command, session) : fusion_world(command, session);
  const std::filesystem::path folder = command.output;
  open_study(folder, settings_of(command, world, session.common.seed));
  const std::size_t candidates = world.candidates.size();
  std::vector<ope::StudyRow> rows;
  {
    const auto cells =
        static_cast<std::int64_t>(command.regimes.size() * command.steps.size()) * command.log_seeds;
    Progress progress(session.console, "ope-trust", "logs", cells);
    std::int64_t done = 0;
    for (const std::string& regime : command.regimes) {
      std::vector<ope::StudyLog> logs;
      for (const std::int64_t steps : command.steps) {
        for (int seed = 1; seed <= command.log_seeds; ++seed) {
          if (interrupted()) throw Interrupted("interrupted; the same command goes on after the last log");
          const std::filesystem::path file = folder / fmt::format("{}-{}-{}.csv", regime, steps, seed);
          ope::StudyLog log{regime, steps, static_cast<std::uint64_t>(seed), {}};
          if (std::filesystem::exists(file)) {
            log.estimates = read_study(file, candidates);
          } else {
            log.estimates = world.estimates(regime, steps, session.common.seed * 1000 + log.seed);
            write_file_atomically(file, study_text(log.estimates));
          }
          logs.push_back(std::move(log));
          progress.update(++done);
        }
      }
      const ope::StudyOptions options{.k = command.k, .seed = session.common.seed};
      for (ope::StudyRow& row : ope::study_table(world.truth, world.behaviour(regime), logs, options)) {
        rows.push_back(std::move(row));
      }
    }
  }
  Table table({"log, estimator", "kendall", "spearman", "regret@1", fmt::format("regret@{}", command.k),
               fmt::format("sharpe@{}", command.k), "error", "said"});
  std::string csv = fmt::format(
      "regime,steps,estimator,logs,said,error,kendall,kendall_low,kendall_high,spearman,spearman_low,"
      "spearman_high,"
      "regret_1,regret_1_low,regret_1_high,regret_{0},regret_{0}_low,regret_{0}_high,sharpe_{0},sharpe_{0}_"
      "low,"
      "sharpe_{0}_high\n",
      command.k);
  for (const ope::StudyRow& row : rows) {
    const std::array figures{&row.kendall, &row.spearman, &row.regret1, &row.regret_k, &row.sharpe_k};
    std::vector<std::string> cells{fmt::format("{} {}, {}", row.regime, row.steps, row.estimator)};
    csv +=
        fmt::format("{},{},{},{},{},{}", row.regime, row.steps, row.estimator, row.logs, row.said, row.error);
    for (const ope::StudyFigure* f : figures) {
      cells.push_back(with_ends(*f));
      csv += fmt::format(",{},{},{}", f->mean, f->low, f->high);
    }
    csv += '\n';
    cells.push_back(fmt::format("{:.3g}", row.error));
    cells.push_back(fmt::format("{:.0f} %", 100.0 * row.said));
    table.add(std::move(cells));
  }
  write_file_atomically(folder / "table.csv", csv);
  if (session.console.json()) {
    nlohmann::ordered_json out{{"candidates", world.candidates}, {"truth", world.truth}};
    for (const ope::StudyRow& row : rows) {
      out["rows"].push_back({{"regime", row.regime},
                             {"steps", row.steps},
                             {"estimator", row.estimator},
                             {"kendall", row.kendall.mean},
                             {"spearman", row.spearman.mean},
                             {"regret_1", row.regret1.mean},
                             {"regret_k", row.regret_k.mean},
                             {"sharpe_k", row.sharpe_k.mean},
                             {"error", row.error},
                             {"said", row.said}});
    }
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  Table truths({"candidate", "true value"});
  for (std::size_t c = 0; c < candidates; ++c) {
    truths.add({world.candidates[c], fmt::format("{:.3f}", world.truth[c])});
  }
  session.console.out() << truths.text() << '\n' << table.text();
  session.console.out() << fmt::format(
      "\nMeans over {} logs; in brackets the central 95 % when the {} candidates are drawn anew. Regrets are "
      "shares of\n"
      "the best candidate's value; said: share of values that an estimator gave at all, the others rank "
      "last.\n",
      command.log_seeds, candidates);
}

}  // namespace

void add_ope_trust(Program& program) {
  auto command = std::make_shared<TrustCommand>();
  CLI::App& app = program.add(
      "ope-trust", "Measures how well off-policy estimates pick policies where the truth is known.",
      "veer ope-trust -o discrete\n         veer ope-trust --world fusion-v1 --steps 20000 --log-seeds 3 -o "
      "fusion\n\n"
      "Logs by regime, size and seed; every candidate judged from every log by every estimator; rank "
      "correlations,\n"
      "regret@k and SharpeRatio@k against the true values. A log's estimates stand in -o once they are "
      "there, and\n"
      "the same command goes on after the last one.\n\n"
      "Worlds: discrete (12 states, 4 actions, values computed) and fusion-v1 (values simulated). The "
      "policies that\n"
      "act are among the candidates. expert: a good policy with noise; mixed: half the time random, half "
      "expert.",
      [command](const Session& session) { run_ope_trust(*command, session); });
  app.add_option("--world", command->world, "discrete or fusion-v1")
      ->check(CLI::IsMember({"discrete", "fusion-v1"}))
      ->capture_default_str();
  app.add_option("-o,--output", command->output, "folder of the study")->required()->type_name("DIR");
  app.add_option("--regimes", command->regimes, "random, expert, mixed")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--steps", command->steps, "sizes of logs")
      ->delimiter(',')
      ->check(positive())
      ->capture_default_str();
  app.add_option("--log-seeds", command->log_seeds, "logs of each regime and size")
      ->check(positive())
      ->capture_default_str();
  app.add_option("--gamma", command->judging.gamma, "discount per step")->capture_default_str();
  app.add_option("-k,--k", command->k, "candidates that are tried: of regret@k and sharpe@k")
      ->capture_default_str();
  const std::string fusion = "fusion-v1";
  app.add_option("--policy", command->policies,
                 "candidates, each with noise; the first is the expert. Default: ten fixed weights")
      ->group(fusion);
  app.add_option("--noise", command->noise, "of candidates and expert, so that their densities are known")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(fusion);
  app.add_option("--truth-steps", command->truth_steps, "simulated pages per candidate")
      ->check(positive())
      ->capture_default_str()
      ->group(fusion);
  app.add_option("--fit-updates", command->judging.updates, "of the Q model, in each fold")
      ->check(positive())
      ->capture_default_str()
      ->group(fusion);
  app.add_option("--fit-batch", command->judging.batch, "steps per update")
      ->check(positive())
      ->capture_default_str()
      ->group(fusion);
  app.add_option("--hidden", command->judging.hidden, "width of its hidden layers")
      ->check(positive())
      ->capture_default_str()
      ->group(fusion);
}

}  // namespace veer::tools
