#include "tools/veer/figures/trust/long_run_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string numbers(const std::vector<double>& values) {
  std::string out;
  for (const double value : values) out += fmt::format(" {:.2f}", value);
  return out;
}

Json grade_json(const long_run::Grade& grade) {
  return {{"letter", std::string(1, grade.letter)},
          {"score", grade.score},
          {"worst", grade.worst},
          {"worst_ratio", grade.worst_ratio}};
}

}  // namespace

std::string comparison_text(const long_run::Report& report, const std::string& made, std::int32_t window,
                            const Console& console) {
  Table table({"what people took", "distance", made, "by popularity", "real against real", "ratio"});
  for (const long_run::Row& row : report.rows) {
    const long_run::MeasureInfo& about = long_run::info(row.measure);
    table.add({std::string(about.name), std::string(about.distance), fmt::format("{:.4f}", row.simulated),
               fmt::format("{:.4f}", row.by_popularity), fmt::format("{:.4f}", row.real),
               fmt::format("{:.2f}", row.ratio)});
  }
  std::string out = table.text() + "\n" + console.bold("Grade " + report.grade.text()) + "\n";
  out += fmt::format("{}\nPeople who take what is popular would get {} ({:.1f} times).\n",
                     long_run::grade_rule(), report.popularity_grade.letter, report.popularity_grade.score);
  if (report.diversity.real.empty()) return out;
  out += fmt::format("\nDistinct attributes in {} items, as time goes on: real{}, {}{}\n", window,
                     numbers(report.diversity.real), made, numbers(report.diversity.simulated));
  out += fmt::format("Similarity of taste {} items apart, and so on: real{}, {}{}\n", window,
                     numbers(report.autocorrelation.real), made, numbers(report.autocorrelation.simulated));
  return out;
}

std::string missing_text(const long_run::Report& report) {
  std::string out;
  for (const std::string& missing : report.not_compared) out += "Not compared: " + missing + "\n";
  return out;
}

Json comparison_json(const long_run::Report& report) {
  Json out;
  out["measures"] = Json::array();
  for (const long_run::Row& row : report.rows) {
    const long_run::MeasureInfo& about = long_run::info(row.measure);
    out["measures"].push_back({{"name", about.key},
                               {"distance", about.distance},
                               {"simulated", row.simulated},
                               {"by_popularity", row.by_popularity},
                               {"real", row.real},
                               {"real_deviation", row.real_deviation},
                               {"ratio", row.ratio},
                               {"popularity_ratio", row.popularity_ratio}});
  }
  out["grade"] = grade_json(report.grade);
  out["popularity_grade"] = grade_json(report.popularity_grade);
  out["rule"] = long_run::grade_rule();
  out["diversity"] = {{"real", report.diversity.real}, {"simulated", report.diversity.simulated}};
  out["autocorrelation"] = {{"real", report.autocorrelation.real},
                            {"simulated", report.autocorrelation.simulated}};
  out["not_compared"] = report.not_compared;
  return out;
}

}  // namespace veer::tools
