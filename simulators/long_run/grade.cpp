#include "simulators/long_run/grade.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace veer::long_run {
namespace {

constexpr std::array<std::pair<char, double>, 4> thresholds = {
    {{'A', 1.25}, {'B', 2.0}, {'C', 4.0}, {'D', 8.0}}};
constexpr std::string_view letters = "ABCDF";
constexpr std::size_t most_letters_better = 1;

char combined(double score, double worst) noexcept {
  const std::size_t own = letters.find(letter_of(score));
  const std::size_t worst_own = letters.find(letter_of(worst));
  const std::size_t best_allowed = worst_own > most_letters_better ? worst_own - most_letters_better : 0;
  return letters[std::max(own, best_allowed)];
}

std::string times(double ratio) {
  if (!std::isfinite(ratio)) return "infinitely many";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), ratio < 9.95 ? "%.1f" : "%.0f", ratio);
  return text.data();
}

}  // namespace

std::string Grade::text() const {
  std::string out(1, letter);
  out += ": simulated people are " + times(score) +
         " times as far from real people as these are from each other";
  if (!worst.empty()) out += " (furthest: " + worst + ", " + times(worst_ratio) + " times)";
  return out;
}

char letter_of(double ratio) noexcept {
  for (const auto& [letter, most] : thresholds) {
    if (ratio <= most) return letter;
  }
  return letters.back();
}

Grade grade_of(std::span<const std::pair<std::string_view, double>> ratios) {
  Grade grade;
  if (ratios.empty()) return grade;
  double logarithms = 0.0;
  for (const auto& [name, ratio] : ratios) {
    logarithms += std::log(std::max(ratio, 1.0));
    if (grade.worst.empty() || ratio > grade.worst_ratio) {
      grade.worst = name;
      grade.worst_ratio = ratio;
    }
  }
  grade.score = std::exp(logarithms / static_cast<double>(ratios.size()));
  grade.letter = combined(grade.score, grade.worst_ratio);
  return grade;
}

bool grade_from_metrics(const std::map<std::string, double>& metrics, Grade& out) {
  const auto score = metrics.find("long_run_ratio");
  const auto worst = metrics.find("long_run_worst_ratio");
  if (score == metrics.end() || worst == metrics.end()) return false;
  out = {combined(score->second, worst->second), score->second, worst->second, {}};
  return true;
}

std::string_view grade_rule() noexcept {
  return "Rule: geometric mean of the ratios (at least 1 each); A up to 1.25, B 2, C 4, D 8, F above; at "
         "most "
         "one letter better than the worst one.";
}

}  // namespace veer::long_run
