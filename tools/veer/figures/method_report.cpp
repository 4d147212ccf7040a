#include "tools/veer/figures/method_report.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace veer::tools {

MethodReport::MethodReport(const MethodScores& scores, const std::string& baseline,
                           const CrossedOptions& options)
    : scores_(scores), baseline_(find_method(scores.methods(), baseline)) {
  const CrossedBootstrap bootstrap(scores.people(), options);
  people_ = bootstrap.people();
  const std::span<const Figure> figures = scores.figures().figures(), whole = scores.figures().whole();
  for (std::size_t judge = 0; judge < scores.judges().size(); ++judge) {
    for (std::size_t length = 0; length < scores.lengths().size(); ++length) {
      MethodTable table =
          tabulate(scores.methods(), {figures.begin(), figures.end()}, baseline_, bootstrap,
                   [&](std::size_t m, std::size_t f) { return scores.values(m, judge, length, f); });
      for (std::size_t f = 0; f < whole.size(); ++f) {
        std::vector<double> values;
        for (std::size_t m = 0; m < scores.methods().size(); ++m) {
          values.push_back(scores.whole(m, judge, length, f));
        }
        add_whole(table, whole[f], values, baseline_);
      }
      comparisons_.push_back({scores.judges()[judge], scores.lengths()[length], std::move(table)});
    }
  }
}

std::string MethodReport::text() const {
  std::string out;
  for (const MethodComparison& each : comparisons_) {
    const std::string part =
        each.length == 0 ? "whole paths" : fmt::format("the first {} items of every path", each.length);
    const bool heading = scores_.figures().judged() || scores_.lengths().size() > 1;
    if (heading) out += fmt::format("Under {}, {}\n", each.judge, part);
    out += table_text(each.table, scores_.methods(), baseline_) + "\n";
  }
  return out + fmt::format("{} episodes of {} people, the same for all methods. {}{}",
                           scores_.people().size(), people_, table_legend(), scores_.figures().legend());
}

std::string MethodReport::csv() const {
  std::string out = table_csv_header("judge,length,");
  for (const MethodComparison& each : comparisons_) {
    const std::string length = each.length == 0 ? "all" : std::to_string(each.length);
    out += table_csv(fmt::format("{},{},", each.judge, length), each.table, scores_.methods(), baseline_);
  }
  return out;
}

nlohmann::ordered_json MethodReport::json() const {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const MethodComparison& each : comparisons_) {
    list.push_back({{"judge", each.judge},
                    {"length", each.length},
                    {"methods", table_json(each.table, scores_.methods(), baseline_)}});
  }
  return {{"episodes", scores_.people().size()},
          {"people", people_},
          {"baseline", scores_.methods()[baseline_].name},
          {"comparisons", list}};
}

}  // namespace veer::tools
