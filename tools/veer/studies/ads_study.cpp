#include "tools/veer/studies/ads_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>
#include <utility>
#include <vector>

#include "agents/ads/cross_dqn.h"
#include "agents/ads/page_baselines.h"
#include "agents/replay/online_training.h"
#include "env/engine.h"
#include "scenarios/ads/ads.h"
#include "tools/veer/studies/study_log.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"

namespace veer::tools {
namespace {

/// What is worth how much to the agent of a row.
struct AdsAgent {
  const char* name;
  float experience;  ///< weight of the substance of clicked items against money
  float discount;
  bool orders_items = true;
};
constexpr AdsAgent ads_agents[] = {
    {"cross_dqn, experience 0", 0.0F, 0.95F},        {"cross_dqn, experience 0.25", 0.25F, 0.95F},
    {"cross_dqn, experience 0.5", 0.5F, 0.95F},      {"cross_dqn, experience 1", 1.0F, 0.95F},
    {"cross_dqn, experience 2", 2.0F, 0.95F},        {"cross_dqn, experience 4", 4.0F, 0.95F},
    {"no bootstrap, experience 0", 0.0F, 0.0F},      {"no bootstrap, experience 1", 1.0F, 0.0F},
    {"no bootstrap, experience 4", 4.0F, 0.0F},      {"ads alone, experience 0", 0.0F, 0.95F, false},
    {"ads alone, experience 1", 1.0F, 0.95F, false}, {"ads alone, experience 4", 4.0F, 0.95F, false}};

AdsScenario ads_world_of(float experience) {
  AdsParameters p;
  p.world = std::make_shared<const AdsWorld>(AdsWorldParameters{});
  p.experience = experience;
  return AdsScenario(std::move(p));
}

/// Per session: revenue, experience, pages, and the share of slots that were ads; half an interval of the
/// first three over sessions.
StudyFigures judged(const AdsScenario& world, const Policy& policy, int episodes, std::uint64_t seed) {
  std::vector<EpisodeId> ids(at(episodes));
  std::iota(ids.begin(), ids.end(), EpisodeId{1} << 32);  // nobody trained in these
  Engine engine(world, policy.spec(), {.rows = 512, .seed = seed});
  const Trajectories paths = engine.evaluate(policy, Mode::greedy, ids);
  const AdsWorld& truth = *world.parameters().world;
  const std::int64_t slots = world.spec().slots;
  std::vector<double> revenue, experience, pages;
  double ads = 0.0, shown = 0.0;
  for (std::int64_t e = 0; e < paths.episodes(); ++e) {
    double earned = 0.0, pleased = 0.0;
    const std::int64_t first = slots * paths.first_step[at(e)];
    for (std::int64_t i = first; i < first + slots * paths.length[at(e)]; ++i) {
      const ItemId item = paths.items[at(i)];
      shown += 1.0;
      ads += truth.is_ad(item) ? 1.0 : 0.0;
      if ((paths.feedback[at(i)] & feedback::accepted) == 0) continue;
      earned += double{truth.bid(item)};
      pleased += double{truth.substance(item)};
    }
    revenue.push_back(earned);
    experience.push_back(pleased);
    pages.push_back(paths.length[at(e)]);
  }
  const MeanInterval r = mean_interval(revenue), x = mean_interval(experience), p = mean_interval(pages);
  return {{"revenue", r.mean},         {"revenue_half", r.half}, {"experience", x.mean},
          {"experience_half", x.half}, {"pages", p.mean},        {"pages_half", p.half},
          {"ad_share", ads / shown}};
}

StudyFigures trained(const AdsAgent& agent, const ads::PageLayout& layout, const AdsStudyOptions& options,
                     std::uint64_t seed) {
  const AdsScenario world = ads_world_of(agent.experience);
  ads::CrossDqnOptions learns;
  learns.layout = layout;
  learns.discount = agent.discount;
  learns.orders_items = agent.orders_items;
  ads::CrossDqnLearner learner(learns, seed);
  OnlineOptions online;
  online.engine.seed = seed;
  online.steps = options.steps;
  online.updates = 2;
  online.replay = options.steps;
  online.learning_starts = std::min(online.learning_starts, options.steps / 2);
  (void)train_online(world, learner, online);
  return judged(world, *learner.snapshot(), options.episodes, 1);
}

struct StudyRow {
  std::string name;
  MeanInterval revenue, experience, pages;
  double ad_share = 0.0;
};

StudyRow of_sessions(const std::string& name, const StudyFigures& f) {
  return {name,
          {f.at("revenue"), f.at("revenue_half")},
          {f.at("experience"), f.at("experience_half")},
          {f.at("pages"), f.at("pages_half")},
          f.at("ad_share")};
}

StudyRow of_trainings(const std::string& name, const std::vector<StudyFigures>& all) {
  const auto over = [&](const char* figure) {
    std::vector<double> values;
    for (const StudyFigures& f : all) values.push_back(f.at(figure));
    return mean_interval(values);
  };
  return {name, over("revenue"), over("experience"), over("pages"), over("ad_share").mean};
}

/// Masks that no other mask beats in both revenue and experience, most ads last.
std::vector<StudyRow> undominated(std::vector<StudyRow> rows) {
  std::vector<StudyRow> out;
  for (const StudyRow& row : rows) {
    const bool beaten = std::ranges::any_of(rows, [&](const StudyRow& other) {
      return other.revenue.mean >= row.revenue.mean && other.experience.mean >= row.experience.mean &&
             (other.revenue.mean > row.revenue.mean || other.experience.mean > row.experience.mean);
    });
    if (!beaten) out.push_back(row);
  }
  std::ranges::sort(out, {}, [](const StudyRow& row) { return row.revenue.mean; });
  return out;
}

std::string with_half(const MeanInterval& m) { return fmt::format("{:.2f} ±{:.2f}", m.mean, m.half); }

void print_ads(const std::vector<StudyRow>& rows, const Session& session) {
  if (session.console.json()) {
    nlohmann::ordered_json out = nlohmann::ordered_json::array();
    for (const StudyRow& row : rows) {
      out.push_back({{"name", row.name},
                     {"revenue", {{"mean", row.revenue.mean}, {"half", row.revenue.half}}},
                     {"experience", {{"mean", row.experience.mean}, {"half", row.experience.half}}},
                     {"pages", {{"mean", row.pages.mean}, {"half", row.pages.half}}},
                     {"ad_share", row.ad_share}});
    }
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  Table table({"per session", "revenue", "experience", "pages", "ads per slot"});
  for (const StudyRow& row : rows) {
    table.add({row.name, with_half(row.revenue), with_half(row.experience), with_half(row.pages),
               fmt::format("{:.2f}", row.ad_share)});
  }
  session.console.out()
      << table.text()
      << "Revenue: bids of the ads clicked; experience: substance of the items clicked.\n"
         "±: half a 95 % interval, over trainings for agents that learn, over sessions for "
         "the others.\n"
         "fixed: a for an ad; of all masks those that no other beats in both. no bootstrap: "
         "learns from the reward of the page alone.\n"
         "ads alone: items go by chance of a click, as on fixed pages.\n";
}

}  // namespace

void run_ads_study(const AdsStudyOptions& options, const Session& session) {
  StudyLog log(options.output, fmt::format("ads, {} steps, {} episodes, seed {}", options.steps,
                                           options.episodes, session.common.seed));
  if (log.known() > 0) {
    session.console.note(fmt::format("{} parts are finished already in {}", log.known(), options.output));
  }
  const AdsScenario world = ads_world_of(1.0F);
  const ads::PageLayout layout{
      .slots = world.spec().slots, .candidates = world.parameters().candidates, .state = ads_state_width};
  const auto plain = [&](const Policy& policy) {
    return of_sessions(policy.spec().name, log.part(policy.spec().name, [&] {
      return judged(world, policy, options.episodes, 1);
    }));
  };
  std::vector<StudyRow> rows, fixed;
  rows.push_back(plain(*ads::make_random_pages(layout)));
  rows.push_back(plain(*ads::make_greedy_revenue(layout, world.parameters().world->parameters().look)));
  for (std::int32_t mask = 0; mask < layout.masks(); ++mask) {
    fixed.push_back(plain(*ads::make_fixed_mask(layout, mask)));
  }
  for (StudyRow& row : undominated(std::move(fixed))) rows.push_back(std::move(row));
  for (const AdsAgent& agent : ads_agents) {
    std::vector<StudyFigures> seeds;
    for (int s = 0; s < options.seeds; ++s) {
      const std::uint64_t seed = session.common.seed + static_cast<std::uint64_t>(s);
      session.console.note(fmt::format("{}, seed {}", agent.name, seed));
      seeds.push_back(log.part(fmt::format("{}, seed {}", agent.name, seed),
                               [&] { return trained(agent, layout, options, seed); }));
    }
    rows.push_back(of_trainings(agent.name, seeds));
  }
  print_ads(rows, session);
}

}  // namespace veer::tools
