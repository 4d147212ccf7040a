#include "tools/veer/figures/guidance/people_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "env/error.h"
#include "scenarios/population.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

constexpr std::size_t named_attributes = 5;
constexpr std::int64_t no_logs = -1;

/// Thirds by a number; equal numbers stay together. `no_logs` is a fourth group.
EpisodeGroups thirds(const std::vector<std::int64_t>& numbers, const std::string& unit) {
  std::vector<std::int64_t> sorted;
  for (const std::int64_t number : numbers) {
    if (number != no_logs) sorted.push_back(number);
  }
  std::sort(sorted.begin(), sorted.end());
  const std::int64_t low = sorted.empty() ? 0 : sorted[sorted.size() / 3];
  const std::int64_t high = sorted.empty() ? 0 : sorted[2 * sorted.size() / 3];
  EpisodeGroups out;
  out.groups = {{"low", fmt::format("fewer than {} {}", grouped(low), unit)},
                {"middle", fmt::format("{} {} or more, fewer than {}", grouped(low), unit, grouped(high))},
                {"high", fmt::format("{} {} or more", grouped(high), unit)},
                {"made up", "people who are not in the data set"}};
  for (const std::int64_t number : numbers) {
    out.of.push_back(number == no_logs ? 3 : number < low ? 0 : number < high ? 1 : 2);
  }
  return out;
}

EpisodeGroups by_attribute(const Dataset& data, const Trajectories& paths) {
  const std::size_t attributes = data.catalogue.attribute_names.size();
  if (attributes == 0) {
    throw ConfigError({{}, 0, "--by"},
                      {"attribute", "a catalogue with attributes", "use --by history or --by activity"});
  }
  const std::size_t none = attributes;
  std::vector<std::size_t> favourite;
  std::vector<std::int64_t> episodes(attributes + 1, 0);
  for (std::size_t e = 0; e < paths.episode_id.size(); ++e) {
    std::vector<std::int32_t> counts(attributes, 0);
    const std::size_t first = e * static_cast<std::size_t>(paths.history_width);
    for (std::int32_t k = 0; k < paths.history_size[e]; ++k) {
      for (const std::int32_t a : data.catalogue.attributes_of(paths.history[first + at(k)])) ++counts[at(a)];
    }
    const auto most = std::max_element(counts.begin(), counts.end());
    favourite.push_back(*most == 0 ? none : static_cast<std::size_t>(most - counts.begin()));
    ++episodes[favourite.back()];
  }
  std::vector<std::size_t> order(attributes);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return episodes[a] > episodes[b]; });
  order.resize(std::min(order.size(), named_attributes));
  EpisodeGroups out;
  for (const std::size_t a : order)
    out.groups.push_back({data.catalogue.attribute_names[a], "most of what the history holds"});
  out.groups.push_back({"other", "another attribute, or none"});
  for (const std::size_t a : favourite) {
    out.of.push_back(static_cast<std::int32_t>(std::find(order.begin(), order.end(), a) - order.begin()));
  }
  return out;
}

}  // namespace

EpisodeGroups people_groups(const std::string& by, const Dataset& data, const Trajectories& paths) {
  EpisodeGroups out;
  std::vector<std::int64_t> numbers;
  if (by == "history") {
    numbers.assign(paths.history_size.begin(), paths.history_size.end());
    out = thirds(numbers, "items");
    out.meaning = "items that the episode begins with";
  } else if (by == "activity") {
    for (const UserId user : paths.episode_user) {
      const bool logged = user >= 0 && user < data.interactions.users();
      numbers.push_back(logged ? static_cast<std::int64_t>(data.interactions.of(user).size()) : no_logs);
    }
    out = thirds(numbers, "interactions");
    out.meaning = "interactions of the person in the data set";
  } else if (by == "attribute") {
    out = by_attribute(data, paths);
    out.meaning = "the attribute that most items of the starting history have";
  } else {
    throw ConfigError({{}, 0, "--by"}, {"'" + by + "'", "history, activity or attribute", ""});
  }
  out.by = by;
  out.one = "group";
  return out;
}

EpisodeGroups cohort_groups(const PopulationRecipe& recipe, const Trajectories& paths, std::uint64_t seed) {
  EpisodeGroups out{.by = "cohort", .one = "cohort", .meaning = recipe.name, .groups = {}, .of = {}};
  for (const Cohort& cohort : recipe.cohorts)
    out.groups.push_back({cohort.name, cohort.made_up ? "new people" : "logged people"});
  for (const EpisodeId episode : paths.episode_id)
    out.of.push_back(drawn_cohort(recipe.cohorts, {seed, episode, 0}));
  return out;
}

}  // namespace veer::tools
