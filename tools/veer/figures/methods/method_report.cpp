#include "tools/veer/figures/methods/method_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tools/veer/terminal/table.h"

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

std::vector<std::vector<double>> MethodReport::survival() const {
  const std::span<const Figure> figures = scores_.figures().figures();
  const auto is_length = [](const Figure& f) { return f.name == "length" || f.name == "depth"; };
  const auto figure =
      static_cast<std::size_t>(std::find_if(figures.begin(), figures.end(), is_length) - figures.begin());
  std::vector<std::vector<double>> out(scores_.methods().size());
  std::size_t longest = 0;
  for (std::size_t m = 0; m < out.size(); ++m) {
    double episodes = 0.0;
    for (const std::span<const float> lengths : scores_.values(m, 0, 0, figure)) {
      for (const float length : lengths) {
        const auto steps = static_cast<std::size_t>(length);
        if (out[m].size() < steps) out[m].resize(steps, 0.0);
        for (std::size_t k = 0; k < steps; ++k) out[m][k] += 1.0;
        episodes += 1.0;
      }
    }
    for (double& share : out[m]) share /= episodes;
    longest = std::max(longest, out[m].size());
  }
  for (std::vector<double>& curve : out) curve.resize(longest, 0.0);
  return out;
}

std::string MethodReport::survival_text() const {
  const std::vector<std::vector<double>> curves = survival();
  const std::size_t longest = curves.front().size();
  const auto whole = [](const std::vector<double>& curve) { return curve.empty() || curve.back() == 1.0; };
  if (std::all_of(curves.begin(), curves.end(), whole)) return {};
  std::vector<std::size_t> steps;
  for (const std::size_t eighth : {1U, 2U, 4U, 6U, 8U}) {
    const std::size_t step = std::max<std::size_t>(1, longest * eighth / 8);
    if (steps.empty() || steps.back() != step) steps.push_back(step);
  }
  std::vector<std::string> header{"has step"};
  for (const std::size_t step : steps) header.push_back(std::to_string(step));
  Table table(header);
  for (std::size_t m = 0; m < curves.size(); ++m) {
    std::vector<std::string> row{scores_.methods()[m].name};
    for (const std::size_t step : steps) row.push_back(fmt::format("{:.3f}", curves[m][step - 1]));
    table.add(row);
  }
  return table.text() + "\n";
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
  out += survival_text();
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
  nlohmann::ordered_json curves = nlohmann::ordered_json::array();
  const std::vector<std::vector<double>> shares = survival();
  for (std::size_t m = 0; m < shares.size(); ++m)
    curves.push_back({{"method", scores_.methods()[m].name}, {"shares", shares[m]}});
  return {{"episodes", scores_.people().size()},
          {"people", people_},
          {"baseline", scores_.methods()[baseline_].name},
          {"comparisons", list},
          {"survival", curves}};
}

std::vector<GroupTable> method_groups(const MethodReport& report, const EpisodeGroups& groups,
                                      const CrossedOptions& options) {
  const MethodScores& scores = report.scores();
  const std::span<const Figure> figures = scores.figures().figures();
  std::vector<GroupTable> out;
  for (std::size_t judge = 0; judge < scores.judges().size(); ++judge) {
    for (std::size_t g = 0; g < groups.groups.size(); ++g) {
      std::vector<std::size_t> places;
      std::vector<UserId> people;
      for (std::size_t e = 0; e < groups.of.size(); ++e) {
        if (at(groups.of[e]) != g) continue;
        places.push_back(e);
        people.push_back(scores.people()[e]);
      }
      if (places.empty()) continue;
      std::vector<std::vector<float>> chosen;
      const auto values = [&](std::size_t m, std::size_t f) {
        chosen.clear();
        for (const std::span<const float> all : scores.values(m, judge, 0, f)) {
          std::vector<float>& column = chosen.emplace_back();
          for (const std::size_t place : places) column.push_back(all[place]);
        }
        return SeedValues(chosen.begin(), chosen.end());
      };
      out.push_back({scores.judges()[judge], groups.groups[g], places.size(),
                     tabulate(scores.methods(), {figures.begin(), figures.end()}, report.baseline(),
                              CrossedBootstrap(people, options), values)});
    }
  }
  return out;
}

std::string method_groups_text(const MethodReport& report, const EpisodeGroups& groups,
                               const CrossedOptions& options) {
  std::string out = fmt::format("By {}: {}\n\n", groups.by, groups.meaning);
  for (const GroupTable& each : method_groups(report, groups, options)) {
    out += fmt::format("{} ({}){}: {} episodes\n{}\n", each.group.name, each.group.meaning,
                       report.scores().figures().judged() ? ", under " + each.judge : "", each.episodes,
                       table_text(each.table, report.scores().methods(), report.baseline()));
  }
  return out;
}

nlohmann::ordered_json method_groups_json(const MethodReport& report, const EpisodeGroups& groups,
                                          const CrossedOptions& options) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const GroupTable& each : method_groups(report, groups, options)) {
    out.push_back({{"judge", each.judge},
                   {groups.one, each.group.name},
                   {"meaning", each.group.meaning},
                   {"episodes", each.episodes},
                   {"methods", table_json(each.table, report.scores().methods(), report.baseline())}});
  }
  return out;
}

}  // namespace veer::tools
