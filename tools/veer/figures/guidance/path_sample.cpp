#include "tools/veer/figures/guidance/path_sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "env/error.h"

namespace veer::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 5> end_words{"still running", "target reached", "the person left",
                                               "the policy stopped", "end of the horizon"};
constexpr std::int32_t history_shown = 10;
constexpr double units = 1e4;  ///< four digits after the point: more is noise on a page

Json rounded(float value) {
  if (!std::isfinite(value)) return nullptr;
  return std::round(static_cast<double>(value) * units) / units;
}

/// A JSON array of numbers, written without a document in between: there are millions.
class Column {
 public:
  void add(std::int64_t value) { fmt::format_to(std::back_inserter(begin_next()), "{}", value); }
  void add_units(float value) {
    if (!std::isfinite(value)) {
      begin_next() += "null";
    } else {
      add(std::llround(static_cast<double>(value) * units));
    }
  }
  void add_rounded(float value) { begin_next() += rounded(value).dump(); }
  std::string text() const { return "[" + text_ + "]"; }

 private:
  std::string& begin_next() {
    if (!text_.empty()) text_ += ',';
    return text_;
  }
  std::string text_;
};

}  // namespace

void PathSample::mention(ItemId item) {
  if (item < 0 || item > data_.catalogue.size()) {
    throw DataError({{}, 0, "items"},
                    {"item " + std::to_string(item) + " in a run",
                     "1 to " + std::to_string(data_.catalogue.size()), "the run is damaged"});
  }
  if (item != no_item) mentioned_[at(item)] = true;
}

void PathSample::choose(const Trajectories& paths) {
  episodes_ = paths.episodes();
  slots_ = paths.slots;
  mentioned_.assign(at(data_.catalogue.size()) + 1, false);
  const std::int64_t shown = std::min(most_, episodes_);
  for (std::int64_t i = 0; i < shown; ++i) places_.push_back(at(i * episodes_ / shown));
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const std::size_t e = places_[i];
    if (i % block_episodes == 0) blocks_.emplace_back();
    index_["id"].push_back(paths.episode_id[e]);
    const UserId user = paths.episode_user[e];
    const bool known = user >= 0 && user < data_.interactions.users();
    index_["person"].push_back(known ? data_.interactions.user_ids[at(user)] : "of no log");
    index_["target"].push_back(paths.episode_target[e]);
    mention(paths.episode_target[e]);
    Column history;
    const std::int32_t size = paths.history_size[e];
    for (std::int32_t k = std::max(0, size - history_shown); k < size; ++k) {
      const ItemId item = paths.history[e * at(paths.history_width) + at(k)];
      history.add(item);
      mention(item);
    }
    std::string& all = blocks_.back().history;
    all += (all.empty() ? "" : ",") + history.text();
  }
}

std::string PathSample::columns_of(const Trajectories& paths, std::size_t first, std::size_t last) {
  const std::size_t slots = at(paths.slots);
  Column length, end, worth, items, answers, probability;
  bool certain = true;
  for (std::size_t i = first; i < last; ++i) {
    const std::size_t e = places_[i];
    length.add(paths.length[e]);
    end.add(static_cast<std::int64_t>(paths.end[e]));
    worth.add_rounded(paths.episode_return[e]);
    const std::size_t begin = at(paths.first_step[e]) * slots;
    for (std::size_t cell = begin; cell < begin + at(paths.length[e]) * slots; ++cell) {
      mention(paths.items[cell]);
      items.add(paths.items[cell]);
      answers.add(paths.feedback[cell]);
      probability.add_units(paths.probability[cell]);
      certain = certain && paths.probability[cell] == 1.0F;
    }
  }
  std::string judges;
  for (std::size_t j = 0; j < judges_.size(); ++j) {
    const JudgeScores& judge = paths.judges[j];
    Column acceptance, interest, rank, start_interest, start_rank;
    for (std::size_t i = first; i < last; ++i) {
      const std::size_t e = places_[i], begin = at(paths.first_step[e]);
      start_interest.add_units(judge.start_interest[e]);
      start_rank.add(judge.start_rank[e]);
      for (std::size_t step = begin; step < begin + at(paths.length[e]); ++step) {
        acceptance.add_units(judge.acceptance[step]);
        interest.add_units(judge.interest[step]);
        rank.add(judge.rank[step]);
      }
    }
    judges +=
        fmt::format(R"({}{{"acceptance":{},"interest":{},"rank":{},"start_interest":{},"start_rank":{}}})",
                    j == 0 ? "" : ",", acceptance.text(), interest.text(), rank.text(), start_interest.text(),
                    start_rank.text());
  }
  return fmt::format(
      R"({{"length":{},"end":{},"return":{},"items":{},"answers":{},"probability":{},"judges":[{}]}})",
      length.text(), end.text(), worth.text(), items.text(), answers.text(),
      certain ? "null" : probability.text(), judges);
}

void PathSample::keep_example(const std::string& policy, const Trajectories& paths) {
  const std::size_t e = places_.front();
  Json steps = Json::array();
  for (std::int32_t k = 0; k < paths.length[e]; ++k) {
    const std::size_t step = at(paths.first_step[e] + k), slots = at(paths.slots);
    for (std::size_t cell = step * slots; cell < (step + 1) * slots; ++cell) {
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
  example_ = {{"id", index_["id"][0]},
              {"person", index_["person"][0]},
              {"target", index_["target"][0]},
              {"policy", policy},
              {"end", end_words[static_cast<std::size_t>(paths.end[e])]},
              {"steps", std::move(steps)}};
}

void PathSample::add(const std::string& policy, const Trajectories& paths) {
  const bool first = policies_.empty();
  if (first) choose(paths);
  policies_.push_back(policy);
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    const std::size_t begin = b * block_episodes, end = std::min(begin + block_episodes, places_.size());
    blocks_[b].policies.push_back(columns_of(paths, begin, end));
  }
  if (first && !places_.empty()) keep_example(policy, paths);
}

Json PathSample::json() const {
  Json titles = Json::object();
  for (ItemId item = 1; at(item) < mentioned_.size(); ++item) {
    if (mentioned_[at(item)]) titles[std::to_string(item)] = title(item);
  }
  return {{"judges", judges_}, {"policies", policies_}, {"slots", slots_},   {"block", block_episodes},
          {"ends", end_words}, {"titles", titles},      {"episodes", index_}};
}

std::vector<std::string> PathSample::blocks() const {
  std::vector<std::string> out;
  for (const Block& block : blocks_) {
    out.push_back(
        fmt::format(R"({{"history":[{}],"policies":[{}]}})", block.history, fmt::join(block.policies, ",")));
  }
  return out;
}

}  // namespace veer::tools
