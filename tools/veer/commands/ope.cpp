// veer ope LOG
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "env/error.h"
#include "scenarios/ope/bandit.h"
#include "scenarios/ope/evidence.h"
#include "scenarios/ope/log_table.h"
#include "scenarios/ope/release.h"
#include "scenarios/ope/sequential.h"
#include "scenarios/ope/slates.h"
#include "tools/veer/program.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/worlds/fusion_material.h"
#include "tools/veer/worlds/policy_on_log.h"

namespace veer::tools {
namespace {

struct OpeCommand {
  std::string log;
  std::string actions = "discrete";
  ope::TableOptions table;
  ope::BanditOptions bandit;
  ope::EvidenceOptions evidence;
  std::int32_t replicates = 1000;
  std::optional<double> margin;  ///< of --release
  // Of a log of transitions.
  std::string policy, acted;
  JudgingOptions judging;
};

/// All that is said about one log.
struct OpeReport {
  std::string unit;  ///< "rows" or "trajectories"
  std::int64_t units = 0, steps = 0, clusters = 0, truncated = 0;
  ope::Estimate behaviour;
  std::vector<ope::Estimate> estimates;
  ope::Evidence evidence;
  std::vector<std::string> against_release;
  std::string target, without_weights;  ///< of a log of transitions, see PolicyOnLog
  std::int64_t estimated_contexts = 0;  ///< see BanditLog
};

const ope::Estimate* named(const OpeReport& report, std::string_view name) {
  const auto found = std::find_if(report.estimates.begin(), report.estimates.end(),
                                  [&](const ope::Estimate& e) { return e.name == name; });
  return found == report.estimates.end() ? nullptr : &*found;
}

/// What both kinds of log have in common. `estimators` of `log`, `by_model` and `by_weights` lead the
/// release.
template <class Log, class Estimators, class Judge>
OpeReport report_of(const Log& log, const Estimators& estimators, const Judge& judge,
                    const OpeCommand& command, Summariser& summariser) {
  OpeReport report;
  report.behaviour = ope::behaviour_value(log, summariser);
  for (const auto estimator : estimators) {
    if (!ope::needs_model(estimator) || !log.q_hat.empty()) report.estimates.push_back(judge(estimator));
  }
  report.evidence = ope::evidence_of(log, command.evidence, summariser);
  report.units = report.evidence.units;
  report.steps = static_cast<std::int64_t>(log.reward.size());
  report.clusters = static_cast<std::int64_t>(ope::places_of(log.cluster, report.units).count);
  report.estimated_contexts = log.estimated_contexts;
  return report;
}

OpeReport report_on(const ope::BanditLog& log, const OpeCommand& command, Summariser& summariser) {
  OpeReport report = report_of(
      log, ope::bandit_estimators(),
      [&](ope::BanditEstimator e) { return ope::estimate(log, e, command.bandit, summariser); }, command,
      summariser);
  report.unit = "rows";
  return report;
}

OpeReport report_on(const ope::TrajectoryLog& log, const OpeCommand& command, Summariser& summariser) {
  OpeReport report = report_of(
      log, ope::sequential_estimators(),
      [&](ope::SequentialEstimator e) { return ope::estimate(log, e, summariser); }, command, summariser);
  report.unit = "trajectories";
  report.truncated = std::count(log.end.begin(), log.end.end(), ope::StepEnd::truncated);
  return report;
}

OpeReport report_on(const ope::SlateLog& log, const OpeCommand& command, Summariser& summariser) {
  OpeReport report = report_of(
      log.positions, std::span<const ope::SequentialEstimator>(),
      [&](ope::SequentialEstimator e) { return ope::estimate(log.positions, e, summariser); }, command,
      summariser);
  for (const ope::SlateEstimator e : ope::slate_estimators()) {
    report.estimates.push_back(ope::estimate(log, e, summariser));
  }
  report.unit = "slates";
  return report;
}

/// Of a log of transitions: all estimators, or the fitted model alone where there are no weights.
OpeReport report_on(const PolicyOnLog& judged, const OpeCommand& command, Summariser& summariser) {
  OpeReport report;
  if (judged.reason.empty()) {
    report = report_on(judged.log, command, summariser);
  } else {
    const ope::TrajectoryLog& log = judged.log;
    report.unit = "trajectories";
    report.units = log.trajectories();
    report.steps = log.steps();
    report.clusters = static_cast<std::int64_t>(ope::places_of(log.cluster, report.units).count);
    report.truncated = std::count(log.end.begin(), log.end.end(), ope::StepEnd::truncated);
    report.behaviour = ope::behaviour_value(log, summariser);
    report.estimates = {ope::estimate(log, ope::SequentialEstimator::dm, summariser)};
    report.evidence.units = report.units;
    report.evidence.objections = {judged.reason};
  }
  report.estimates.push_back(judged.linear);
  report.target = judged.target;
  report.without_weights = judged.reason;
  return report;
}

/// The most trustworthy estimator that uses weights: robust where there is a model, self-normalised else.
const ope::Estimate& lead_of(const OpeReport& report) {
  for (const char* name : {"wdr", "sndr", "sn-pdis", "snips", "sn-rips"}) {
    if (const ope::Estimate* found = named(report, name)) return *found;
  }
  return report.estimates.front();
}

std::string ope_number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4g}", value); }
std::string ope_percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.2g} %", 100.0 * share);
}

std::string overlap_text(const OpeReport& report) {
  const ope::Evidence& found = report.evidence;
  std::string text = fmt::format(
      "\nOverlap: the weights are worth {:.4g} of {} {}, the largest is {} of all of them. The policy would\n"
      "never have produced {} of the log. Mean importance ratio {:.3f} +- {:.3f}; 1 expected.\n",
      found.effective_sample_size, grouped(found.units), report.unit, ope_percent(found.largest_share),
      ope_percent(found.zero_share), found.mean_ratio, found.mean_ratio_error);
  if (report.steps != report.units) {
    text +=
        fmt::format("The weights hold for the first {} of {} steps.\n", found.usable_steps, found.longest);
  }
  return text;
}

std::string ope_text(const OpeReport& report, const OpeCommand& command) {
  std::string text = fmt::format("{}: {} {}", command.log, grouped(report.units), report.unit);
  if (report.steps != report.units) text += fmt::format(" of {} steps", grouped(report.steps));
  if (report.clusters != report.units) text += fmt::format(", {} clusters", grouped(report.clusters));
  Table table({"estimator", "value", "95 % interval", "error", "sample size", "largest weight"});
  const auto add = [&](const ope::Estimate& e) {
    table.add({e.name, ope_number(e.value),
               std::isnan(e.low) ? "-" : fmt::format("{} to {}", ope_number(e.low), ope_number(e.high)),
               ope_number(e.standard_error < 1e-12 * std::abs(e.value) ? 0.0 : e.standard_error),
               ope_number(e.effective_sample_size), ope_percent(e.largest_share)});
  };
  add(report.behaviour);
  for (const ope::Estimate& e : report.estimates) add(e);
  if (!report.target.empty()) text += "\nPolicy in question: " + report.target;
  text += "\n\n" + table.text();
  if (!report.without_weights.empty()) {
    text += "\nNo importance weights: " + report.without_weights + ".\n";
  } else {
    text += overlap_text(report);
  }
  if (report.estimated_contexts > 0) {
    text += fmt::format(
        "The log does not say how likely its actions were: frequencies in {} contexts stand for it. What the "
        "acting\n"
        "policy looked at beside the context is taken for chance.\n",
        grouped(report.estimated_contexts));
  }
  if (named(report, "dm") != nullptr) {
    text += named(report, "linear-q") == nullptr
                ? "The interval of dm leaves out how wrong its model may be.\n"
                : "The intervals of dm and linear-q leave out how wrong their models may be.\n";
  }
  if (report.truncated > 0) {
    text += fmt::format(
        "{} of {} trajectories are cut off: estimates are about what came before the cut, dm about all "
        "that its model counts.\n",
        grouped(report.truncated), grouped(report.units));
  }
  return text;
}

nlohmann::ordered_json ope_json(const ope::Estimate& e) {
  return {{"estimator", e.name},
          {"value", e.value},
          {"low", e.low},
          {"high", e.high},
          {"standard_error", e.standard_error},
          {"interval", name_of(e.interval)},
          {"effective_sample_size", e.effective_sample_size},
          {"largest_share", e.largest_share}};
}

nlohmann::ordered_json ope_json(const OpeReport& report, const OpeCommand& command) {
  const ope::Evidence& found = report.evidence;
  nlohmann::ordered_json out{{"log", command.log},
                             {"unit", report.unit},
                             {"units", report.units},
                             {"steps", report.steps},
                             {"clusters", report.clusters},
                             {"truncated", report.truncated},
                             {"behaviour_estimated_in_contexts", report.estimated_contexts},
                             {"behaviour", ope_json(report.behaviour)}};
  out["estimates"] = nlohmann::ordered_json::array();
  for (const ope::Estimate& e : report.estimates) out["estimates"].push_back(ope_json(e));
  out["evidence"] = {{"effective_sample_size", found.effective_sample_size},
                     {"largest_share", found.largest_share},
                     {"zero_share", found.zero_share},
                     {"mean_ratio", found.mean_ratio},
                     {"mean_ratio_error", found.mean_ratio_error},
                     {"longest", found.longest},
                     {"usable_steps", found.usable_steps},
                     {"enough", found.enough()},
                     {"objections", found.objections}};
  if (!report.target.empty()) out["policy"] = report.target;
  if (command.margin) out["release"] = {{"margin", *command.margin}, {"objections", report.against_release}};
  return out;
}

PolicyOnLog judge_transitions(const OpeCommand& command, const Session& session) {
  if (command.policy.empty()) {
    throw ConfigError({{}, 0, "--policy"},
                      {"nothing", "the policy to judge on " + command.log,
                       "such as random, weights:click=1 or fusion_agent:model=agent.model.h5"});
  }
  const TransitionLog log = std::filesystem::is_directory(command.log)
                                ? log_of_run(command.log, command.acted)
                                : read_transitions(command.log);
  JudgingOptions options = command.judging;
  options.gamma = command.table.gamma;
  return judge_on_log(log, policy_for_log(log, command.log, command.policy, session), options, session);
}

void refuse_options_of_transitions(const OpeCommand& command) {
  if (command.policy.empty() && command.judging.smooth == 0.0) return;
  throw ConfigError({{}, 0, command.policy.empty() ? "--smooth" : "--policy"},
                    {"a log in text, whose column 'target' is the policy",
                     "a log of transitions, x.log.h5, or a run", "veer log makes such logs"});
}

void run_ope(const OpeCommand& command, const Session& session) {
  ope::TableOptions options = command.table;
  options.actions.space =
      command.actions == "continuous" ? ope::ActionSpace::continuous : ope::ActionSpace::discrete;
  if (!(options.gamma >= 0.0 && options.gamma < 1.0)) {  // also where a log of decisions would not read it
    throw ConfigError(Where{{}, 0, "--gamma"},
                      {fmt::format("{}", options.gamma), "a discount of at least 0 and below 1", ""});
  }
  Summariser summariser({.replicates = command.replicates, .seed = session.common.seed});
  OpeReport report;
  if (command.log.ends_with(".h5") || std::filesystem::is_directory(command.log)) {
    report = report_on(judge_transitions(command, session), command, summariser);
  } else {
    refuse_options_of_transitions(command);
    const ope::LoggedData data = ope::read_table(command.log, options);
    report = std::visit([&](const auto& log) { return report_on(log, command, summariser); }, data);
  }
  if (command.margin) {
    report.against_release =
        ope::objections_to_release(report.behaviour, named(report, "dm"), lead_of(report), *command.margin);
  }
  if (session.console.json()) {
    session.console.out() << ope_json(report, command).dump(2) << '\n';
  } else {
    session.console.out() << ope_text(report, command);
  }
  if (!report.evidence.enough()) {
    throw VerificationError(
        fmt::format("{}: too little evidence to believe any estimate that uses weights: {}", command.log,
                    fmt::join(report.evidence.objections, "; ")));
  }
  if (!report.against_release.empty()) {
    throw VerificationError(
        fmt::format("{}: not to be released: {}", command.log, fmt::join(report.against_release, "; ")));
  }
}

}  // namespace

void add_ope(Program& program) {
  auto command = std::make_shared<OpeCommand>();
  CLI::App& app = program.add(
      "ope",
      "Estimates from logs what a policy would have earned that did not act, and how far to trust that.",
      "veer ope decisions.csv --release 0\n"
      "         veer ope random.log.h5 --policy weights:click=1 --smooth 0.3\n\n"
      "LOG is comma-separated with a header line (scenarios/ope/OPE_LOG_FORMAT.md has all rules):\n"
      "  reward,behaviour,target              one decision a row: what came of the action, how likely it "
      "was\n"
      "                                       under the policy that acted, and under the one in question\n"
      "  episode,step,reward,behaviour,target,end\n"
      "                                       steps of episodes; end is empty, terminated or truncated\n"
      "  q_hat,v_hat                          optional: a model's value of the logged action, and of the "
      "policy\n"
      "                                       in question; adds dm, dr and their kin\n"
      "  slate,position,reward,behaviour,target\n"
      "                                       positions of slates, from the top; each item's probability is "
      "given\n"
      "                                       those above it\n"
      "  cluster                              optional: whose row it is; intervals resample clusters\n"
      "  action,context                       instead of behaviour: frequencies of actions by context stand "
      "for it\n\n"
      "A log of transitions (x.log.h5, veer log), or a run of veer evaluate --scenario fusion-v1, holds "
      "states and\nactions instead; --policy names the policy, a Q model is fitted to the log, and weights "
      "follow from the policy's density where it has one.\n\n"
      "Exit code 5 where the log says too little about the policy: a few rows carry all weight, or the mean\n"
      "importance ratio is not 1. The table is printed all the same; the reason is on stderr.",
      [command](const Session& session) { run_ope(*command, session); });
  app.add_option("LOG", command->log, "the log")->required()->type_name("FILE");
  const std::string transitions = "Logs of transitions (x.log.h5, runs of fusion-v1)";
  app.add_option("--policy", command->policy, "the policy in question: random, or one of veer evaluate")
      ->type_name("P")
      ->group(transitions);
  app.add_option("--acted", command->acted, "of a run of several policies: whose decisions are the log")
      ->type_name("P")
      ->group(transitions);
  app.add_option("--smooth", command->judging.smooth,
                 "judge the policy with truncated normal noise of this deviation, whose density is known")
      ->check(CLI::PositiveNumber)
      ->type_name("SIGMA")
      ->group(transitions);
  app.add_option("--fit-updates", command->judging.updates, "of the Q model, in each fold")
      ->check(positive())
      ->capture_default_str()
      ->group(transitions);
  app.add_option("--fit-batch", command->judging.batch, "steps per update")
      ->check(positive())
      ->capture_default_str()
      ->group(transitions);
  app.add_option("--hidden", command->judging.hidden, "width of its two hidden layers")
      ->check(positive())
      ->capture_default_str()
      ->group(transitions);
  app.add_option("--folds", command->judging.folds,
                 "groups of people; each is judged by a model of the others")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str()
      ->group(transitions);
  app.add_option("--draws", command->judging.draws, "actions per state of a policy that draws")
      ->check(positive())
      ->capture_default_str()
      ->group(transitions);
  app.add_option("--conservatism", command->judging.conservatism,
                 "presses down the model where the log has no action (Conservative OPE: 5e-4)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(transitions);
  app.add_flag("!--linear-features", command->judging.quadratic,
               "linear-q: without products of features, for logs of millions of steps")
      ->group(transitions);
  app.add_flag("--until-cut", command->judging.until_cut,
               "values are about the logged stretch: nothing follows a session that was cut off")
      ->group(transitions);
  app.add_option("--gamma", command->table.gamma, "discount per step of an episode, at least 0 and below 1")
      ->capture_default_str();
  app.add_option("--actions", command->actions,
                 "discrete: propensities are probabilities; continuous: densities, which may exceed 1")
      ->check(CLI::IsMember({"discrete", "continuous"}))
      ->capture_default_str();
  app.add_flag(
      "--deterministic", command->table.actions.deterministic_target,
      "the policy in question is: target must be 0 or 1; refused for continuous actions, where it has "
      "no density");
  app.add_option("--clip", command->bandit.clip, "largest weight of clipped-ips and clipped-dr")
      ->capture_default_str();
  app.add_option("--switch-at", command->bandit.switch_at, "largest weight that switch-dr uses")
      ->capture_default_str();
  app.add_option("--shrinkage", command->bandit.shrinkage, "of dros: 0 is dm, large ones come to dr")
      ->capture_default_str();
  app.add_option("--sub-gaussian", command->bandit.sub_gaussian,
                 "of sg-ips and sg-dr: 0 plain to 1 without weights")
      ->capture_default_str();
  app.add_option("--least-ess-share", command->evidence.least_ess_share,
                 "smallest effective sample size, as a share of all rows or trajectories")
      ->capture_default_str();
  app.add_option("--most-weight-share", command->evidence.most_weight_share,
                 "largest share of one row or trajectory in all weights")
      ->capture_default_str();
  app.add_option(
         "--release", command->margin,
         "also a gate: the interval of wdr or sndr (without a model of sn-pdis or snips) must begin above "
         "the acting policy's value less this share of it, and dm must agree; else exit code 5")
      ->check(CLI::NonNegativeNumber)
      ->type_name("SHARE");
  app.add_option("--replicates", command->replicates, "of the bootstrap")
      ->check(positive())
      ->capture_default_str();
}

}  // namespace veer::tools
