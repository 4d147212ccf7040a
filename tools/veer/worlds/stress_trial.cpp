#include "tools/veer/worlds/stress_trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "env/error.h"
#include "env/policy_error.h"
#include "env/store/atomic_file.h"
#include "scenarios/stress/trial_record.h"
#include "tools/veer/figures/watching/live_board.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

using namespace stress;
using Json = nlohmann::ordered_json;

/// What is kept of a policy's episodes in one world.
struct Seen {
  std::array<std::vector<float>, gate_figure_names.size()> figures;
  std::vector<float> steps;  ///< step_worth

  const std::vector<float>& of(GateFigure figure) const { return figures[static_cast<std::size_t>(figure)]; }
};

std::string percent(const Estimate& share) {
  if (std::isnan(share.mean)) return "-";
  if (std::isnan(share.low)) return fmt::format("{:.0f} %", 100.0 * share.mean);
  return fmt::format("{:.0f} % ({:.0f} to {:.0f})", 100.0 * share.mean, 100.0 * share.low,
                     100.0 * share.high);
}

Json json_of(const Estimate& e) { return {{"mean", e.mean}, {"low", e.low}, {"high", e.high}}; }

double sum_of(const std::vector<double>& curve) {
  double sum = 0.0;
  for (const double value : curve) sum += value;
  return sum;
}

class TrialRun {
 public:
  TrialRun(World& world, const std::vector<Entrant>& entrants, const TrialOptions& options,
           const Console& console)
      : world_(world),
        entrants_(entrants),
        options_(options),
        console_(console),
        failures_(entrants.size()) {}

  /// One entry per entrant, in their order; nothing of those that failed in any world so far. `test`: what
  /// happens in this world, null in the calm one, which is played first.
  std::vector<std::optional<Seen>> play_world(const std::string& name, const StressTest* test) {
    const bool mixed = test != nullptr && test->has(PerturbationKind::cohort_mix);
    const std::vector<Entrant> playing =
        test == nullptr ? entrants_ : world_.told(entrants_, test->perturbations, options_.play.seed);
    stressed_ = {};
    std::vector<std::optional<Seen>> out(entrants_.size());
    const auto keep = [&](const std::string& policy, const Trajectories& episodes) {
      if (calm_.episode.empty()) calm_ = starts_of(episodes);
      if (stressed_.episode.empty()) stressed_ = starts_of(episodes);
      if (episodes.episode_id != calm_.episode || episodes.episode_user != stressed_.person ||
          (!mixed && stressed_.person != calm_.person)) {
        throw DataError({{}, 0, "policy " + policy},
                        {"other episodes in " + name, "those of the calm world", ""});
      }
      Seen& played = out[place_of(policy)].emplace();
      for (std::size_t f = 0; f < played.figures.size(); ++f) {
        played.figures[f] = figure_of(episodes, static_cast<GateFigure>(f));
      }
      played.steps = step_worth(episodes, world_.scenario().spec().horizon, options_.worth);
    };
    if (options_.watch != nullptr) options_.watch->begin(name);
    Played result;
    if (options_.output.empty()) {
      result = play(world_, playing, options_.play, console_, keep);
    } else {
      result = play_into(options_.output / name, world_, playing, options_.play, console_, keep);
    }
    for (const FailedPolicy& each : result.failed) {
      std::string& failure = failures_[place_of(each.policy)];
      if (failure.empty()) failure = fmt::format("in {}: {}", name, each.reason);
    }
    return out;
  }

  /// Per entrant; empty for those that keep their contract.
  std::span<const std::string> failures() const { return failures_; }

  std::span<const UserId> people() const { return calm_.person; }
  /// Of the world played last.
  std::span<const UserId> guests() const { return stressed_.person; }
  std::vector<std::uint8_t> hit(const StressTest& test) const {
    if (stressed_.episode.empty()) return {};  // every policy failed
    return hit_by(test, options_.play.seed, calm_, stressed_);
  }

 private:
  std::size_t place_of(const std::string& policy) const {
    return static_cast<std::size_t>(std::ranges::find(entrants_, policy, &Entrant::name) - entrants_.begin());
  }

  World& world_;
  const std::vector<Entrant>& entrants_;
  const TrialOptions& options_;
  const Console& console_;
  std::vector<std::string> failures_;
  EpisodeStarts calm_, stressed_;
};

/// The world is calm again however a trial ends.
class StressGuard {
 public:
  explicit StressGuard(World& world) : world_(world) {}
  ~StressGuard() { world_.put_under_stress({}); }
  StressGuard(const StressGuard&) = delete;
  StressGuard& operator=(const StressGuard&) = delete;

 private:
  World& world_;
};

/// What cannot be played here is said before the work.
void check_world(World& world, const StressSuite& suite) {
  for (const StressTest& test : suite.tests) {
    for (const Perturbation& each : test.perturbations) {
      const std::int32_t horizon = world.scenario().spec().horizon;
      if (each.schedule.onset >= horizon) {
        throw ConfigError(
            {suite.file, each.line, "test '" + test.name + "': onset"},
            {std::to_string(each.schedule.onset),
             "less than the " + std::to_string(horizon) + " steps of an episode", "it would never begin"});
      }
      try {
        world.put_under_stress({each});
      } catch (const ConfigError& error) {
        throw ConfigError(
            fmt::format("{}:{}: test '{}': {}", suite.file.string(), each.line, test.name, error.what()));
      }
    }
    for (const StressGate& gate : test.gates) {
      if (gate.figure != GateFigure::purchases || !world.has_slates()) continue;
      throw ConfigError({suite.file, gate.line, "test '" + test.name + "': gate: figure"},
                        {"purchases in " + world.scenario().spec().id + ", where nobody buys",
                         "return, length or taken", ""});
    }
  }
}

}  // namespace

Trial run_trial(World& world, const std::vector<Entrant>& entrants, const StressSuite& suite,
                const TrialOptions& options, const Console& console) {
  if (!world.has_sessions() && !world.has_slates()) {
    throw ConfigError({{}, 0, "--scenario"},
                      {world.scenario().spec().id, "session-v1 or slate-v1", "stress is what people answer"});
  }
  const auto baseline =
      static_cast<std::size_t>(std::find_if(entrants.begin(), entrants.end(),
                                            [&](const Entrant& e) { return e.name == options.baseline; }) -
                               entrants.begin());
  if (suite.compares() && baseline == entrants.size()) {
    throw ConfigError({{}, 0, "--baseline"}, {"'" + options.baseline + "'", "one of the policies that play",
                                              "the suite has gates that compare with it"});
  }
  const StressGuard guard(world);
  check_world(world, suite);
  TrialRun run(world, entrants, options, console);
  world.put_under_stress({});
  if (!options.output.empty()) {
    std::filesystem::create_directories(options.output);
    write_file_atomically(options.output / trial_record_name, trial_record_text(suite, options.baseline));
  }
  console.note("stress: the calm world");
  const std::vector<std::optional<Seen>> calm = run.play_world("calm", nullptr);
  Trial out;
  out.suite = suite;
  out.episodes = options.play.episodes;
  for (const Entrant& entrant : entrants) out.policies.push_back({entrant.name, {}, {}, Verdict::undecided});
  const CrossedOptions bootstrap{.seed = options.play.seed};
  const std::int32_t horizon = world.scenario().spec().horizon;
  for (std::size_t t = 0; t < suite.tests.size(); ++t) {
    const StressTest& test = suite.tests[t];
    console.note(fmt::format("stress: test {} of {}, {}", t + 1, suite.tests.size(), test.name));
    world.put_under_stress(test.perturbations);
    const std::vector<std::optional<Seen>> stressed = run.play_world(test.name, &test);
    const std::vector<std::uint8_t> hit = run.hit(test);
    for (std::size_t p = 0; p < entrants.size(); ++p) {
      if (!calm[p] || !stressed[p]) {
        out.policies[p].tests.emplace_back();
        continue;
      }
      out.policies[p].tests.push_back(resilience_of(calm[p]->steps, stressed[p]->steps, horizon, test,
                                                    run.people(), hit, bootstrap, run.guests()));
      for (std::size_t g = 0; g < test.gates.size(); ++g) {
        const StressGate& gate = test.gates[g];
        const bool compares = gate.rule == GateRule::not_worse;
        if (compares && (p == baseline || !stressed[baseline])) continue;
        const Seen* other = compares ? &*stressed[baseline] : nullptr;
        const auto evidence = weigh_gate(
            gate, stressed[p]->of(gate.figure), calm[p]->of(gate.figure),
            other != nullptr ? std::span<const float>(other->of(gate.figure)) : std::span<const float>(),
            run.guests(), run.people(), bootstrap);
        out.policies[p].gates.push_back({t, g, evidence, Verdict::undecided});
      }
    }
  }
  if (run.people().empty()) throw PolicyError("stress: no policy played to its end");
  out.people = CrossedBootstrap(run.people(), {.replicates = 1}).people();
  for (std::size_t p = 0; p < entrants.size(); ++p) out.policies[p].failure = run.failures()[p];
  const bool no_baseline = suite.compares() && !out.policies[baseline].failure.empty();
  for (TestedPolicy& policy : out.policies) {
    if (!policy.failure.empty()) {
      policy.gates.clear();
      policy.verdict = Verdict::fail;
      continue;
    }
    std::vector<GateEvidence> evidence;
    for (const TestedGate& gate : policy.gates) evidence.push_back(gate.evidence);
    const std::vector<Verdict> verdicts = decide(evidence, options.level);
    for (std::size_t g = 0; g < verdicts.size(); ++g) policy.gates[g].verdict = verdicts[g];
    policy.verdict = overall(verdicts);
    // Gates that compare with a baseline that failed were not weighed.
    if (no_baseline && policy.verdict == Verdict::pass) policy.verdict = Verdict::undecided;
  }
  return out;
}

std::string trial_text(const Trial& trial, const Console& console) {
  std::string out;
  for (const TestedPolicy& policy : trial.policies) {
    if (!policy.failure.empty()) {
      out += fmt::format("{}\n{}\n\n", console.bold(fmt::format("{}: fail", policy.policy)), policy.failure);
      continue;
    }
    Table table(
        {"test", "calm", "stressed", "drop", "lost", "of those hit", "recovers", "gate", "slack", "verdict"});
    for (std::size_t t = 0; t < trial.suite.tests.size(); ++t) {
      const StressTest& test = trial.suite.tests[t];
      const Resilience& found = policy.tests[t];
      std::vector<std::string> row{test.name,
                                   fmt::format("{:.2f}", sum_of(found.calm)),
                                   fmt::format("{:.2f}", sum_of(found.stressed)),
                                   percent(found.drop),
                                   percent(found.lost),
                                   percent(found.lost_hit),
                                   found.recovery < 0 ? "never" : fmt::format("{} steps", found.recovery)};
      bool first = true;
      for (const TestedGate& gate : policy.gates) {
        if (gate.test != t) continue;
        if (!first) row.assign(7, "");
        first = false;
        const Estimate& slack = gate.evidence.slack;
        row.push_back(gate_text(test.gates[gate.gate]));
        row.push_back(std::isnan(slack.low)
                          ? fmt::format("{:+.2f}", slack.mean)
                          : fmt::format("{:+.2f} ({:.2f} to {:.2f})", slack.mean, slack.low, slack.high));
        row.emplace_back(name_of(gate.verdict));
        table.add(row);
      }
      if (first) {
        row.insert(row.end(), {"", "", ""});
        table.add(row);
      }
    }
    out +=
        fmt::format("{}\n{}\n", console.bold(fmt::format("{}: {}", policy.policy, name_of(policy.verdict))),
                    table.text());
  }
  std::string mixed;
  for (const StressTest& test : trial.suite.tests) {
    if (test.has(PerturbationKind::cohort_mix)) mixed += (mixed.empty() ? "" : ", ") + test.name;
  }
  out += fmt::format(
      "{} episodes of {} people per policy and test, the same in all worlds. calm, stressed: "
      "what an episode\n"
      "brought; drop: share of the calm world's worth lost in the three steps from the onset "
      "on; lost: from\n"
      "there to the end; recovers: steps until the loss stays within a tenth; slack: what a "
      "gate asks for is\n"
      "0 or more. Brackets: 95 % intervals over people. Verdicts: one-sided tests, the chance "
      "of any wrong\n"
      "pass among a policy's gates at most 5 % (Holm); undecided: play more --episodes.\n",
      trial.episodes, trial.people);
  if (!mixed.empty()) {
    out += fmt::format("In {} other people come: lost is what they bring less.\n", mixed);
  }
  return out;
}

Json trial_json(const Trial& trial) {
  Json out{{"suite", trial.suite.name}, {"episodes", trial.episodes}, {"people", trial.people}};
  out["policies"] = Json::array();
  for (const TestedPolicy& policy : trial.policies) {
    Json entry{{"policy", policy.policy}, {"verdict", name_of(policy.verdict)}};
    if (!policy.failure.empty()) entry["failure"] = policy.failure;
    entry["gates"] = Json::array();
    for (const TestedGate& gate : policy.gates) {
      const StressTest& test = trial.suite.tests[gate.test];
      const StressGate& asked = test.gates[gate.gate];
      entry["gates"].push_back({{"test", test.name},
                                {"figure", gate_figure_names[static_cast<std::size_t>(asked.figure)]},
                                {"rule", gate_rule_names[static_cast<std::size_t>(asked.rule)]},
                                {"bound", asked.bound},
                                {"slack", json_of(gate.evidence.slack)},
                                {"p_pass", gate.evidence.p_pass},
                                {"p_fail", gate.evidence.p_fail},
                                {"verdict", name_of(gate.verdict)}});
    }
    entry["tests"] = Json::array();
    for (std::size_t t = 0; t < policy.tests.size(); ++t) {
      const Resilience& found = policy.tests[t];
      entry["tests"].push_back({{"test", trial.suite.tests[t].name},
                                {"onset", found.onset},
                                {"calm", found.calm},
                                {"stressed", found.stressed},
                                {"drop", json_of(found.drop)},
                                {"lost", json_of(found.lost)},
                                {"lost_hit", json_of(found.lost_hit)},
                                {"recovery", found.recovery < 0 ? Json() : Json(found.recovery)}});
    }
    out["policies"].push_back(std::move(entry));
  }
  return out;
}

std::string trial_csv(const Trial& trial) {
  std::string out = "policy,test,step,calm,stressed\n";
  for (const TestedPolicy& policy : trial.policies) {
    for (std::size_t t = 0; t < policy.tests.size(); ++t) {
      const Resilience& found = policy.tests[t];
      for (std::size_t k = 0; k < found.calm.size(); ++k) {
        out += fmt::format("\"{}\",{},{},{:.6g},{:.6g}\n", policy.policy, trial.suite.tests[t].name, k,
                           found.calm[k], found.stressed[k]);
      }
    }
  }
  return out;
}

}  // namespace veer::tools
