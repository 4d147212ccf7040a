#include "tools/veer/page/report_stress.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "env/error.h"
#include "env/store/run/run_directory.h"
#include "rewards/slate.h"
#include "scenarios/slate/slate_worlds.h"
#include "scenarios/stress/gates.h"
#include "scenarios/stress/perturbed_users.h"
#include "scenarios/stress/resilience.h"
#include "scenarios/stress/trial_record.h"
#include "tools/veer/page/html.h"
#include "tools/veer/page/svg_chart.h"

namespace veer::tools {
namespace {

using namespace stress;

/// What a run of a trial says about its world.
struct StressWorld {
  AnswerWorth worth;
  std::int32_t horizon = 1;  ///< 0: as long as the longest of its episodes
  StressTest test;
};

[[noreturn]] void no_trial(const std::filesystem::path& directory, const std::string& key) {
  throw FormatError(
      {directory / "run.toml", 0, "configuration." + key},
      {"no such value", "what veer stress -o writes", "give one of its runs alone to see that"});
}

Perturbation perturbation_of(const toml::array& entry, const std::filesystem::path& directory) {
  const auto number = [&](std::size_t place) {
    const auto value = entry.get(place) == nullptr ? std::nullopt : entry.get(place)->value<double>();
    if (!value || !std::isfinite(*value) || std::abs(*value) > 1e9) no_trial(directory, "stress");
    return *value;
  };
  const auto kind = entry.empty() ? std::nullopt : entry.get(0)->value<std::string>();
  const auto found = std::find(perturbation_names.begin(), perturbation_names.end(), kind.value_or(""));
  if (found == perturbation_names.end()) no_trial(directory, "stress");
  Perturbation out;
  out.kind = static_cast<PerturbationKind>(found - perturbation_names.begin());
  out.schedule = {static_cast<std::int32_t>(number(1)), static_cast<std::int32_t>(number(2)),
                  static_cast<std::int32_t>(number(3))};
  out.intensity = static_cast<float>(number(4));
  out.share = static_cast<float>(number(5));
  if (out.kind == PerturbationKind::cohort_mix) {
    const auto text = [&](const toml::node* node) {
      const auto value = node == nullptr ? std::nullopt : node->value<std::string>();
      if (!value) no_trial(directory, "stress");
      return *value;
    };
    const auto by = std::ranges::find(cohort_by_names, text(entry.get(6)));
    if (by == cohort_by_names.end()) no_trial(directory, "stress");
    out.by = static_cast<CohortBy>(by - cohort_by_names.begin());
    out.group = text(entry.get(7));
  }
  return out;
}

StressWorld world_of(const std::filesystem::path& directory, const RunHeader& header) {
  StressWorld out;
  toml::table table;
  try {
    table = toml::parse(header.configuration);
  } catch (const toml::parse_error&) {
    no_trial(directory, "stress");
  }
  const auto worth = [&](const char* key) {
    const auto value = table[key].value<double>();
    if (!value) no_trial(directory, key);
    return static_cast<float>(*value);
  };
  if (header.scenario == "slate-v1") {
    const auto name = table["world"].value<std::string>();
    if (!name) no_trial(directory, "world");
    const SlateWorldEntry& slates = slate_world(*name);
    out.worth.slate = slate_worth(slates.reward, slates.slots);
    out.horizon = 0;
  } else {
    out.worth = {
        .click = worth("click_reward"), .purchase = worth("purchase_reward"), .skip = worth("skip_cost")};
    const auto horizon = table["horizon"].value<std::int64_t>();
    if (!horizon || *horizon < 1 || *horizon > 1'000'000) no_trial(directory, "horizon");
    out.horizon = static_cast<std::int32_t>(*horizon);
  }
  out.test.name = directory.filename().string();
  if (const toml::array* list = table["stress"].as_array()) {
    for (const toml::node& entry : *list) {
      if (!entry.is_array()) no_trial(directory, "stress");
      out.test.perturbations.push_back(perturbation_of(*entry.as_array(), directory));
    }
  }
  return out;
}

std::string words_of(const Perturbation& each) {
  std::string when = fmt::format("from step {}", each.schedule.onset);
  if (each.schedule.duration > 0) when += fmt::format(" for {} steps", each.schedule.duration);
  if (each.schedule.ramp > 0) when += fmt::format(", growing over {}", each.schedule.ramp);
  if (each.kind == PerturbationKind::cohort_mix) {
    return fmt::format("{}: {:.0f} % of the episodes are of the people whose {} is {}",
                       perturbation_names[static_cast<std::size_t>(each.kind)],
                       100.0 * double{each.intensity}, cohort_by_names[static_cast<std::size_t>(each.by)],
                       each.group);
  }
  return fmt::format("{} {:g}, {}, in {:.0f} % of the episodes",
                     perturbation_names[static_cast<std::size_t>(each.kind)], each.intensity, when,
                     100.0 * each.share);
}

constexpr double gate_level = 0.05;  ///< of wrong passes, and of wrong fails, as veer stress has it

std::string share_cell(const Estimate& e) {
  if (!std::isfinite(e.mean)) return "-";
  if (!std::isfinite(e.low)) return fmt::format("{:.0f} %", 100.0 * e.mean);
  return fmt::format("{:.0f} % ({:.0f} to {:.0f})", 100.0 * e.mean, 100.0 * e.low, 100.0 * e.high);
}

double total(const std::vector<double>& curve) { return std::accumulate(curve.begin(), curve.end(), 0.0); }

std::vector<std::filesystem::path> tests_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().filename() == "calm" || !std::filesystem::exists(entry.path() / "run.toml", ignored))
      continue;
    out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void check_run(const std::filesystem::path& directory, const RunSummary& run, const RunSummary& calm,
               const Dataset& data) {
  if (!run.complete) {
    throw DataError({directory, 0, "segments"},
                    {"an incomplete run", "a complete one", "give the command that began it once more"});
  }
  if (run.header.dataset_fingerprint != data.fingerprint) {
    throw DataError({directory, 0, "dataset"}, {"another data set than " + data.name, "that of --data", ""});
  }
  if (run.header.policies != calm.header.policies || run.header.seed != calm.header.seed ||
      run.header.episodes != calm.header.episodes) {
    throw DataError({directory, 0, "run.toml"},
                    {"other policies or episodes than in calm", "the same",
                     "keep the runs of one veer stress in a folder of their own"});
  }
}

std::string test_part(const std::filesystem::path& directory, std::size_t number, const RunReader& calm,
                      const Dataset& data, const CrossedOptions& options) {
  const RunReader run(directory);
  const RunHeader& header = run.summary().header;
  check_run(directory, run.summary(), calm.summary(), data);
  const StressWorld world = world_of(directory, header);
  if (world.test.perturbations.empty()) no_trial(directory, "stress");
  std::string about;
  for (const Perturbation& each : world.test.perturbations)
    about += (about.empty() ? "" : "; ") + words_of(each);
  HtmlTable table{"Resilience, " + world.test.name,
                  {"policy", "calm", "stressed", "drop at onset", "lost", "lost of those hit", "recovers"},
                  {}};
  std::string charts;
  for (std::size_t p = 0; p < header.policies.size(); ++p) {
    const Trajectories before = calm.read(static_cast<std::int32_t>(p)),
                       after = run.read(static_cast<std::int32_t>(p));
    const bool mixed = world.test.has(PerturbationKind::cohort_mix);
    if (before.episode_id != after.episode_id || (!mixed && before.episode_user != after.episode_user)) {
      throw DataError({directory, 0, "episodes"}, {"other episodes than in calm", "the same", ""});
    }
    std::int32_t horizon = world.horizon;
    for (const Trajectories* episodes : {&before, &after}) {
      for (const std::int32_t length : episodes->length) {
        if (world.horizon == 0) horizon = std::max(horizon, length);
      }
    }
    const std::vector<std::uint8_t> hit =
        hit_by(world.test, header.seed, starts_of(before), starts_of(after));
    const Resilience found =
        resilience_of(step_worth(before, horizon, world.worth), step_worth(after, horizon, world.worth),
                      horizon, world.test, before.episode_user, hit, options, after.episode_user);
    table.rows.push_back({header.policies[p], number_text(total(found.calm), 2),
                          number_text(total(found.stressed), 2), share_cell(found.drop),
                          share_cell(found.lost), share_cell(found.lost_hit),
                          found.recovery < 0 ? "never" : fmt::format("{} steps", found.recovery)});
    LineChart chart;
    chart.id = fmt::format("stress-{}-{}", number, p);
    chart.title = header.policies[p] + " under " + world.test.name;
    chart.about =
        "What a step brings on average, in the calm and in the stressed world; the mark is the onset.";
    chart.x_title = "step, 0 is the first";
    chart.y_title = "worth of the step";
    chart.from_zero = true;
    chart.onset = found.onset;
    chart.lines = {{"calm", found.calm, {}, {}}, {"stressed", found.stressed, {}, {}}};
    charts += line_chart(chart);
  }
  return "<h3>" + html_text(world.test.name) + "</h3>\n" + html_paragraph(about + ".") + html_table(table) +
         "<div class=\"charts\">\n" + charts + "</div>\n";
}

/// Gate figures of every policy in one world.
using PolicyFigures = std::vector<std::array<std::vector<float>, gate_figure_names.size()>>;

PolicyFigures figures_of(const RunReader& run) {
  PolicyFigures out;
  for (std::size_t p = 0; p < run.summary().header.policies.size(); ++p) {
    const Trajectories episodes = run.read(static_cast<std::int32_t>(p));
    auto& figures = out.emplace_back();
    for (std::size_t f = 0; f < figures.size(); ++f)
      figures[f] = figure_of(episodes, static_cast<GateFigure>(f));
  }
  return out;
}

/// The verdicts of veer stress, computed from the runs once more: the same bootstrap with the same seed.
std::string verdicts_part(const std::filesystem::path& folder, const RunReader& calm, const Dataset& data) {
  const std::filesystem::path file = folder / trial_record_name;
  if (!std::filesystem::exists(file)) {
    return html_paragraph(
        "The folder has no " + std::string(trial_record_name) +
        ", so its gates are not known: the same veer stress -o writes it and plays nothing twice.");
  }
  const TrialRecord trial = read_trial_record_file(file);
  const RunHeader& header = calm.summary().header;
  const PolicyFigures before = figures_of(calm);
  const auto baseline = static_cast<std::size_t>(
      std::find(header.policies.begin(), header.policies.end(), trial.baseline) - header.policies.begin());
  const std::vector<UserId> people = calm.read(0).episode_user;
  struct Weighed {
    std::string test, gate;
    GateEvidence evidence;
  };
  std::vector<std::vector<Weighed>> weighed(header.policies.size());
  for (const StressTest& test : trial.suite.tests) {
    const RunReader run(folder / test.name);
    check_run(folder / test.name, run.summary(), calm.summary(), data);
    const PolicyFigures after = figures_of(run);
    const std::vector<UserId> guests = run.read(0).episode_user;
    for (std::size_t p = 0; p < header.policies.size(); ++p) {
      for (const StressGate& gate : test.gates) {
        const auto figure = static_cast<std::size_t>(gate.figure);
        const bool compares = gate.rule == GateRule::not_worse;
        if (compares && (p == baseline || baseline == header.policies.size())) continue;
        const auto evidence =
            weigh_gate(gate, after[p][figure], before[p][figure],
                       compares ? std::span<const float>(after[baseline][figure]) : std::span<const float>(),
                       guests, people, {.seed = header.seed});
        weighed[p].push_back({test.name, gate_text(gate), evidence});
      }
    }
  }
  HtmlTable table{
      "Gates of the suite " + trial.suite.name, {"policy", "test", "gate", "slack", "verdict"}, {}};
  std::string sentences;
  for (std::size_t p = 0; p < header.policies.size(); ++p) {
    std::vector<GateEvidence> evidence;
    for (const Weighed& each : weighed[p]) evidence.push_back(each.evidence);
    const std::vector<Verdict> verdicts = decide(evidence, gate_level);
    std::string broken;
    for (std::size_t g = 0; g < verdicts.size(); ++g) {
      const Weighed& each = weighed[p][g];
      const Estimate& slack = each.evidence.slack;
      table.rows.push_back({header.policies[p], each.test, each.gate,
                            std::isnan(slack.low) ? fmt::format("{:+.2f}", slack.mean)
                                                  : fmt::format("{:+.2f} ({:.2f} to {:.2f})", slack.mean,
                                                                slack.low, slack.high),
                            std::string(name_of(verdicts[g]))});
      if (verdicts[g] == Verdict::fail) broken += (broken.empty() ? ": " : ", ") + each.test;
    }
    sentences +=
        html_paragraph(fmt::format("{}: {}{}.", header.policies[p], name_of(overall(verdicts)), broken));
  }
  if (table.rows.empty()) return html_paragraph("The suite " + trial.suite.name + " has no gates.");
  return "<h3>Verdicts</h3>\n" + sentences + html_table(table) +
         html_paragraph(
             "Slack: what a gate asks for is 0 or more. Verdicts: one-sided tests, the chance of any "
             "wrong pass among a policy's gates at most 5 % (Holm); undecided: more episodes would tell.",
             "note");
}

}  // namespace

bool is_stress_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  return !std::filesystem::exists(folder / "run.toml", ignored) &&
         std::filesystem::exists(folder / "calm" / "run.toml", ignored) && !tests_of(folder).empty();
}

std::string stress_section(const std::filesystem::path& folder, const Dataset& data,
                           const CrossedOptions& options) {
  const RunReader calm(folder / "calm");
  std::string body = html_paragraph(
      "The same episodes with the same randomness in a calm world and in one that goes wrong. Worth: what "
      "clicks and "
      "purchases count for, 0 once the person has left. Drop: share of the calm worth lost in the three "
      "steps from the "
      "onset on; lost: from there to the end; recovers: steps until the loss stays within a tenth. Brackets: "
      "95 % "
      "intervals over people.");
  body += verdicts_part(folder, calm, data);
  const std::vector<std::filesystem::path> tests = tests_of(folder);
  for (std::size_t t = 0; t < tests.size(); ++t) body += test_part(tests[t], t, calm, data, options);
  return html_section("stress", "Under stress", body);
}

}  // namespace veer::tools
