#include "tools/veer/figures/trust/validate_population.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"
#include "scenarios/population.h"
#include "tools/veer/figures/trust/long_run_report.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

/// Of Stream::scenario, behind those of Population: Stream::split would know the parts of the data set.
constexpr std::uint32_t half_lane = 8;

struct Comparison {
  long_run::Report report;
  TasteDensity tastes;
};

Comparison compare_cohort(const PopulationRecipe& recipe, const Cohort& cohort,
                          const std::shared_ptr<const Dataset>& data, const LoadedModel& users,
                          const long_run::Options& options) {
  const std::int32_t length = options.starts.least_history + options.starts.steps;
  const auto of_half = [&](std::uint32_t half) {
    PopulationRecipe alone = recipe;
    alone.cohorts = {cohort};
    return Population(std::move(alone), data, users.users, length, [&options, half](UserId user) {
      return random_word({options.seed, static_cast<EpisodeId>(user), 0}, Stream::scenario, half_lane) >>
                 31 ==
             half;
    });
  };
  const Population makers = of_half(0), others = of_half(1);
  const std::span<const UserId> people = others.people_of(0);
  Interactions real, made;
  made.items.resize(people.size() * static_cast<std::size_t>(length));
  for (std::size_t i = 0; i <= people.size(); ++i) {
    made.offsets.push_back(static_cast<std::int64_t>(i) * length);
  }
  real.offsets = made.offsets;
  for (const UserId user : people) {
    const auto before = static_cast<std::size_t>(drawn_place(data->interactions, user, length));
    const auto window = data->interactions.of(user).subspan(before, static_cast<std::size_t>(length));
    real.items.insert(real.items.end(), window.begin(), window.end());
  }
  parallel_for(std::ssize(people), [&](std::int64_t i) {
    const StepKey key{options.seed, static_cast<EpisodeId>(i), 0};
    makers.write_history(makers.draw(key), key,
                         std::span(made.items)
                             .subspan(static_cast<std::size_t>(made.offsets[static_cast<std::size_t>(i)]),
                                      static_cast<std::size_t>(length)));
  });
  return {long_run::compare_logs(*data, real, made, options), *makers.tastes_of(0)};
}

std::string tastes_text(const TasteDensity& tastes) {
  const std::string bandwidth = tastes.directions() == 0
                                    ? fmt::format("bandwidth {:.2f}", tastes.bandwidth())
                                    : fmt::format(
                                          "bandwidth {:.2f} by leave-one-out likelihood in {} directions,\n"
                                          "{:.2f} nats per person above a normal distribution",
                                          tastes.bandwidth(), tastes.directions(), tastes.gain());
  return fmt::format("Fitted to the tastes of {} people ({} numbers each): {}\n", grouped(tastes.people()),
                     tastes.width(), bandwidth);
}

}  // namespace

void validate_population(const std::filesystem::path& file, std::shared_ptr<const Dataset> data,
                         const LoadedModel& users, const long_run::Options& options, const Session& session) {
  const PopulationRecipe recipe = read_population_file(file);
  Json cohorts = Json::array();
  for (const Cohort& cohort : recipe.cohorts) {
    if (!cohort.made_up) continue;
    const auto [report, tastes] = compare_cohort(recipe, cohort, data, users, options);
    Json entry{{"cohort", cohort.name},
               {"people", report.people},
               {"fitted_to", tastes.people()},
               {"bandwidth", tastes.bandwidth()},
               {"directions", tastes.directions()},
               {"gain_over_normal", tastes.gain()}};
    entry.update(comparison_json(report));
    cohorts.push_back(std::move(entry));
    if (session.console.json()) continue;
    session.console.out() << fmt::format(
        "{}, cohort {} on {}: {} new people who live by {},\n"
        "against as many real ones they were not made from, {} items each after {}, seed {}\n{}\n{}{}\n",
        file.filename().string(), cohort.name, data->name, grouped(report.people), fit_of(users.manifest),
        options.starts.steps, options.starts.least_history, session.common.seed, tastes_text(tastes),
        comparison_text(report, "new", options.window, session.console), missing_text(report));
  }
  if (cohorts.empty()) {
    throw ConfigError(Where{file, 0, "people"},
                      Problem{"no cohort of new people", "people = \"new\" in one",
                              "logged people are real: there is nothing to compare"});
  }
  if (!session.console.json()) return;
  const Json out{{"population", recipe.name},        {"data", data->name},
                 {"fingerprint", data->fingerprint}, {"users", fit_of(users.manifest)},
                 {"users_sha256", users.checksum},   {"seed", session.common.seed},
                 {"steps", options.starts.steps},    {"cohorts", cohorts}};
  session.console.out() << out.dump(2) << '\n';
}

}  // namespace veer::tools
