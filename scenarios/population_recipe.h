// Recipes of populations: cohorts of people and their weights, as files say them (POPULATION_FORMAT.md).
// Value types and pure functions; safe from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/dataset.h"

namespace veer {

/// A rule about people. Bounds are inclusive; what is left at its default excludes nobody.
struct Cohort {
  std::string name;                 ///< unique in its population
  double weight = 1.0;              ///< > 0; shares are weights over their sum
  bool made_up = false;             ///< new people instead of logged ones
  std::optional<double> bandwidth;  ///< of new people's tastes, 0..1; empty: fitted
  std::int64_t least_log = 0;       ///< items in the person's log
  std::int64_t most_log = std::numeric_limits<std::int64_t>::max();
  double least_per_day = 0.0;  ///< items per day, see items_per_day()
  double most_per_day = std::numeric_limits<double>::infinity();
  std::string attribute;     ///< empty: no rule about attributes
  double least_share = 0.0;  ///< of the person's items that have the attribute, 0..1
  double most_share = 1.0;
  std::int64_t line = 0;  ///< in the recipe's file; 0: from no file
};

struct PopulationRecipe {
  std::string name;
  std::optional<Part> part = Part::test;  ///< whose logs; empty: everybody's
  std::vector<Cohort> cohorts;
  std::filesystem::path file;  ///< it was read from, for messages; may be empty
};

/// Throws ConfigError naming file, line, cohort and key for a recipe that breaks its own rules.
void check_recipe(const PopulationRecipe& recipe);

/// Reads a recipe and checks it. `file` stands for the text in messages. Throws FormatError naming file, line
/// and key for text that is not TOML, missing or unknown keys, and values that cannot be, and what
/// check_recipe() throws.
PopulationRecipe read_population(std::string_view text, const std::filesystem::path& file);
/// The same from a file of at most one megabyte; IoError when it cannot be read.
PopulationRecipe read_population_file(const std::filesystem::path& file);

}  // namespace veer
