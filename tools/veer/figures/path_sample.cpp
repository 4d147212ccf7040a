#include "tools/veer/figures/path_sample.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "env/error.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 5> end_words{"still running", "target reached", "the person left",
                                               "the policy stopped", "end of the horizon"};

/// Four digits after the point: more is noise on a page.
Json rounded(float value) {
  if (!std::isfinite(value)) return nullptr;
  return std::round(static_cast<double>(value) * 1e4) / 1e4;
}

}  // namespace

void PathSample::mention(ItemId item) {
  if (item < 0 || item > data_.catalogue.size()) {
    throw DataError({{}, 0, "items"},
                    {"item " + std::to_string(item) + " in a run",
                     "1 to " + std::to_string(data_.catalogue.size()), "the run is damaged"});
  }
  if (item != no_item) mentioned_.push_back(item);
}

void PathSample::choose(const Trajectories& paths) {
  episodes_ = paths.episodes();
  const std::int64_t shown = std::min(most_, episodes_);
  for (std::int64_t i = 0; i < shown; ++i) {
    const std::size_t e = at(i * episodes_ / shown);
    places_.push_back(e);
    Json entry{{"id", paths.episode_id[e]}};
    const UserId user = paths.episode_user[e];
    const bool known = user >= 0 && user < data_.interactions.users();
    entry["person"] = known ? data_.interactions.user_ids[at(user)] : "of no log";
    entry["target"] = paths.episode_target[e];
    mention(paths.episode_target[e]);
    entry["history"] = Json::array();
    const std::int32_t size = paths.history_size[e];
    for (std::int32_t k = std::max(0, size - 10); k < size; ++k) {
      const ItemId item = paths.history[e * at(paths.history_width) + at(k)];
      entry["history"].push_back(item);
      mention(item);
    }
    entry["paths"] = Json::array();
    chosen_.push_back(std::move(entry));
  }
}

void PathSample::add(const std::string& policy, const Trajectories& paths) {
  if (policies_.empty()) choose(paths);
  policies_.push_back(policy);
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const std::size_t e = places_[i];
    Json steps = Json::array();
    for (std::int32_t k = 0; k < paths.length[e]; ++k) {
      const std::size_t step = at(paths.first_step[e] + k), slots = at(paths.slots);
      for (std::size_t cell = step * slots; cell < (step + 1) * slots; ++cell) {
        mention(paths.items[cell]);
        Json row{k + 1, paths.items[cell], paths.feedback[cell], rounded(paths.probability[cell])};
        for (std::size_t j = 0; j < judges_.size(); ++j) {
          const JudgeScores& judge = paths.judges[j];
          row.push_back(rounded(judge.acceptance[step]));
          row.push_back(rounded(judge.interest[step]));
          row.push_back(judge.rank[step]);
        }
        steps.push_back(std::move(row));
      }
    }
    Json start = Json::array();
    for (std::size_t j = 0; j < judges_.size(); ++j) {
      const JudgeScores& judge = paths.judges[j];
      start.push_back({rounded(judge.start_interest[e]), judge.start_rank[e]});
    }
    chosen_[i]["paths"].push_back({{"end", end_words[static_cast<std::size_t>(paths.end[e])]},
                                   {"return", rounded(paths.episode_return[e])},
                                   {"start", std::move(start)},
                                   {"steps", std::move(steps)}});
  }
}

Json PathSample::json() const {
  std::vector<ItemId> items = mentioned_;
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  Json titles = Json::object();
  for (const ItemId item : items) titles[std::to_string(item)] = data_.catalogue.titles[at(item)];
  return {{"judges", judges_}, {"policies", policies_}, {"titles", titles}, {"episodes", chosen_}};
}

}  // namespace veer::tools
