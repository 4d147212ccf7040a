// Curves, paths, runs and reading aids of a report.
#include <fmt/format.h>

#include <algorithm>

#include "tools/veer/page/html.h"
#include "tools/veer/page/report_findings.h"
#include "tools/veer/page/svg_chart.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

struct CurveWords {
  CurveKind kind;
  const char *id, *title, *x_title, *y_title, *about;
  std::int32_t decimals;
  bool from_zero;
};

constexpr CurveWords curve_words[] = {
    {CurveKind::interest, "interest", "Interest in the target", "items shown so far", "ln p(target)",
     "Mean natural logarithm of the probability that the judge gives the target; higher is closer to it. A "
     "path that is "
     "over keeps its last value.",
     3, false},
    {CurveKind::rank, "rank", "Rank of the target", "items shown so far", "rank (1 is best)",
     "Mean rank of the target in the whole catalogue; lower is better. A path that is over keeps its last "
     "value.",
     1, false},
    {CurveKind::acceptance, "acceptance", "Acceptance of what is shown", "step", "probability",
     "Mean probability that the person accepts the item of the step, over the paths that have this step.", 3,
     true},
    {CurveKind::present, "present", "Who is still there", "step", "share of episodes",
     "Survival curve: share of the episodes that have this step.", 3, true},
    {CurveKind::taken, "taken", "Take rate", "step", "share of items shown",
     "Share of what the step shows that is clicked or bought, of those who are still there.", 3, true},
    {CurveKind::bought, "bought", "Purchase rate", "step", "share of items shown",
     "Share of what the step shows that is bought, of those who are still there.", 3, true},
};

HtmlTable example_table(const PathSample& sample, const std::vector<std::string>& judges) {
  HtmlTable table{"One path", {"step", "item", "answer", "probability"}, {}};
  for (const std::string& name : judges) {
    table.header.insert(table.header.end(), {"accepts, " + name, "interest, " + name, "rank, " + name});
  }
  for (const auto& step : sample.example()["steps"]) {
    const auto item = step[1].get<ItemId>();
    const auto answer = step[2].get<std::uint8_t>();
    std::vector<std::string> row{std::to_string(step[0].get<int>()),
                                 item == no_item ? "(empty)" : sample.title(item),
                                 (answer & feedback::purchased) != 0  ? "bought"
                                 : (answer & feedback::accepted) != 0 ? "accepted"
                                                                      : "refused"};
    for (std::size_t k = 3; k < step.size(); ++k) row.push_back(step[k].is_null() ? "-" : step[k].dump());
    table.rows.push_back(row);
  }
  return table;
}

}  // namespace

std::string curves_section(const Findings& f) {
  const std::vector<CurveKind> kinds = f.curves.kinds();
  std::string body;
  for (std::size_t j = 0; j < f.scores().judges().size(); ++j) {
    const std::string& judge = f.scores().judges()[j];
    if (f.scores().figures().judged()) body += "<h3>Under the judge " + html_text(judge) + "</h3>\n";
    body += "<div class=\"charts\">\n";
    for (const CurveWords& words : curve_words) {
      if (std::find(kinds.begin(), kinds.end(), words.kind) == kinds.end()) continue;
      LineChart chart;
      chart.id = fmt::format("curve-{}-{}", words.id, j);
      chart.title = words.title;
      if (f.scores().figures().judged()) chart.under = ", under the judge " + judge;
      chart.about = words.about;
      chart.x_title = words.x_title;
      chart.y_title = words.y_title;
      chart.decimals = words.decimals;
      chart.from_zero = words.from_zero;
      for (const Method& method : f.scores().methods()) {
        StepCurve curve = f.curves.of(method, j, words.kind);
        chart.first_x = curve.first_x;
        chart.lines.push_back(
            {method.name, std::move(curve.mean), std::move(curve.low), std::move(curve.high)});
      }
      body += line_chart(chart);
    }
    body += "</div>\n";
  }
  body += html_paragraph(
      "Shaded: 95 % intervals over people (normal approximation), step by step, not for the curve as a "
      "whole. Colours and dashes are those of the legend; a point says its value.",
      "note");
  return html_section("curves", f.scores().figures().judged() ? "Along the path" : "Step by step", body);
}

std::string paths_section(const Findings& f) {
  const std::int64_t shown = f.paths.shown(), all = f.paths.episodes();
  const auto policies = static_cast<std::int64_t>(f.paths.policies());
  std::string body = html_paragraph(
      fmt::format("{} of {} recorded paths are in this page: {} of {} episodes, spread evenly over the run, "
                  "with every policy in each.{}",
                  grouped(shown * policies), grouped(all * policies), grouped(shown), grouped(all),
                  shown < all ? " veer report --paths N takes more." : ""));
  if (shown == 0) return html_section("paths", "Paths", body);
  const nlohmann::ordered_json sample = f.paths.json();
  const nlohmann::ordered_json& example = f.paths.example();
  const auto target = example["target"].get<ItemId>();
  std::string who = fmt::format("Episode {}, person {}, policy {}", example["id"].get<EpisodeId>(),
                                example["person"].get<std::string>(), example["policy"].get<std::string>());
  if (target != no_item) who += ", target " + f.paths.title(target);
  body += "<div id=\"explorer\">\n" +
          html_paragraph(who + ". End: " + example["end"].get<std::string>() + ".") +
          html_table(example_table(f.paths, sample["judges"].get<std::vector<std::string>>())) +
          "<noscript><p class=\"note\">With scripts on, every path of the sample can be picked "
          "here.</p></noscript>\n</div>\n";
  body += "<script type=\"application/json\" id=\"paths-data\">" + script_json(sample) + "</script>\n";
  for (const std::string& block : f.paths.blocks())
    body += "<script type=\"application/json\" class=\"paths-block\">" + block + "</script>\n";
  return html_section("paths", "Paths", body);
}

std::string runs_section(const Findings& f) {
  HtmlTable data{"Data set", {"of it", "value"}, {}};
  data.rows = {{"name", f.data.name},
               {"people", grouped(f.data.interactions.users())},
               {"items", grouped(f.data.catalogue.size())},
               {"interactions", grouped(f.data.interactions.size())},
               {"source", f.data.provenance.source + " " + f.data.provenance.origin},
               {"filters", f.data.provenance.filters},
               {"fingerprint", f.data.fingerprint}};
  std::string body = html_table(data);
  for (const auto& [directory, run] : f.runs) {
    HtmlTable table{"Run " + directory, {"of it", "value"}, {}};
    table.rows = {{"scenario", run.header.scenario},
                  {"seed", std::to_string(run.header.seed)},
                  {"policies", fmt::format("{}", fmt::join(run.header.policies, ", "))},
                  {"judges", fmt::format("{}", fmt::join(run.header.judges, ", "))},
                  {"episodes per policy", grouped(run.header.episodes)},
                  {"steps, all policies", grouped(run.steps)},
                  {"digest", run.digest}};
    body += html_table(table);
    body += "<details><summary>Effective configuration of " + html_text(directory) +
            "</summary><pre tabindex=\"0\">" + html_text(run.header.configuration) + "</pre></details>\n";
  }
  body += html_paragraph(
      "The digest is the SHA-256 of all recorded rows: equal digests mean equal steps, and veer info RUN "
      "--verify recomputes it. The same options and seed give the same digest for any number of threads.",
      "note");
  return html_section("runs", "What was run", body);
}

std::string reading_section(const Findings& f) {
  std::string body = html_paragraph(
      "A simulator is not a person. What is on this page says what models of people, learned from logs or "
      "invented, answer "
      "to each policy; it ranks policies before a test with real people and does not replace it.");
  if (f.scores().figures().judged()) {
    body += html_paragraph(
        "IoI: by how much the judge's ln p of the target rose from before the first step to after the last; "
        "0.69 is a "
        "doubling. IoR: by how many places the target rose. CTR: mean probability that what was shown is "
        "accepted. "
        "Coherence: share of neighbours on the path with an attribute in common.");
  }
  body += html_paragraph(f.scores().figures().legend());
  body += html_paragraph(
      "Intervals hold the mean of all people like these in 95 of 100 such runs; they say nothing about how "
      "far the model "
      "is from people. p: how often a difference this large would appear if there were none; after Holm's "
      "correction the "
      "chance of any false finding in one table is at most 5 % where p < 0.05 is taken for a difference. Who "
      "is first is "
      "decided on all pairs of policies, so that picking the winner afterwards is paid for.");
  return html_section("reading", "How to read it", body);
}

}  // namespace veer::tools
