#include "tools/veer/figures/methods/order_agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "env/error.h"
#include "env/random.h"
#include "rewards/summary.h"
#include "scenarios/ope/selection.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

constexpr std::int64_t fewest_for_interval = 4;

/// The same methods on both sides, in the order of the report.
struct Sides {
  std::vector<std::string> methods;
  std::vector<double> offline, online;
};

Sides sides_of(const OfflineFigure& offline, const MethodReport& report, std::size_t comparison,
               std::size_t figure) {
  const std::span<const Method> methods = report.scores().methods();
  Sides out;
  for (std::size_t m = 0; m < methods.size(); ++m) {
    const auto found = std::find(offline.methods.begin(), offline.methods.end(), methods[m].name);
    if (found == offline.methods.end()) continue;
    const double mean = report.comparisons()[comparison].table.means[m][figure].mean;
    if (std::isnan(mean)) continue;
    out.methods.push_back(methods[m].name);
    out.offline.push_back(offline.means[static_cast<std::size_t>(found - offline.methods.begin())]);
    out.online.push_back(mean);
  }
  return out;
}

/// Places from 1, the largest value first.
std::vector<std::size_t> places_of(const std::vector<double>& values) {
  std::vector<std::size_t> out;
  for (const double value : values) {
    out.push_back(1 + static_cast<std::size_t>(std::count_if(values.begin(), values.end(),
                                                             [&](double other) { return other > value; })));
  }
  return out;
}

OrderAgreement agreement_of(const Sides& sides, const CrossedOptions& options) {
  OrderAgreement out;
  out.methods = std::ssize(sides.methods);
  out.kendall = ope::kendall(sides.online, sides.offline);
  out.spearman = ope::spearman(sides.online, sides.offline);
  out.low = out.high = std::nan("");
  if (out.methods < fewest_for_interval) return out;
  std::vector<double> replicates, online(sides.online.size()), offline(sides.online.size());
  for (std::int32_t r = 0; r < options.replicates; ++r) {
    const StepKey key{options.seed, static_cast<EpisodeId>(r), 0};
    for (std::size_t i = 0; i < online.size(); ++i) {
      const std::uint32_t drawn = uniform_below(static_cast<std::uint32_t>(online.size()), key,
                                                Stream::bootstrap, static_cast<std::uint32_t>(i));
      online[i] = sides.online[drawn];
      offline[i] = sides.offline[drawn];
    }
    const double tau = ope::kendall(online, offline);
    if (!std::isnan(tau)) replicates.push_back(tau);
  }
  if (replicates.empty()) return out;
  std::sort(replicates.begin(), replicates.end());
  out.low = quantile_of(replicates, 0.025);
  out.high = quantile_of(replicates, 0.975);
  return out;
}

}  // namespace

std::vector<OrderAgreement> order_agreement(const std::vector<OfflineFigure>& offline,
                                            const MethodReport& report, std::size_t comparison,
                                            const CrossedOptions& options) {
  std::vector<OrderAgreement> out;
  const std::vector<Figure>& figures = report.comparisons()[comparison].table.figures;
  for (const OfflineFigure& each : offline) {
    for (std::size_t f = 0; f < figures.size(); ++f) {
      if (!figures[f].compared) continue;
      const Sides sides = sides_of(each, report, comparison, f);
      if (sides.methods.size() < 2) {
        throw ConfigError({{}, 0, "--offline"},
                          {fmt::format("{} methods of the runs", sides.methods.size()), "two or more",
                           "give the same --method names to veer rank and here"});
      }
      out.push_back(agreement_of(sides, options));
      out.back().offline = each.name;
      out.back().online = figures[f].title;
    }
  }
  return out;
}

std::string agreement_text(const std::vector<OfflineFigure>& offline, const MethodReport& report,
                           std::size_t comparison, const std::vector<OrderAgreement>& found) {
  const Sides sides = sides_of(offline.front(), report, comparison, 0);
  const Figure& first = report.comparisons()[comparison].table.figures.front();
  const std::vector<std::size_t> before = places_of(sides.offline), after = places_of(sides.online);
  Table places({"method", "offline: " + offline.front().name, "place", "online: " + first.title, "place"});
  for (std::size_t m = 0; m < sides.methods.size(); ++m) {
    places.add({sides.methods[m], fmt::format("{:.4f}", sides.offline[m]), std::to_string(before[m]),
                fmt::format("{:.{}f}", sides.online[m], first.decimals), std::to_string(after[m])});
  }
  std::vector<std::string> header{"Kendall's tau"};
  for (const OrderAgreement& each : found) {
    if (each.offline == found.front().offline) header.push_back(each.online);
  }
  Table table(header);
  for (std::size_t i = 0; i < found.size(); i += header.size() - 1) {
    std::vector<std::string> row{found[i].offline};
    for (std::size_t f = 0; f + 1 < header.size(); ++f) {
      const OrderAgreement& each = found[i + f];
      row.push_back(std::isnan(each.kendall) ? "-"
                    : std::isnan(each.low)
                        ? fmt::format("{:.2f}", each.kendall)
                        : fmt::format("{:.2f} ({:.2f} to {:.2f})", each.kendall, each.low, each.high));
    }
    table.add(std::move(row));
  }
  return fmt::format(
      "Do methods stand in one order offline and online?\n{}\n{}{} methods; in brackets the 95 % "
      "interval where methods are resampled.\n",
      places.text(), table.text(), found.front().methods);
}

nlohmann::ordered_json agreement_json(const std::vector<OrderAgreement>& found) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const OrderAgreement& each : found) {
    out.push_back({{"offline", each.offline},
                   {"online", each.online},
                   {"methods", each.methods},
                   {"kendall", each.kendall},
                   {"low", each.low},
                   {"high", each.high},
                   {"spearman", each.spearman}});
  }
  return out;
}

}  // namespace veer::tools
