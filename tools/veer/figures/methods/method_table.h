// Several methods side by side, each trained with one or more seeds: means with intervals over people and
// seeds, differences to a baseline, Holm's correction. What `veer compare` and `veer rank` print.
// Thread-safety: pure functions and value types.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "rewards/crossed.h"

namespace CLI {
class App;
}

namespace veer::tools {

/// What is compared with what, from options.
struct MethodChoice {
  std::vector<std::string> methods;  ///< "NAME=POLICY"
  std::string baseline;              ///< empty: the first
  std::string csv;                   ///< file of all figures; empty: none
  CrossedOptions bootstrap;
};
/// `policy`: what a policy is called here, "POLICY" or "MODEL".
void add_method_options(CLI::App& app, MethodChoice& choice, const std::string& policy);

/// A method and the policies or model files that stand for its training seeds.
struct Method {
  std::string name;
  std::vector<std::string> policies;
};

/// From "NAME=POLICY" words; words with one name are one method. Throws ConfigError naming --method for a
/// word of another form or a policy in two methods.
std::vector<Method> parse_methods(const std::vector<std::string>& words);
/// Checks that all policies of methods are among `known`, and makes those that stand in none methods of their
/// own, after the others. Throws ConfigError naming --method.
std::vector<Method> complete_methods(std::vector<Method> methods, std::span<const std::string> known);
/// Index of a method by name, the first for "". Throws ConfigError naming --baseline.
std::size_t find_method(std::span<const Method> methods, const std::string& name);

struct Figure {
  std::string name;   ///< in JSON and CSV
  std::string title;  ///< of its column
  int decimals = 3;
  bool compared = false;  ///< printed with its interval, and its differences are tested
  double tail = 0.0;      ///< above 0: of the worst such share of `unit` instead of all
  TailUnit unit = TailUnit::people;
};

struct MethodTable {
  std::vector<Figure> figures;
  std::vector<std::vector<Estimate>> means;        ///< [method][figure]
  std::vector<std::vector<Estimate>> differences;  ///< [method][figure] to the baseline; empty for itself
  std::vector<std::vector<double>> adjusted;       ///< [method][figure] Holm's p; NaN where nothing is tested
  std::vector<std::vector<double>> pairing;        ///< [method][figure] pairing_gain; as differences
};

/// `values(method, figure)`: one span per training seed, which must last until the next call.
using MethodValues = std::function<SeedValues(std::size_t method, std::size_t figure)>;
MethodTable tabulate(std::span<const Method> methods, std::vector<Figure> figures, std::size_t baseline,
                     const CrossedBootstrap& bootstrap, const MethodValues& values);

/// One more column, of a number per method that has no interval and is not tested.
void add_whole(MethodTable& table, const Figure& figure, std::span<const double> values,
               std::size_t baseline);

/// "1.234 (1.000 to 1.500)", "-" without a mean; and the same as JSON.
std::string estimate_cell(const Estimate& e, int decimals, bool sign);
nlohmann::ordered_json estimate_json(const Estimate& e);
/// "0.032", "<0.001", "-" for NaN.
std::string p_text(double p);

/// A table of means and one of differences.
std::string table_text(const MethodTable& table, std::span<const Method> methods, std::size_t baseline);
/// One entry per method.
nlohmann::ordered_json table_json(const MethodTable& table, std::span<const Method> methods,
                                  std::size_t baseline);
/// One line per method and figure, `prefix` before each; and the header that belongs to it.
std::string table_csv_header(const std::string& prefix);
std::string table_csv(const std::string& prefix, const MethodTable& table, std::span<const Method> methods,
                      std::size_t baseline);

/// How to read such tables.
enum class Tails : bool { none, shown };  ///< whether tables have columns of the worst tenth
std::string table_legend(Tails tails = Tails::shown);

}  // namespace veer::tools
