// Leaderboard and judges of a report.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "simulators/panel.h"
#include "tools/veer/page/html.h"
#include "tools/veer/page/report_findings.h"
#include "tools/veer/page/svg_chart.h"

namespace veer::tools {
namespace {

std::string with_interval(const Estimate& e, int decimals) {
  const std::string mean = number_text(e.mean, decimals);
  if (!std::isfinite(e.low)) return mean;
  return fmt::format("{} ({} to {})", mean, number_text(e.low, decimals), number_text(e.high, decimals));
}

std::string p_cell(double p) { return std::isnan(p) ? "-" : p < 0.001 ? "<0.001" : fmt::format("{:.3f}", p); }

/// Methods by the first figure under a judge.
std::vector<std::size_t> order_of(const Standing& standing) {
  std::vector<std::size_t> out{standing.first};
  for (const Rival& rival : standing.rivals) out.push_back(rival.method);
  return out;
}

/// Tells the tables of several judges apart.
std::string under(const Findings& f, const MethodComparison& comparison) {
  return f.scores().figures().judged() ? ", under the judge " + comparison.judge : std::string();
}

HtmlTable means_table(const Findings& f, const MethodComparison& comparison,
                      const std::vector<std::size_t>& order) {
  HtmlTable out{"Means with 95 % intervals" + under(f, comparison), {"policy", "seeds"}, {}};
  for (const Figure& figure : comparison.table.figures) out.header.push_back(figure.title);
  for (const std::size_t m : order) {
    const Method& method = f.scores().methods()[m];
    std::vector<std::string> row{method.name, std::to_string(method.policies.size())};
    for (std::size_t k = 0; k < comparison.table.figures.size(); ++k) {
      const Figure& figure = comparison.table.figures[k];
      const Estimate& e = comparison.table.means[m][k];
      row.push_back(figure.compared ? with_interval(e, figure.decimals)
                                    : number_text(e.mean, figure.decimals));
    }
    out.rows.push_back(row);
  }
  return out;
}

HtmlTable differences_table(const Findings& f, const MethodComparison& comparison,
                            const std::vector<std::size_t>& order) {
  HtmlTable out{"Difference to the baseline " + f.method(f.report.baseline()) + ", same episodes" +
                    under(f, comparison),
                {"policy"},
                {}};
  for (const Figure& figure : comparison.table.figures) {
    if (figure.compared) out.header.insert(out.header.end(), {figure.title, "p (Holm)"});
  }
  for (const std::size_t m : order) {
    if (m == f.report.baseline()) continue;
    std::vector<std::string> row{f.method(m)};
    for (std::size_t k = 0; k < comparison.table.figures.size(); ++k) {
      const Figure& figure = comparison.table.figures[k];
      if (!figure.compared) continue;
      row.push_back(with_interval(comparison.table.differences[m][k], figure.decimals));
      row.push_back(p_cell(comparison.table.adjusted[m][k]));
    }
    out.rows.push_back(row);
  }
  return out;
}

/// Share of episodes in which the first figure has the same sign under both judges, over all training seeds.
double same_sign(const MethodScores& scores, std::size_t method, std::size_t judge) {
  const SeedValues first = scores.values(method, 0, 0, 0), other = scores.values(method, judge, 0, 0);
  std::int64_t same = 0, both = 0;
  const auto sign = [](float v) { return (v > 0.0F) - (v < 0.0F); };
  for (std::size_t s = 0; s < first.size(); ++s) {
    for (std::size_t e = 0; e < first[s].size(); ++e) {
      if (std::isnan(first[s][e]) || std::isnan(other[s][e])) continue;
      ++both;
      same += sign(first[s][e]) == sign(other[s][e]) ? 1 : 0;
    }
  }
  return both == 0 ? std::nan("") : static_cast<double>(same) / static_cast<double>(both);
}

}  // namespace

std::string leaderboard_section(const Findings& f) {
  std::string body;
  for (std::size_t j = 0; j < f.report.comparisons().size(); ++j) {
    const MethodComparison& comparison = f.report.comparisons()[j];
    const std::vector<std::size_t> order = order_of(f.standings[j]);
    if (f.scores().figures().judged())
      body += "<h3>Under the judge " + html_text(comparison.judge) + "</h3>\n";
    body += "<div class=\"charts\">\n";
    for (std::size_t k = 0; k < comparison.table.figures.size(); ++k) {
      const Figure& figure = comparison.table.figures[k];
      if (!figure.compared) continue;
      IntervalChart chart{fmt::format("means-{}-{}", j, k), figure.title, figure.decimals, {}};
      // The colour of a policy is its place in the runs, in all charts.
      for (std::size_t m = 0; m < f.scores().methods().size(); ++m) {
        const Estimate& e = comparison.table.means[m][k];
        chart.rows.push_back({f.method(m), e.mean, e.low, e.high});
      }
      body += interval_chart(chart);
    }
    body += "</div>\n" + html_table(means_table(f, comparison, order));
    if (order.size() > 1) body += html_table(differences_table(f, comparison, order));
  }
  body += html_paragraph(fmt::format("{} episodes of {} people, the same for all policies. {}",
                                     f.scores().people().size(), f.report.people(), table_legend()),
                         "note");
  return html_section("leaderboard", "Leaderboard", body);
}

std::string judges_section(const Findings& f) {
  const auto judges = f.scores().judges();
  if (judges.size() < 2) return "";
  const Figure& figure = f.first_figure();
  HtmlTable table{figure.title + " under each judge", {"policy"}, {}};
  for (const std::string& judge : judges) table.header.push_back(judge);
  for (std::size_t j = 1; j < judges.size(); ++j) table.header.push_back("same sign under " + judges[j]);
  std::vector<std::vector<float>> means(judges.size());
  for (const std::size_t m : order_of(f.standings.front())) {
    std::vector<std::string> row{f.method(m)};
    for (std::size_t j = 0; j < judges.size(); ++j) {
      const Estimate& e = f.report.comparisons()[j].table.means[m].front();
      means[j].push_back(static_cast<float>(e.mean));
      row.push_back(with_interval(e, figure.decimals));
    }
    for (std::size_t j = 1; j < judges.size(); ++j) {
      const double share = same_sign(f.scores(), m, j);
      row.push_back(std::isnan(share) ? "-" : fmt::format("{:.0f} %", 100.0 * share));
    }
    table.rows.push_back(row);
  }
  std::string body = html_paragraph(
      "Judges are models of people, each fitted on its own. A policy that gains under one of them alone may "
      "have found a "
      "weakness of that model. Same sign: share of paths that gain, or lose, under both this judge and " +
      judges.front() + ".");
  body += html_table(table);
  const auto complete = [](const std::vector<float>& values) {
    return std::none_of(values.begin(), values.end(), [](float v) { return std::isnan(v); });
  };
  for (std::size_t j = 1; j < judges.size(); ++j) {
    if (!complete(means[0]) || !complete(means[j])) continue;
    const double correlation = rank_correlation(means[0], means[j]);
    if (std::isnan(correlation)) continue;
    body += html_paragraph(fmt::format("Order of the policies, {} against {}: Spearman's correlation {:.2f}.",
                                       judges[0], judges[j], correlation));
  }
  return html_section("judges", "What the judges disagree about", body);
}

}  // namespace veer::tools
