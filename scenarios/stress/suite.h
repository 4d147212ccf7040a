// A stress suite: what is done to the world, and what a policy must still deliver, as files say it
// (STRESS_FORMAT.md). Value types and pure functions; safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veer::stress {

/// What happens to people. `level` is Schedule::level of the step, 0..1; a the intensity; p the probability
/// of taking an item before.
enum class PerturbationKind : std::uint8_t {
  taste_shock,  ///< p becomes (1 - level a) p + level a p', p' that of somebody else with a history of their
                ///< own
  click_noise,  ///< answers flip: p + level a (1 - 2 p)
  bots,         ///< answers are a coin: (1 - level) p + level a
  popularity_shock,  ///< what is popular goes out of fashion: log odds of p minus level a z, z the standard
                     ///< score of ln(1 + popularity) over the catalogue; a < 0: it comes into fashion
  items_vanish,      ///< nobody can take them: (1 - level) p for a share a of the items, by lot
  items_change,   ///< a share a of the items goes, (1 - level) p, and as many others come that nobody could
                  ///< take before: level p
  boredom,        ///< (1 - level a) p for an item that shares an attribute with the newest one taken
  fatigue,        ///< p (1 - a)^(level k) in the k-th step from the onset
  impatience,     ///< what a step takes from the patience it takes 1 + level a times
  short_history,  ///< policies see the newest (1 - a) of the items a person starts with, at least one; the
                  ///< person remembers all. From the start of the episode.
  other_people,   ///< (1 - level a) p + level a p', p' by another user model, which sees the same episode
  position_bias,  ///< p (1 + j)^(-level a) in slot j of a slate, 0 the first: the lower the less looked at
  delayed_feedback,  ///< policies hear of an answer a steps late; people know at once what they took
  wrong_attributes,  ///< policies are told the attributes and vectors of other items for a share a of all,
                     ///< and in as many episodes the features of somebody else; people are not fooled
  cohort_mix,        ///< who comes: the cohort plays a share a of the episodes
};
inline constexpr std::array<std::string_view, 15> perturbation_names{
    "taste_shock",      "click_noise",      "bots",       "popularity_shock", "items_vanish", "items_change",
    "boredom",          "fatigue",          "impatience", "short_history",    "other_people", "position_bias",
    "delayed_feedback", "wrong_attributes", "cohort_mix"};

/// What cohort_mix tells people apart by, at the start of an episode, as `veer evaluate --by` does.
enum class CohortBy : std::uint8_t {
  history,    ///< thirds by the number of items that the episode begins with
  activity,   ///< thirds by the number of the person's interactions in the data set
  attribute,  ///< the attribute that most items of the starting history have
};
inline constexpr std::array<std::string_view, 3> cohort_by_names{"history", "activity", "attribute"};
/// Groups of history and activity.
inline constexpr std::array<std::string_view, 3> third_names{"low", "middle", "high"};
inline constexpr std::int32_t longest_delay = 50;

/// When it happens: from step `onset` (0 is the first) for `duration` steps (0: to the end), growing evenly
/// over the first `ramp` steps (0: at once).
struct Schedule {
  std::int32_t onset = 0, duration = 0, ramp = 0;
  float level(std::uint32_t step) const noexcept;
};

struct Perturbation {
  PerturbationKind kind = PerturbationKind::click_noise;
  Schedule schedule;
  float intensity = 1.0F;           ///< a; of delayed_feedback a whole number of steps
  float share = 1.0F;               ///< of the episodes that it happens to, by lot
  std::int64_t line = 0;            ///< in the suite's file; 0: from no file
  CohortBy by = CohortBy::history;  ///< only read by cohort_mix
  std::string group{};              ///< the same: one of third_names, or an attribute's name
};

/// What is measured of an episode.
enum class GateFigure : std::uint8_t { worth, length, purchases, taken };
inline constexpr std::array<std::string_view, 4> gate_figure_names{"return", "length", "purchases", "taken"};

enum class GateRule : std::uint8_t {
  at_least,   ///< the mean under stress is at least `bound`
  keeps,      ///< it is at least `bound` times that of the same policy in the same world without stress
  not_worse,  ///< it is at most `bound` (the margin) below that of the baseline policy under the same stress
};
inline constexpr std::array<std::string_view, 3> gate_rule_names{"at_least", "keeps", "not_worse"};

struct StressGate {
  GateFigure figure = GateFigure::worth;
  GateRule rule = GateRule::keeps;
  double bound = 0.0;
  std::int64_t line = 0;
};

struct StressTest {
  std::string name;   ///< letters, digits and dashes; unique: runs are kept under it
  std::string about;  ///< one sentence for reports; may be empty
  std::vector<Perturbation> perturbations;
  std::vector<StressGate> gates;
  std::int64_t line = 0;

  bool has(PerturbationKind kind) const noexcept;
};

struct StressSuite {
  std::string name;
  std::vector<StressTest> tests;
  std::filesystem::path file;  ///< it was read from, for messages; may be empty
  std::string text{};          ///< as it was read

  bool compares() const noexcept;       ///< whether some gate needs a baseline policy
  bool brings_others() const noexcept;  ///< whether some test needs another user model (other_people)
};

/// Throws ConfigError naming file, line, test and key for a suite that breaks its own rules.
void check_suite(const StressSuite& suite);

/// Reads a suite and checks it. `file` stands for the text in messages. Throws FormatError naming file, line
/// and key for text that is not TOML, missing or unknown keys and values that cannot be, and what
/// check_suite() throws.
StressSuite read_suite(std::string_view text, const std::filesystem::path& file);
/// The same from a file of at most one megabyte; IoError when it cannot be read.
StressSuite read_suite_file(const std::filesystem::path& file);

/// Suites that come with the program, as text: "standard", "smoke", which runs in a minute, and "slates" for
/// worlds of slates.
struct NamedSuite {
  std::string_view name, text;
};
std::span<const NamedSuite> shipped_suites() noexcept;

}  // namespace veer::stress
