// Population files of arbitrary content: a recipe that is read is within its bounds and names lines that
// exist; what is refused is refused by file.
#include <algorithm>
#include <string>
#include <string_view>

#include "env/error.h"
#include "scenarios/population_recipe.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;

void check(const PopulationRecipe& recipe, std::string_view text) {
  const auto lines = std::ranges::count(text, '\n') + 1;
  fuzz::require(!recipe.cohorts.empty());
  for (std::size_t i = 0; i < recipe.cohorts.size(); ++i) {
    const Cohort& cohort = recipe.cohorts[i];
    fuzz::require(!cohort.name.empty() && cohort.line > 0 && cohort.line <= lines);
    fuzz::require(cohort.weight > 0.0 && cohort.weight <= 1e9);
    fuzz::require(cohort.bandwidth.value_or(0.0) >= 0.0 && cohort.bandwidth.value_or(0.0) <= 1.0);
    fuzz::require(cohort.least_log >= 0 && cohort.least_log <= cohort.most_log);
    fuzz::require(cohort.least_per_day >= 0.0 && cohort.least_per_day <= cohort.most_per_day);
    fuzz::require(cohort.least_share >= 0.0 && cohort.least_share <= cohort.most_share);
    fuzz::require(cohort.most_share <= 1.0);
    for (std::size_t j = 0; j < i; ++j) fuzz::require(recipe.cohorts[j].name != cohort.name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    check(veer::read_population(text, "people.toml"), text);
  } catch (const Error& error) {
    fuzz::require(std::string(error.what()).starts_with("people.toml"));
  }
  return 0;
}
