#include "scenarios/population_recipe.h"

#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "env/error.h"
#include "env/store/atomic_file.h"
#include "env/store/toml_text.h"

namespace veer {
namespace {

constexpr double most = 1e9;
constexpr auto most_bytes = std::size_t{1} << 20;

/// Types and ranges of single keys; what they mean together is check_recipe()'s.
Cohort read_cohort(TomlReader& table) {
  Cohort cohort;
  cohort.line = table.line();
  cohort.name = table.text("name");
  const auto number = [&](const char* key, double& out) {
    if (table.contains(key)) out = table.number(key, 0.0, most);
  };
  const auto integer = [&](const char* key, std::int64_t& out) {
    if (table.contains(key)) out = table.integer(key, 0, static_cast<std::int64_t>(most));
  };
  number("weight", cohort.weight);
  if (table.contains("people")) {
    const std::string people = table.text("people");
    if (people != "logged" && people != "new")
      table.fail("people", '"' + people + '"', "\"logged\" or \"new\"");
    cohort.made_up = people == "new";
  }
  if (table.contains("bandwidth")) cohort.bandwidth = table.number("bandwidth", 0.0, 1.0);
  integer("least_log", cohort.least_log);
  integer("most_log", cohort.most_log);
  number("least_per_day", cohort.least_per_day);
  number("most_per_day", cohort.most_per_day);
  if (table.contains("attribute")) cohort.attribute = table.text("attribute");
  number("least_share", cohort.least_share);
  number("most_share", cohort.most_share);
  table.expect_no_more();
  return cohort;
}

std::optional<Part> read_part(TomlReader& top) {
  const std::array<std::string_view, 4> names{"train_plan", "train_judge", "validation", "test"};
  const std::string part = top.text("part");
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (part == names[i]) return static_cast<Part>(i);
  }
  if (part != "all") top.fail("part", '"' + part + '"', "test, validation, train_plan, train_judge or all");
  return std::nullopt;
}

}  // namespace

void check_recipe(const PopulationRecipe& recipe) {
  if (recipe.cohorts.empty()) {
    throw ConfigError(Where{recipe.file, 0, "cohort"}, Problem{"none", "at least one [[cohort]]", {}});
  }
  std::set<std::string> names;
  for (const Cohort& cohort : recipe.cohorts) {
    const auto require = [&](bool holds, const char* key, const std::string& found,
                             const std::string& expected) {
      if (holds) return;
      throw ConfigError(Where{recipe.file, cohort.line, "cohort '" + cohort.name + "': " + key},
                        Problem{found, expected, {}});
    };
    require(!cohort.name.empty(), "name", "nothing", "a name");
    require(names.insert(cohort.name).second, "name", "a second time", "names that differ");
    require(cohort.weight > 0.0 && std::isfinite(cohort.weight), "weight", std::to_string(cohort.weight),
            "more than 0");
    require(!cohort.bandwidth || cohort.made_up, "bandwidth", "it beside logged people",
            "people = \"new\" beside it");
    require(!cohort.bandwidth || (*cohort.bandwidth >= 0.0 && *cohort.bandwidth <= 1.0), "bandwidth",
            std::to_string(cohort.bandwidth.value_or(0.0)), "0 to 1");
    require(cohort.least_log <= cohort.most_log, "most_log", std::to_string(cohort.most_log),
            "at least least_log");
    require(cohort.least_per_day <= cohort.most_per_day, "most_per_day", std::to_string(cohort.most_per_day),
            "at least least_per_day");
    require(!cohort.attribute.empty() || (cohort.least_share == 0.0 && cohort.most_share == 1.0), "attribute",
            "a share of none", "the name of an attribute beside least_share and most_share");
    require(cohort.least_share <= cohort.most_share && cohort.most_share <= 1.0, "most_share",
            std::to_string(cohort.most_share), "least_share to 1");
  }
}

PopulationRecipe read_population(std::string_view text, const std::filesystem::path& file) {
  TomlReader top(text, file.string(), "scenarios/POPULATION_FORMAT.md says what a population file holds");
  PopulationRecipe recipe;
  recipe.file = file;
  top.integer("format", 1, 1);
  recipe.name = top.text("name");
  if (top.contains("part")) recipe.part = read_part(top);
  for (TomlReader& table : top.tables("cohort")) recipe.cohorts.push_back(read_cohort(table));
  top.expect_no_more();
  check_recipe(recipe);
  return recipe;
}

PopulationRecipe read_population_file(const std::filesystem::path& file) {
  return read_population(read_text(file, most_bytes), file);
}

}  // namespace veer
