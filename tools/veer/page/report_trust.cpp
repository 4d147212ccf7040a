// Trust, budgets and groups of people in a report.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/veer/page/html.h"
#include "tools/veer/page/report_findings.h"
#include "tools/veer/page/svg_chart.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

std::string group_cell(const Estimate& e, int decimals) {
  if (std::isnan(e.mean)) return "-";
  const std::string mean = number_text(e.mean, decimals);
  if (!std::isfinite(e.low)) return mean;
  return fmt::format("{} ({} to {})", mean, number_text(e.low, decimals), number_text(e.high, decimals));
}

/// A figure of all policies, a column per group of one judge.
HtmlTable group_table(const Findings& f, std::span<const GroupTable> groups, std::size_t figure) {
  const Figure& about = groups.front().table.figures[figure];
  HtmlTable out{about.title + " by " + f.groups->by, {"policy"}, {}};
  if (f.scores().figures().judged()) out.caption += " under the judge " + groups.front().judge;
  for (const GroupTable& each : groups) {
    out.header.push_back(fmt::format("{}: {} ({} episodes)", each.group.name, each.group.meaning,
                                     grouped(static_cast<std::int64_t>(each.episodes))));
  }
  for (std::size_t m = 0; m < f.scores().methods().size(); ++m) {
    std::vector<std::string> row{f.method(m)};
    for (const GroupTable& each : groups)
      row.push_back(group_cell(each.table.means[m][figure], about.decimals));
    out.rows.push_back(std::move(row));
  }
  return out;
}

}  // namespace

std::string trust_section(const Findings& f) {
  HtmlTable table{f.trust.views().drift ? "Agreement, data and cause" : "Agreement and data",
                  f.trust.header(), f.trust.rows()};
  std::string body;
  for (const std::string& sentence : f.trust.findings()) body += html_paragraph(sentence);
  body += html_table(table);
  for (const std::string& line : f.trust.judges()) body += html_paragraph("Judge " + line + ".", "note");
  for (const std::string& line : f.trust.legend()) body += html_paragraph(line, "note");
  return html_section("trust", "How far to trust it", body);
}

std::string budget_section(const Findings& f) {
  if (f.budget == nullptr) return "";
  std::string body = html_paragraph(f.budget->limits());
  for (std::size_t j = 0; j < f.budget->judges().size(); ++j) {
    body += html_table({"Within the budget, under the judge " + f.budget->judges()[j], f.budget->header(),
                        f.budget->rows(j)});
  }
  if (!f.budget->worst().empty())
    body += html_table({"Paths that break it most", f.budget->worst_header(), f.budget->worst_rows()});
  body += html_paragraph(BudgetReport::legend(), "note");
  return html_section("budget", "Within the budget", body);
}

std::string groups_section(const Findings& f) {
  if (f.groups == nullptr) return "";
  std::string body = html_paragraph(fmt::format("By {}: {}.", f.groups->by, f.groups->meaning));
  const std::vector<GroupTable>& all = f.group_tables;
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = begin;
    while (end < all.size() && all[end].judge == all[begin].judge) ++end;
    const std::span<const GroupTable> groups = std::span(all).subspan(begin, end - begin);
    for (std::size_t figure = 0; figure < groups.front().table.figures.size(); ++figure) {
      if (groups.front().table.figures[figure].compared) body += html_table(group_table(f, groups, figure));
    }
    begin = end;
  }
  body += html_paragraph("Means with 95 % intervals over the people of the group.", "note");
  return html_section("groups", "By " + f.groups->by, body);
}

}  // namespace veer::tools
