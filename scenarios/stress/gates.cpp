#include "scenarios/stress/gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "scenarios/stress/both_crowds.h"

namespace veer::stress {
namespace {

/// See the header: what turns bootstrap replicates of n people into Student's t.
double stretch_for(std::int32_t people) {
  constexpr double z = 1.6448536269514722;
  const double free = static_cast<double>(people) - 1.0;
  return std::sqrt((free + 1.0) / free) * (1.0 + (z * z + 1.0) / (4.0 * free));
}

std::int32_t people_in(std::span<const UserId> episodes) {
  std::set<UserId> named;
  std::int32_t strangers = 0;
  for (const UserId user : episodes) {
    if (user < 0) ++strangers;
    if (user >= 0) named.insert(user);
  }
  return strangers + static_cast<std::int32_t>(named.size());
}

/// What replicates of a mean over so many people say about it, that of the data last.
GateEvidence evidence_of(const CrossedBootstrap& bootstrap, std::vector<double> replicates,
                         std::int32_t people) {
  GateEvidence out;
  if (people < 2) {
    out.slack = bootstrap.estimate(std::move(replicates));
    return out;
  }
  const double mean = replicates.back(), stretch = stretch_for(people);
  double not_above = 0.0, not_below = 0.0;
  for (std::size_t r = 0; r + 1 < replicates.size(); ++r) {
    replicates[r] = mean + (replicates[r] - mean) * stretch;
    not_above += replicates[r] <= 0.0 ? 1.0 : 0.0;
    not_below += replicates[r] >= 0.0 ? 1.0 : 0.0;
  }
  const auto all = static_cast<double>(replicates.size());  // one more than there are replicates
  out.p_pass = (not_above + 1.0) / all;
  out.p_fail = (not_below + 1.0) / all;
  out.slack = bootstrap.estimate(std::move(replicates));
  return out;
}

}  // namespace

std::string gate_text(const StressGate& gate) {
  const std::string_view figure = gate_figure_names[static_cast<std::size_t>(gate.figure)];
  switch (gate.rule) {
    case GateRule::at_least:
      return fmt::format("{} at least {}", figure, gate.bound);
    case GateRule::keeps:
      return fmt::format("{} keeps {:g} %", figure, 100.0 * gate.bound);
    case GateRule::not_worse:
      return fmt::format("{} within {} of the baseline", figure, gate.bound);
  }
  return "";
}

std::vector<float> slack_of(const StressGate& gate, std::span<const float> stressed,
                            std::span<const float> calm, std::span<const float> baseline) {
  std::vector<float> out;
  for (std::size_t e = 0; e < stressed.size(); ++e) {
    double slack = double{stressed[e]};
    switch (gate.rule) {
      case GateRule::at_least:
        slack -= gate.bound;
        break;
      case GateRule::keeps:
        slack -= gate.bound * double{calm[e]};
        break;
      case GateRule::not_worse:
        slack += gate.bound - double{baseline[e]};
        break;
    }
    out.push_back(static_cast<float>(slack));
  }
  return out;
}

std::string_view name_of(Verdict verdict) noexcept {
  constexpr std::string_view names[] = {"pass", "fail", "undecided", "no gates"};
  return names[static_cast<std::size_t>(verdict)];
}

GateEvidence weigh(std::span<const float> slack, std::span<const UserId> people,
                   const CrossedOptions& options) {
  const CrossedBootstrap bootstrap(people, options);
  return evidence_of(bootstrap, bootstrap.replicates({slack}, 0), bootstrap.people());
}

GateEvidence weigh_apart(std::span<const float> delivered, std::span<const UserId> by,
                         std::span<const float> asked, std::span<const UserId> of,
                         const CrossedOptions& options) {
  const BothCrowds crowds(by, of, options);
  std::vector<double> slack = crowds.replicates_of_first(delivered);
  const std::vector<double> bar = crowds.replicates_of_second(asked);
  for (std::size_t r = 0; r < slack.size(); ++r) slack[r] -= bar[r];
  // The smaller crowd decides how much resampling hides.
  return evidence_of(crowds.bootstrap(), std::move(slack), std::min(people_in(by), people_in(of)));
}

GateEvidence weigh_gate(const StressGate& gate, std::span<const float> stressed, std::span<const float> calm,
                        std::span<const float> baseline, std::span<const UserId> guests,
                        std::span<const UserId> people, const CrossedOptions& options) {
  if (gate.rule == GateRule::keeps && !std::ranges::equal(guests, people)) {
    std::vector<float> asked(calm.begin(), calm.end());
    for (float& value : asked) value = static_cast<float>(gate.bound * double{value});
    return weigh_apart(stressed, guests, asked, people, options);
  }
  return weigh(slack_of(gate, stressed, calm, baseline), guests, options);
}

std::vector<Verdict> decide(std::span<const GateEvidence> gates, double level) {
  std::vector<double> pass, fail;
  for (const GateEvidence& gate : gates) {
    pass.push_back(gate.p_pass);
    fail.push_back(gate.p_fail);
  }
  pass = holm_adjusted(pass);
  fail = holm_adjusted(fail);
  std::vector<Verdict> out;
  for (std::size_t g = 0; g < gates.size(); ++g) {
    out.push_back(pass[g] <= level ? Verdict::pass : fail[g] <= level ? Verdict::fail : Verdict::undecided);
  }
  return out;
}

Verdict overall(std::span<const Verdict> verdicts) noexcept {
  if (std::find(verdicts.begin(), verdicts.end(), Verdict::fail) != verdicts.end()) return Verdict::fail;
  if (std::find(verdicts.begin(), verdicts.end(), Verdict::undecided) != verdicts.end())
    return Verdict::undecided;
  return verdicts.empty() ? Verdict::none : Verdict::pass;
}

}  // namespace veer::stress
