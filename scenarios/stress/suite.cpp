#include "scenarios/stress/suite.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/toml_text.h"

namespace veer::stress {
namespace {

constexpr auto most_bytes_of_suite = std::size_t{1} << 20;
constexpr std::int64_t most_steps = 10'000;

template <class Word, std::size_t n>
Word word_of(TomlReader& table, const char* key, const std::array<std::string_view, n>& words) {
  const std::string text = table.text(key);
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) return static_cast<Word>(found - words.begin());
  std::string known;
  for (const std::string_view word : words) known += (known.empty() ? "" : ", ") + std::string(word);
  table.fail(key, '"' + text + '"', "one of " + known);
}

Perturbation read_perturbation(TomlReader& table) {
  Perturbation out;
  out.line = table.line();
  out.kind = word_of<PerturbationKind>(table, "kind", perturbation_names);
  const auto steps = [&](const char* key, std::int32_t& to) {
    if (table.contains(key)) to = static_cast<std::int32_t>(table.integer(key, 0, most_steps));
  };
  steps("onset", out.schedule.onset);
  steps("duration", out.schedule.duration);
  steps("ramp", out.schedule.ramp);
  // A delay is a number of steps, not a strength: its own word, and no default that nobody asked for.
  if (out.kind == PerturbationKind::delayed_feedback) {
    out.intensity = static_cast<float>(table.integer("delay", 1, longest_delay));
  } else if (table.contains("intensity")) {
    out.intensity = static_cast<float>(table.number("intensity", -100.0, 100.0));
  }
  if (out.kind == PerturbationKind::cohort_mix) {
    out.by = word_of<CohortBy>(table, "by", cohort_by_names);
    out.group = table.text("group");
  }
  if (table.contains("share")) out.share = static_cast<float>(table.number("share", 0.0, 1.0));
  table.expect_no_more();
  return out;
}

StressGate read_gate(TomlReader& table) {
  StressGate out;
  out.line = table.line();
  out.figure = word_of<GateFigure>(table, "figure", gate_figure_names);
  out.rule = word_of<GateRule>(table, "rule", gate_rule_names);
  // Each rule has its own word for the bound, so that nobody writes a margin where a share is meant.
  switch (out.rule) {
    case GateRule::at_least:
      out.bound = table.number("value", -1e9, 1e9);
      break;
    case GateRule::keeps:
      out.bound = table.number("share", 0.0, 10.0);
      break;
    case GateRule::not_worse:
      out.bound = table.number("margin", 0.0, 1e9);
      break;
  }
  table.expect_no_more();
  return out;
}

StressTest read_test(TomlReader& table) {
  StressTest out;
  out.line = table.line();
  out.name = table.text("name");
  if (table.contains("about")) out.about = table.text("about");
  for (TomlReader& each : table.tables("perturbation")) out.perturbations.push_back(read_perturbation(each));
  for (TomlReader& each : table.tables("gate")) out.gates.push_back(read_gate(each));
  table.expect_no_more();
  return out;
}

bool is_file_name(const std::string& name) {
  const auto fits = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= 60 && std::all_of(name.begin(), name.end(), fits);
}

/// Whether the person answers out of another state than the one policies and histories show.
bool hides_a_state(PerturbationKind kind) {
  return kind == PerturbationKind::taste_shock || kind == PerturbationKind::short_history ||
         kind == PerturbationKind::other_people;
}

/// Lowest and highest a.
std::pair<float, float> bounds_of(PerturbationKind kind) {
  switch (kind) {
    case PerturbationKind::popularity_shock:
      return {-10.0F, 10.0F};
    case PerturbationKind::impatience:
      return {0.0F, 100.0F};
    case PerturbationKind::items_change:
      return {0.0F, 0.5F};
    case PerturbationKind::position_bias:
      return {0.0F, 10.0F};
    case PerturbationKind::delayed_feedback:
      return {1.0F, static_cast<float>(longest_delay)};
    default:
      return {0.0F, 1.0F};
  }
}

/// Why the kind has no schedule, or none but an onset; empty where it may have any.
std::string_view why_no_schedule(PerturbationKind kind) {
  switch (kind) {
    case PerturbationKind::short_history:
      return "none: a history is short from the start";
    case PerturbationKind::wrong_attributes:
      return "none: what policies are told of items they are told before the first step";
    case PerturbationKind::cohort_mix:
      return "none: who comes is decided before the first step";
    case PerturbationKind::delayed_feedback:
      return "an onset alone: what came late cannot all be heard at once";
    default:
      return {};
  }
}

using Fail = std::function<void(std::int64_t line, const std::string& where, const std::string& found,
                                const std::string& expected)>;

void check_perturbation(const Perturbation& each, const std::string& where, const Fail& fail) {
  const std::string key = where + std::string(perturbation_names[static_cast<std::size_t>(each.kind)]);
  const auto [low, high] = bounds_of(each.kind);
  const bool delay = each.kind == PerturbationKind::delayed_feedback;
  if (!(each.intensity >= low && each.intensity <= high)) {
    fail(each.line, key + (delay ? ": delay" : ": intensity"), std::to_string(each.intensity),
         std::to_string(low) + " to " + std::to_string(high));
  }
  if (delay && each.intensity != std::floor(each.intensity))
    fail(each.line, key + ": delay", std::to_string(each.intensity), "a whole number of steps");
  if (!(each.share > 0.0F && each.share <= 1.0F))
    fail(each.line, key + ": share", std::to_string(each.share), "more than 0, at most 1");
  const Schedule& when = each.schedule;
  if (when.onset < 0 || when.duration < 0 || when.ramp < 0)
    fail(each.line, key, "a negative number of steps", "0 or more");
  if (when.duration > 0 && when.ramp > when.duration)
    fail(each.line, key + ": ramp", std::to_string(when.ramp), "at most the duration");
  const std::string_view none = why_no_schedule(each.kind);
  if (!none.empty() && ((when.onset != 0 && !delay) || when.duration != 0 || when.ramp != 0))
    fail(each.line, key, "a schedule", std::string(none));
  const bool everywhere =
      each.kind == PerturbationKind::wrong_attributes || each.kind == PerturbationKind::cohort_mix;
  if (everywhere && each.share != 1.0F)
    fail(each.line, key + ": share", std::to_string(each.share), "none: the intensity is the share");
  if (each.kind != PerturbationKind::cohort_mix) return;
  if (each.group.empty()) fail(each.line, key + ": group", "no word", "a group of people");
  if (each.by != CohortBy::attribute && std::ranges::find(third_names, each.group) == third_names.end())
    fail(each.line, key + ": group", '"' + each.group + '"', "low, middle or high");
}

}  // namespace

float Schedule::level(std::uint32_t step) const noexcept {
  const auto k = static_cast<std::int64_t>(step) - onset;
  if (k < 0 || (duration > 0 && k >= duration)) return 0.0F;
  return ramp > 0 ? std::min(1.0F, static_cast<float>(k + 1) / static_cast<float>(ramp)) : 1.0F;
}

bool StressTest::has(PerturbationKind kind) const noexcept {
  return std::ranges::any_of(perturbations, [kind](const Perturbation& each) { return each.kind == kind; });
}

bool StressSuite::compares() const noexcept {
  for (const StressTest& test : tests) {
    for (const StressGate& gate : test.gates) {
      if (gate.rule == GateRule::not_worse) return true;
    }
  }
  return false;
}

bool StressSuite::brings_others() const noexcept {
  return std::ranges::any_of(tests,
                             [](const StressTest& test) { return test.has(PerturbationKind::other_people); });
}

void check_suite(const StressSuite& suite) {
  const auto fail = [&](std::int64_t line, const std::string& where, const std::string& found,
                        const std::string& expected) {
    throw ConfigError(Where{suite.file, line, where}, Problem{found, expected, ""});
  };
  if (suite.tests.empty()) fail(0, "test", "none", "at least one [[test]]");
  std::set<std::string> names;
  for (const StressTest& test : suite.tests) {
    const std::string where = "test '" + test.name + "': ";
    if (!is_file_name(test.name)) {
      fail(test.line, where + "name", "'" + test.name + "'", "1 to 60 letters, digits and dashes");
    }
    if (test.name == "calm")
      fail(test.line, where + "name", "'calm'", "another name: it means the world as it is");
    if (!names.insert(test.name).second)
      fail(test.line, where + "name", "a second time", "names that differ");
    if (test.perturbations.empty())
      fail(test.line, where + "perturbation", "none", "at least one [[test.perturbation]]");
    std::int32_t hidden = 0;
    std::map<PerturbationKind, std::int32_t> counts;
    for (const Perturbation& each : test.perturbations) {
      check_perturbation(each, where, fail);
      hidden += hides_a_state(each.kind) ? 1 : 0;
      const bool once = each.kind == PerturbationKind::delayed_feedback ||
                        each.kind == PerturbationKind::wrong_attributes ||
                        each.kind == PerturbationKind::cohort_mix;
      if (++counts[each.kind] > 1 && once) {
        fail(each.line, where + std::string(perturbation_names[static_cast<std::size_t>(each.kind)]),
             "a second one", "at most one in a test");
      }
    }
    if (hidden > 1) {
      fail(test.line, where + "perturbation", "two of taste_shock, short_history and other_people",
           "one of them: each gives people a state that policies do not see");
    }
    for (const StressGate& gate : test.gates) {
      if (!std::isfinite(gate.bound))
        fail(gate.line, where + "gate", "a bound that is not finite", "a number");
      if (gate.rule == GateRule::not_worse && gate.bound <= 0.0) {
        fail(gate.line, where + "gate: margin", std::to_string(gate.bound),
             "more than 0: nobody can show to be no worse at all");
      }
    }
  }
}

StressSuite read_suite(std::string_view text, const std::filesystem::path& file) {
  TomlReader top(text, file.string(), "scenarios/stress/STRESS_FORMAT.md says what a suite holds");
  StressSuite suite;
  suite.file = file;
  suite.text = text;
  top.integer("format", 1, 1);
  suite.name = top.text("name");
  for (TomlReader& table : top.tables("test")) suite.tests.push_back(read_test(table));
  top.expect_no_more();
  check_suite(suite);
  return suite;
}

StressSuite read_suite_file(const std::filesystem::path& file) {
  return read_suite(read_text(file, most_bytes_of_suite), file);
}

}  // namespace veer::stress
