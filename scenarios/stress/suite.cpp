#include "scenarios/stress/suite.h"

#include <algorithm>
#include <cmath>
#include <set>

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
  if (table.contains("intensity"))
    out.intensity = static_cast<float>(table.number("intensity", -100.0, 100.0));
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

}  // namespace

float Schedule::level(std::uint32_t step) const noexcept {
  const auto k = static_cast<std::int64_t>(step) - onset;
  if (k < 0 || (duration > 0 && k >= duration)) return 0.0F;
  return ramp > 0 ? std::min(1.0F, static_cast<float>(k + 1) / static_cast<float>(ramp)) : 1.0F;
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
  for (const StressTest& test : tests) {
    for (const Perturbation& each : test.perturbations) {
      if (each.kind == PerturbationKind::other_people) return true;
    }
  }
  return false;
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
    for (const Perturbation& each : test.perturbations) {
      const std::string key = where + std::string(perturbation_names[static_cast<std::size_t>(each.kind)]);
      const auto within = [&](float low, float high) {
        if (each.intensity >= low && each.intensity <= high) return;
        fail(each.line, key + ": intensity", std::to_string(each.intensity),
             std::to_string(low) + " to " + std::to_string(high));
      };
      if (each.kind == PerturbationKind::popularity_shock) {
        within(-10.0F, 10.0F);
      } else if (each.kind == PerturbationKind::impatience) {
        within(0.0F, 100.0F);
      } else if (each.kind == PerturbationKind::items_change) {
        within(0.0F, 0.5F);
      } else {
        within(0.0F, 1.0F);
      }
      if (!(each.share > 0.0F && each.share <= 1.0F))
        fail(each.line, key + ": share", std::to_string(each.share), "more than 0, at most 1");
      const Schedule& when = each.schedule;
      if (when.onset < 0 || when.duration < 0 || when.ramp < 0)
        fail(each.line, key, "a negative number of steps", "0 or more");
      if (when.duration > 0 && when.ramp > when.duration)
        fail(each.line, key + ": ramp", std::to_string(when.ramp), "at most the duration");
      if (each.kind == PerturbationKind::short_history &&
          (when.onset != 0 || when.duration != 0 || when.ramp != 0)) {
        fail(each.line, key, "a schedule", "none: a history is short from the start");
      }
      hidden += hides_a_state(each.kind) ? 1 : 0;
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
