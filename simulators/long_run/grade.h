// One letter for fidelity in the long run.
//
// Rule. Every distance has a ratio: how many times as far simulated people are from real ones as two halves
// of the real ones are from each other. The score is the geometric mean of the ratios, where a ratio below 1
// counts as 1. Letters: A up to 1.25, B up to 2, C up to 4, D up to 8, F above. One bad distance cannot hide
// among good ones: the grade is at most one letter better than the letter of the largest ratio.
//
// A: hard to tell from real people with this many of them; F: another population. The letter is a summary for
// people in a hurry, and grows stricter with the number of people, as every test does.
//
// Thread-safety: value types and pure functions.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace veer::long_run {

struct Grade {
  char letter = 'F';
  double score = 0.0;        ///< geometric mean of the ratios, at least 1
  double worst_ratio = 0.0;  ///< the largest
  std::string worst;         ///< whose it is; empty when read back from metrics

  /// "C: simulated people are 3.1 times as far from real people as these are from each other (furthest:
  /// popularity of items, 6.3 times)"
  std::string text() const;
};

/// A letter by the thresholds above. Infinite and NaN ratios are an F.
char letter_of(double ratio) noexcept;

/// From names and ratios; no ratios make an F with score 0.
Grade grade_of(std::span<const std::pair<std::string_view, double>> ratios);

/// From what Report::to_metrics() left in a manifest; nothing when the model was not validated.
bool grade_from_metrics(const std::map<std::string, double>& metrics, Grade& out);

/// The rule in one line, for the foot of tables.
std::string_view grade_rule() noexcept;

}  // namespace veer::long_run
