#include "tools/veer/figures/methods/method_table.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "env/error.h"
#include "tools/veer/terminal/checks.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string times(double gain) { return std::isnan(gain) ? "-" : fmt::format("{:.1f}", gain); }

std::vector<double> replicates_of(const CrossedBootstrap& bootstrap, const Figure& figure,
                                  const SeedValues& values, std::size_t method) {
  const auto number = static_cast<std::uint32_t>(method);
  return figure.tail > 0.0 ? bootstrap.worst_replicates(values, number, figure.unit, figure.tail)
                           : bootstrap.replicates(values, number);
}

std::string csv_number(double value) { return std::isnan(value) ? "" : fmt::format("{:.6g}", value); }

}  // namespace

Json estimate_json(const Estimate& e) {
  return {{"mean", e.mean}, {"low", e.low}, {"high", e.high}, {"standard_error", e.standard_error}};
}

std::string estimate_cell(const Estimate& e, int decimals, bool sign) {
  if (std::isnan(e.mean)) return "-";
  const std::string mean =
      sign ? fmt::format("{:+.{}f}", e.mean, decimals) : fmt::format("{:.{}f}", e.mean, decimals);
  if (std::isnan(e.low)) return mean;
  return fmt::format("{} ({:.{}f} to {:.{}f})", mean, e.low, decimals, e.high, decimals);
}

std::string p_text(double p) { return std::isnan(p) ? "-" : p < 0.001 ? "<0.001" : fmt::format("{:.3f}", p); }

void add_method_options(CLI::App& app, MethodChoice& choice, const std::string& policy) {
  app.add_option(
         "--method", choice.methods,
         "NAME=" + policy +
             ": as tables name it, it is one training seed of the method; to be repeated. What stands in no "
             "method is a method of its own")
      ->type_name("M")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--baseline", choice.baseline,
                 "method that the others are compared with; default: the first")
      ->type_name("NAME");
  app.add_option("--replicates", choice.bootstrap.replicates, "of the bootstrap")
      ->check(positive())
      ->capture_default_str();
  app.add_option("--csv", choice.csv, "all figures in one table, for plots")->type_name("FILE");
}

std::vector<Method> parse_methods(const std::vector<std::string>& words) {
  std::vector<Method> methods;
  std::vector<std::string> seen;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size()) {
      throw ConfigError({{}, 0, "--method"}, {"'" + word + "'", "NAME=POLICY, such as prorl=prorl-1", ""});
    }
    const std::string name = word.substr(0, equals), policy = word.substr(equals + 1);
    if (std::find(seen.begin(), seen.end(), policy) != seen.end()) {
      throw ConfigError({{}, 0, "--method"}, {policy + " twice", "every policy in one method", ""});
    }
    seen.push_back(policy);
    auto found =
        std::find_if(methods.begin(), methods.end(), [&](const Method& m) { return m.name == name; });
    if (found == methods.end()) found = methods.insert(methods.end(), {name, {}});
    found->policies.push_back(policy);
  }
  return methods;
}

std::vector<Method> complete_methods(std::vector<Method> methods, std::span<const std::string> known) {
  std::vector<std::string> taken;
  for (const Method& method : methods) {
    for (const std::string& policy : method.policies) {
      if (std::find(known.begin(), known.end(), policy) == known.end()) {
        throw ConfigError({{}, 0, "--method"},
                          {"'" + policy + "'", fmt::format("one of {}", fmt::join(known, ", ")),
                           "a policy is named as in the tables"});
      }
      taken.push_back(policy);
    }
  }
  for (const std::string& name : known) {
    const bool named =
        std::any_of(methods.begin(), methods.end(), [&](const Method& m) { return m.name == name; });
    if (named && std::find(taken.begin(), taken.end(), name) == taken.end()) {
      throw ConfigError({{}, 0, "--method"}, {"'" + name + "', which is also a policy of no method",
                                              "names that differ", "give the method another name"});
    }
    if (std::find(taken.begin(), taken.end(), name) == taken.end()) methods.push_back({name, {name}});
  }
  return methods;
}

std::size_t find_method(std::span<const Method> methods, const std::string& name) {
  std::vector<std::string> names;
  for (std::size_t m = 0; m < methods.size(); ++m) {
    if (name.empty() || methods[m].name == name) return m;
    names.push_back(methods[m].name);
  }
  throw ConfigError({{}, 0, "--baseline"},
                    {"'" + name + "'", fmt::format("one of {}", fmt::join(names, ", ")), ""});
}

MethodTable tabulate(std::span<const Method> methods, std::vector<Figure> figures, std::size_t baseline,
                     const CrossedBootstrap& bootstrap, const MethodValues& values) {
  MethodTable out;
  out.figures = std::move(figures);
  std::vector<std::vector<double>> of_baseline;  // per figure
  for (std::size_t f = 0; f < out.figures.size(); ++f) {
    of_baseline.push_back(replicates_of(bootstrap, out.figures[f], values(baseline, f), baseline));
  }
  std::vector<double> p;
  for (std::size_t m = 0; m < methods.size(); ++m) {
    auto& means = out.means.emplace_back();
    auto& differences = out.differences.emplace_back();
    auto& pairing = out.pairing.emplace_back();
    for (std::size_t f = 0; f < out.figures.size(); ++f) {
      if (m == baseline) {
        means.push_back(bootstrap.estimate(of_baseline[f]));
        continue;
      }
      std::vector<double> mine = replicates_of(bootstrap, out.figures[f], values(m, f), m);
      means.push_back(bootstrap.estimate(mine));
      pairing.push_back(pairing_gain(mine, of_baseline[f]));
      differences.push_back(bootstrap.difference(std::move(mine), of_baseline[f]));
      p.push_back(out.figures[f].compared ? differences.back().p : std::nan(""));
    }
  }
  const std::vector<double> adjusted = holm_adjusted(p);
  auto next = adjusted.begin();
  for (const auto& differences : out.differences) {
    const auto last = next + static_cast<std::ptrdiff_t>(differences.size());
    out.adjusted.emplace_back(next, last);
    next = last;
  }
  return out;
}

void add_whole(MethodTable& table, const Figure& figure, std::span<const double> values,
               std::size_t baseline) {
  const double none = std::nan("");
  table.figures.push_back(figure);
  for (std::size_t m = 0; m < values.size(); ++m) {
    table.means[m].push_back({values[m], none, none, none, none});
    if (m == baseline) continue;
    table.differences[m].push_back({values[m] - values[baseline], none, none, none, none});
    table.adjusted[m].push_back(none);
    table.pairing[m].push_back(none);
  }
}

namespace {

/// A table of the tails: means with intervals, and what they are less those of the baseline.
std::string tails_text(const MethodTable& table, std::span<const Method> methods, std::size_t baseline) {
  std::vector<std::string> header{"in the tail"};
  for (const Figure& figure : table.figures) {
    if (figure.tail == 0.0) continue;
    header.push_back(figure.title);
    if (methods.size() > 1) header.push_back("minus " + methods[baseline].name);
  }
  if (header.size() == 1) return {};
  Table tails(header);
  for (std::size_t m = 0; m < methods.size(); ++m) {
    std::vector<std::string> row{methods[m].name};
    for (std::size_t f = 0; f < table.figures.size(); ++f) {
      const Figure& figure = table.figures[f];
      if (figure.tail == 0.0) continue;
      row.push_back(estimate_cell(table.means[m][f], figure.decimals, false));
      if (methods.size() > 1)
        row.push_back(m == baseline ? "" : estimate_cell(table.differences[m][f], figure.decimals, true));
    }
    tails.add(row);
  }
  return "\n" + tails.text();
}

}  // namespace

std::string table_text(const MethodTable& table, std::span<const Method> methods, std::size_t baseline) {
  std::vector<std::string> header{"method", "seeds"};
  for (const Figure& figure : table.figures) {
    if (figure.tail == 0.0) header.push_back(figure.title);
  }
  Table means(header);
  for (std::size_t m = 0; m < methods.size(); ++m) {
    std::vector<std::string> row{methods[m].name, std::to_string(methods[m].policies.size())};
    for (std::size_t f = 0; f < table.figures.size(); ++f) {
      if (table.figures[f].tail > 0.0) continue;
      Estimate shown = table.means[m][f];
      if (!table.figures[f].compared) shown.low = std::nan("");
      row.push_back(estimate_cell(shown, table.figures[f].decimals, false));
    }
    means.add(row);
  }
  const std::string tails = tails_text(table, methods, baseline);
  if (methods.size() < 2) return means.text() + tails;
  header = {"minus " + methods[baseline].name};
  for (const Figure& figure : table.figures) {
    if (figure.compared) header.insert(header.end(), {figure.title, "p", "x"});
  }
  Table differences(header);
  for (std::size_t m = 0; m < methods.size(); ++m) {
    if (m == baseline) continue;
    std::vector<std::string> row{methods[m].name};
    for (std::size_t f = 0; f < table.figures.size(); ++f) {
      if (!table.figures[f].compared) continue;
      row.push_back(estimate_cell(table.differences[m][f], table.figures[f].decimals, true));
      row.push_back(p_text(table.adjusted[m][f]));
      row.push_back(times(table.pairing[m][f]));
    }
    differences.add(row);
  }
  return means.text() + "\n" + differences.text() + tails;
}

Json table_json(const MethodTable& table, std::span<const Method> methods, std::size_t baseline) {
  Json out = Json::array();
  for (std::size_t m = 0; m < methods.size(); ++m) {
    Json entry{{"method", methods[m].name}, {"seeds", methods[m].policies.size()}};
    for (std::size_t f = 0; f < table.figures.size(); ++f) {
      Json figure = estimate_json(table.means[m][f]);
      if (m != baseline) {
        figure["difference"] = estimate_json(table.differences[m][f]);
        figure["difference"]["p"] = table.differences[m][f].p;
        figure["difference"]["p_adjusted"] = table.adjusted[m][f];
        figure["difference"]["pairing_gain"] = table.pairing[m][f];
      }
      entry[table.figures[f].name] = figure;
    }
    out.push_back(entry);
  }
  return out;
}

std::string table_csv_header(const std::string& prefix) {
  return prefix +
         "method,seeds,figure,mean,low,high,difference,difference_low,difference_high,p,p_adjusted\n";
}

std::string table_csv(const std::string& prefix, const MethodTable& table, std::span<const Method> methods,
                      std::size_t baseline) {
  std::string out;
  for (std::size_t m = 0; m < methods.size(); ++m) {
    for (std::size_t f = 0; f < table.figures.size(); ++f) {
      const Estimate& e = table.means[m][f];
      out += fmt::format("{}\"{}\",{},{},{},{},{}", prefix, methods[m].name, methods[m].policies.size(),
                         table.figures[f].name, csv_number(e.mean), csv_number(e.low), csv_number(e.high));
      if (m == baseline) {
        out += ",,,,,\n";
        continue;
      }
      const Estimate& d = table.differences[m][f];
      out += fmt::format(",{},{},{},{},{}\n", csv_number(d.mean), csv_number(d.low), csv_number(d.high),
                         csv_number(d.p), csv_number(table.adjusted[m][f]));
    }
  }
  return out;
}

std::string table_legend(Tails tails) {
  std::string out =
      "In brackets the 95 % interval over people and training seeds, resampled together (of one seed: "
      "over\n"
      "people alone). p: of no difference, two-sided, after Holm's correction for all differences in one "
      "table;\nno smaller than 2 / (replicates + 1) times their number. x: how many times smaller the "
      "variance of the "
      "difference\nis than with other people and other noise for each method, episodes being equal.";
  if (tails == Tails::shown) {
    out +=
        " Worst 10 %, CVaR 10 %: mean of the first\n"
        "figure over the tenth of the people, and of the episodes, who fared worst.";
  }
  return out + "\n";
}

}  // namespace veer::tools
