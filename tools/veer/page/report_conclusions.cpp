#include <fmt/format.h>

#include <cmath>

#include "tools/veer/page/report_findings.h"
#include "tools/veer/page/svg_chart.h"

namespace veer::tools {
namespace {

/// What being first by a figure means to somebody who does not know its name.
std::string achievement(const Figure& figure) {
  if (figure.name == "ioi") return "moves people's interest towards the target most";
  if (figure.name == "return") return "earns the most per visit";
  return "has the highest " + figure.title;
}

std::string interval_words(const Estimate& e, int decimals) {
  if (!std::isfinite(e.low)) return number_text(e.mean, decimals);
  return fmt::format("{} (95 % interval {} to {})", number_text(e.mean, decimals),
                     number_text(e.low, decimals), number_text(e.high, decimals));
}

std::string p_words(double p) { return p < 0.001 ? "p < 0.001" : fmt::format("p = {:.3f}", p); }

std::string certainty(const Findings& f, const Standing& standing) {
  const int decimals = f.first_figure().decimals;
  if (standing.rivals.empty()) return "Only one policy was played, so there is nothing to compare it with.";
  const Rival& next = standing.rivals.front();
  const std::string lead = fmt::format("Its lead over {}, which comes next, is {}, {}", f.method(next.method),
                                       interval_words(next.lead, decimals), p_words(next.p));
  if (standing.sure()) {
    return "This is statistically clear: every other policy is behind it, all pairs considered. " + lead +
           ".";
  }
  std::string close;
  for (const Rival& rival : standing.rivals) {
    if (rival.p < 0.05) continue;  // NaN counts as not shown
    close += (close.empty() ? "" : ", ") + f.method(rival.method);
  }
  return fmt::format(
      "This is not settled: these episodes do not tell it from {}. {}. More episodes would narrow it.", close,
      lead);
}

std::string against_baseline(const Findings& f) {
  const std::size_t baseline = f.report.baseline(), first = f.standings.front().first;
  if (first == baseline || f.scores().methods().size() < 2) return "";
  const MethodTable& table = f.report.comparisons().front().table;
  return fmt::format("Against the baseline {} it gains {}, {} (Holm-corrected).", f.method(baseline),
                     interval_words(table.differences[first].front(), table.figures.front().decimals),
                     p_words(table.adjusted[first].front()));
}

std::string other_judges(const Findings& f) {
  const std::size_t judges = f.scores().judges().size();
  if (judges < 2 || f.scores().methods().size() < 2) return "";
  std::string dissent;
  for (std::size_t j = 1; j < judges; ++j) {
    const Standing& other = f.standings[j];
    if (other.first == f.standings.front().first) continue;
    dissent += fmt::format("{}{} under {}", dissent.empty() ? "" : ", ", f.method(other.first),
                           f.scores().judges()[j]);
  }
  if (dissent.empty()) return fmt::format("All {} judges put the same policy first.", judges);
  return "The judges disagree about who is first: " + dissent +
         ". Read the section on judges before relying on the result.";
}

}  // namespace

std::vector<std::string> conclusions(const Findings& f) {
  const Standing& standing = f.standings.front();
  const Figure& figure = f.first_figure();
  if (std::isnan(standing.mean)) return {"No policy has a value of " + figure.title + " in these episodes."};
  const Estimate& mean = f.report.comparisons().front().table.means[standing.first].front();
  const std::string judge =
      f.scores().figures().judged() ? " under the judge " + f.scores().judges().front() : std::string();
  std::vector<std::string> out{
      fmt::format("{} {}: {} {}{}.", f.method(standing.first),
                  f.scores().methods().size() > 1 ? achievement(figure) : "was played", figure.title,
                  interval_words(mean, figure.decimals), judge),
      certainty(f, standing)};
  for (std::string sentence : {against_baseline(f), other_judges(f)}) {
    if (!sentence.empty()) out.push_back(std::move(sentence));
  }
  return out;
}

}  // namespace veer::tools
