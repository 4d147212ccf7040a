#include "tools/veer/studies/interest_study.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>
#include <utility>

#include "agents/baselines/plain_weights.h"
#include "agents/hierarchy/direction_baselines.h"
#include "agents/hierarchy/manager_worker.h"
#include "env/engine.h"
#include "env/error.h"
#include "env/loop/rollout.h"
#include "env/runtime.h"
#include "scenarios/interests/interests.h"
#include "tools/veer/studies/study_log.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

InterestScenario interest_world_of(int delay) {
  return InterestScenario(
      {.world = std::make_shared<const InterestWorld>(InterestParameters{.delay = delay})});
}

hierarchy::HierarchyOptions hierarchy_of(bool manager, int span) {
  hierarchy::HierarchyOptions o;
  o.span = span;
  o.has_manager = manager;
  if (!manager) o.hidden = hierarchy::flat_width_like(o);
  return o;
}

/// Per episode: return, purchases and items taken; half an interval of the return over episodes.
StudyFigures led(const InterestScenario& world, const Policy& policy, int episodes) {
  std::vector<EpisodeId> ids(at(episodes));
  std::iota(ids.begin(), ids.end(), EpisodeId{1} << 32);  // nobody trained in these
  Engine engine(world, policy.spec(), {.rows = 512});
  const Trajectories paths = engine.evaluate(policy, Mode::greedy, ids);
  const std::vector<double> returns(paths.episode_return.begin(), paths.episode_return.end());
  double bought = 0.0, taken = 0.0;
  for (const std::uint8_t answer : paths.feedback) {
    bought += (answer & feedback::purchased) != 0 ? 1.0 : 0.0;
    taken += (answer & feedback::accepted) != 0 ? 1.0 : 0.0;
  }
  const MeanInterval mean = mean_interval(returns);
  return {{"return", mean.mean},
          {"return_half", mean.half},
          {"purchases", bought / episodes},
          {"taken", taken / episodes}};
}

StudyFigures learned(const InterestScenario& world, const hierarchy::HierarchyOptions& learns,
                     const InterestStudyOptions& options, std::uint64_t seed) {
  constexpr std::int32_t rows = 16;
  hierarchy::HierarchyLearner learner(learns, seed);
  Engine engine(world, learner.snapshot()->spec(), {.rows = rows, .shard_rows = 32, .seed = seed});
  // One episode of every row at a time: what is remembered are whole episodes.
  Rollout rollout(engine.shape(), world.spec().horizon);
  for (std::int64_t step = 0; step < options.steps; step += rollout.size()) {
    if (interrupted())
      throw Interrupted("interrupted: finished trainings are kept, the same command goes on");
    engine.collect(learner.snapshot(), Mode::sample, rollout);
    (void)learner.update(rollout);
  }
  return led(world, *learner.snapshot(), options.episodes);
}

struct InterestRow {
  int delay;
  std::string name;
  MeanInterval result;  ///< return
  double purchases, taken;
};

InterestRow over_seeds(int delay, const std::string& name, const std::vector<StudyFigures>& all) {
  std::vector<double> returns;
  InterestRow row{delay, name, {}, 0.0, 0.0};
  for (const StudyFigures& f : all) {
    returns.push_back(f.at("return"));
    row.purchases += f.at("purchases") / static_cast<double>(all.size());
    row.taken += f.at("taken") / static_cast<double>(all.size());
  }
  row.result = mean_interval(returns);
  return row;
}

void print_interests(const std::vector<InterestRow>& rows, const InterestStudyOptions& options,
                     const Session& session) {
  if (session.console.json()) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const InterestRow& row : rows) {
      out.push_back({{"delay", row.delay},
                     {"name", row.name},
                     {"return", {{"mean", row.result.mean}, {"half", row.result.half}}},
                     {"purchases", row.purchases},
                     {"taken", row.taken}});
    }
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  Table table({"agent", "delay", "return", "purchases", "taken"});
  for (const InterestRow& row : rows) {
    const bool difference = row.name.starts_with("difference");
    const std::string result = difference ? fmt::format("{:+.2f} ±{:.2f}", row.result.mean, row.result.half)
                                          : fmt::format("{:.2f} ±{:.2f}", row.result.mean, row.result.half);
    table.add({row.name, std::to_string(row.delay), result,
               difference ? "" : fmt::format("{:.2f}", row.purchases),
               difference ? "" : fmt::format("{:.1f}", row.taken)});
  }
  const auto parameters = [&](bool manager) {
    return hierarchy::HierarchyLearner(hierarchy_of(manager, options.span), 1).parameters();
  };
  session.console.out()
      << table.text()
      << fmt::format(
             "Per episode of 60 steps; a purchase earns 1, an item taken 0.1. ±: half a 95 % interval, over "
             "{} trainings for\nagents that learn (differences: paired by seed), over episodes for the "
             "others. Parameters: {} with a manager, {} without;\n{} steps each; goals and returns span "
             "{} steps.\n",
             options.seeds, grouped(static_cast<std::int64_t>(parameters(true))),
             grouped(static_cast<std::int64_t>(parameters(false))), grouped(options.steps), options.span);
}

}  // namespace

void run_interest_study(const InterestStudyOptions& options, const Session& session) {
  StudyLog log(options.output,
               fmt::format("interests, {} steps, span {}, {} episodes, seed {}", options.steps, options.span,
                           options.episodes, session.common.seed));
  if (log.known() > 0) {
    session.console.note(fmt::format("{} parts are finished already in {}", log.known(), options.output));
  }
  std::vector<InterestRow> rows;
  for (const int delay : options.delays) {
    const InterestScenario world = interest_world_of(delay);
    const std::int32_t width = world.spec().reals;
    const auto plain = [&](const Policy& policy) {
      const std::string& name = policy.spec().name;
      const StudyFigures& f = log.part(fmt::format("{}, delay {}", name, delay),
                                       [&] { return led(world, policy, options.episodes); });
      rows.push_back({delay, name, {f.at("return"), f.at("return_half")}, f.at("purchases"), f.at("taken")});
    };
    plain(RandomWeights("random", width));
    plain(*hierarchy::make_mixed_direction("of the moment", width, 1.0F, 0.0F));
    plain(*hierarchy::make_mixed_direction("of the long term", width, 0.0F, 1.0F));
    plain(*hierarchy::make_mixed_direction("half of each", width, 1.0F, 1.0F));
    std::vector<StudyFigures> all[2];
    for (const bool manager : {false, true}) {
      const std::string name = manager ? "manager and worker" : "flat";
      for (int s = 0; s < options.seeds; ++s) {
        const std::uint64_t seed = session.common.seed + static_cast<std::uint64_t>(s);
        const std::string part = fmt::format("{}, delay {}, seed {}", name, delay, seed);
        session.console.note(part);
        all[manager ? 1 : 0].push_back(log.part(
            part, [&] { return learned(world, hierarchy_of(manager, options.span), options, seed); }));
      }
      rows.push_back(over_seeds(delay, name, all[manager ? 1 : 0]));
    }
    std::vector<double> differences;
    for (std::size_t s = 0; s < all[0].size(); ++s) {
      differences.push_back(all[1][s].at("return") - all[0][s].at("return"));
    }
    rows.push_back({delay, "difference to flat", mean_interval(differences), 0.0, 0.0});
  }
  print_interests(rows, options, session);
}

}  // namespace veer::tools
