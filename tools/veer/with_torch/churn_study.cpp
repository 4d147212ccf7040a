#include "tools/veer/studies/churn_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <ostream>
#include <utility>

#include "agents/baselines/slates.h"
#include "agents/slate/slate_agent_file.h"
#include "env/engine.h"
#include "env/error.h"
#include "scenarios/slate/churn.h"
#include "tools/veer/terminal/table.h"
#include "tools/veer/terminal/text.h"
#include "tools/veer/worlds/slate_material.h"

namespace veer::tools {
namespace {

constexpr EpisodeId first_churn_episode = EpisodeId{1} << 41;

struct ChurnMethod {
  std::string name;
  std::vector<std::string> files;  ///< seeds; none: random slates
};

std::vector<ChurnMethod> methods_of(const std::vector<std::string>& policies) {
  std::vector<ChurnMethod> out{{"random", {}}};
  for (const std::string& text : policies) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
      throw ConfigError({{}, 0, "--policy"},
                        {"'" + text + "'", "METHOD=FILE, such as hsrl=hsrl.model.h5", ""});
    }
    const std::string name = text.substr(0, equals);
    auto found = std::ranges::find(out, name, &ChurnMethod::name);
    if (found == out.begin()) {
      throw ConfigError({{}, 0, "--policy"}, {"'random'", "another name", "random slates are always played"});
    }
    if (found == out.end()) found = out.insert(out.end(), {name, {}});
    std::string file = text.substr(equals + 1);
    if (std::ranges::find(found->files, file) != found->files.end()) {
      throw ConfigError({{}, 0, "--policy"},
                        {"'" + file + "' twice", "every training seed of " + name + " once", ""});
    }
    found->files.push_back(std::move(file));
  }
  return out;
}

/// Random slates of the items that are left, by their numbers.
class RemainingSlates final : public Policy {
 public:
  RemainingSlates(std::vector<ItemId> items, std::int32_t slots)
      : inner_("random", static_cast<std::int32_t>(items.size()), slots), items_(std::move(items)) {}
  const PolicySpec& spec() const noexcept override { return inner_.spec(); }
  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
           Mode mode) const override {
    inner_.act(rows, seen, state, actions, mode);
    for (const std::int32_t row : rows) {
      for (std::int32_t k = 0; k < inner_.spec().width; ++k) {
        actions.items(row, k) = items_[at(actions.items(row, k)) - 1];
      }
    }
  }

 private:
  RandomSlates inner_;
  std::vector<ItemId> items_;  ///< ascending
};

std::vector<ItemId> remaining(std::int32_t items, const CatalogueChurn& churn) {
  std::vector<ItemId> all(at(items)), out;
  std::iota(all.begin(), all.end(), 1);
  std::ranges::set_difference(all, churn.gone, std::back_inserter(out));
  return out;
}

/// What happened in the same episodes, mean over a method's seeds.
struct ChurnPlayed {
  std::vector<double> reward;  ///< [episodes]
  std::vector<UserId> people;
  double clicks = 0.0;
  double new_items = 0.0;  ///< share of places that showed a new item
};

struct ChurnRow {
  std::string name;
  std::size_t seeds = 0;
  ChurnPlayed before, after, without;  ///< without: new items not shown
  KeptShare kept, kept_without;
};

/// The worlds before and after, and who is told what.
class ChurnWorlds {
 public:
  ChurnWorlds(const SlateWorld& slates, CatalogueChurn churn, const SlateWorldEntry& entry)
      : churn_(std::move(churn)),
        items_(slates.material.model->features.items()),
        before_(slates.parameters) {
    auto model = std::make_shared<ResponseModel>(*slates.material.model);
    model->features = churn_.features;
    SlateMaterial grown = slates.material;
    grown.model = std::move(model);
    after_.emplace_back(slate_parameters(entry, grown, slates.choices));
  }
  std::int32_t slots() const { return before_.parameters().slots; }
  const CatalogueChurn& churn() const { return churn_; }

  enum class Told { nothing_changed, what_is_gone, everything };

  std::shared_ptr<const Policy> policy(const ChurnMethod& method, std::size_t seed, Told told) const {
    const bool changed = told != Told::nothing_changed;
    const auto first_new = churn_.features.values.data() + at(items_ + 1) * at(churn_.features.width);
    if (method.files.empty()) {
      const CatalogueChurn none{};
      const std::int32_t known =
          items_ + (told == Told::everything ? static_cast<std::int32_t>(churn_.added.size()) : 0);
      return std::make_shared<RemainingSlates>(remaining(known, changed ? churn_ : none), slots());
    }
    slate::CatalogueChange change;
    if (changed) change.gone = churn_.gone;
    if (told == Told::everything) {
      change.added = {first_new, static_cast<std::int32_t>(churn_.added.size()), churn_.features.width};
    }
    return slate::load_slate_agent(method.files[seed], method.name, change);
  }

  ChurnPlayed play(const ChurnMethod& method, Told told, std::uint64_t seed, int episodes) const {
    const SlateScenario& world = told == Told::nothing_changed ? before_ : after_.front();
    std::vector<EpisodeId> ids(at(episodes));
    std::iota(ids.begin(), ids.end(), first_churn_episode);
    const std::size_t seeds = std::max<std::size_t>(1, method.files.size());
    ChurnPlayed out;
    out.reward.assign(ids.size(), 0.0);
    for (std::size_t s = 0; s < seeds; ++s) {
      const std::shared_ptr<const Policy> agent = policy(method, s, told);
      Engine engine(world, agent->spec(), {.rows = 256, .shard_rows = 128, .seed = seed});
      const Trajectories t = engine.evaluate(*agent, Mode::greedy, ids);
      const double weight = 1.0 / static_cast<double>(seeds);
      for (std::size_t e = 0; e < ids.size(); ++e) out.reward[e] += weight * double{t.episode_return[e]};
      out.people = t.episode_user;
      const double places = static_cast<double>(t.items.size());
      for (std::size_t i = 0; i < t.items.size(); ++i) {
        out.clicks += (t.feedback[i] & feedback::accepted) != 0 ? weight / places : 0.0;
        out.new_items += t.items[i] > items_ ? weight / places : 0.0;
      }
    }
    return out;
  }

 private:
  CatalogueChurn churn_;
  std::int32_t items_;
  SlateScenario before_;
  std::vector<SlateScenario> after_;  ///< one
};

double churn_mean(const ChurnPlayed& played) {
  return std::accumulate(played.reward.begin(), played.reward.end(), 0.0) /
         static_cast<double>(played.reward.size());
}

std::string kept_text(const KeptShare& k) {
  return fmt::format("{:.3f} ({:.3f} to {:.3f})", k.kept, k.low, k.high);
}

nlohmann::ordered_json kept_json(const KeptShare& k) {
  return {{"kept", k.kept}, {"low", k.low}, {"high", k.high}};
}

}  // namespace

void run_churn_study(ChurnStudyOptions& options, const Session& session) {
  const std::vector<ChurnMethod> methods = methods_of(options.policies);
  options.world.scenario = "slate-v1";
  options.world.part = "test";
  const SlateWorld slates = open_slates(options.world);
  const std::uint64_t seed = session.common.seed;
  if (slates.material.model == nullptr) {
    throw ConfigError({{}, 0, "--users"}, {"a model of several behaviours", "a model of response",
                                           "churn is only built for people who click and nothing else"});
  }
  const ChurnWorlds worlds(slates, churn_catalogue(slates.material.model->features, options.share, seed),
                           slate_world(options.world.world));
  using Told = ChurnWorlds::Told;
  std::vector<ChurnRow> rows;
  for (const ChurnMethod& method : methods) {
    ChurnRow row;
    row.name = method.name;
    row.seeds = method.files.size();
    row.before = worlds.play(method, Told::nothing_changed, seed, options.episodes);
    row.after = worlds.play(method, Told::everything, seed, options.episodes);
    row.without = worlds.play(method, Told::what_is_gone, seed, options.episodes);
    row.kept = kept_share(row.before.reward, row.after.reward, row.before.people, seed);
    row.kept_without = kept_share(row.before.reward, row.without.reward, row.before.people, seed);
    rows.push_back(std::move(row));
    session.console.note(fmt::format("{} played", rows.back().name));
  }
  if (session.console.json()) {
    nlohmann::ordered_json out{{"world", options.world.world},
                               {"items_before", slates.material.model->features.items()},
                               {"replaced", worlds.churn().gone.size()},
                               {"episodes", options.episodes}};
    for (const ChurnRow& row : rows) {
      out["methods"].push_back({{"method", row.name},
                                {"seeds", row.seeds},
                                {"reward_before", churn_mean(row.before)},
                                {"reward_after", churn_mean(row.after)},
                                {"reward_without_new_items", churn_mean(row.without)},
                                {"kept", kept_json(row.kept)},
                                {"kept_without_new_items", kept_json(row.kept_without)},
                                {"click_rate_before", row.before.clicks},
                                {"click_rate_after", row.after.clicks},
                                {"share_of_places_with_new_items", row.after.new_items}});
    }
    session.console.out() << out.dump(2) << '\n';
    return;
  }
  Table table({"method", "seeds", "before", "after", "kept", "new items shown", "kept without new items"});
  for (const ChurnRow& row : rows) {
    table.add({row.name, row.seeds == 0 ? "-" : std::to_string(row.seeds),
               fmt::format("{:.3f}", churn_mean(row.before)), fmt::format("{:.3f}", churn_mean(row.after)),
               kept_text(row.kept), fmt::format("{:.3f}", row.after.new_items), kept_text(row.kept_without)});
  }
  session.console.out()
      << table.text()
      << fmt::format(
             "{} of {} items were replaced; {} episodes of test people. Before, after: reward of an "
             "episode. Kept:\nafter / before, with the 95 % interval over people, the same "
             "episodes on both sides. New items shown: their share of\nall places; without "
             "them the agent is told only what is gone. No weight moved.\n",
             grouped(std::ssize(worlds.churn().gone)), grouped(slates.material.model->features.items()),
             grouped(options.episodes));
}

}  // namespace veer::tools
