#include "agents/offline/offline_judgement.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "agents/offline/returns.h"
#include "env/random.h"
#include "env/runtime.h"

namespace veer::offline {
namespace {

constexpr std::int64_t events_at_once = 2048;

/// Place of every item by popularity, from 1; [0] is unused.
std::vector<std::int32_t> popularity_places(const SessionLog& training) {
  std::vector<std::int64_t> count(at(training.items()) + 1, 0);
  for (std::int64_t e = 0; e < training.events(); ++e) ++count[at(training.item(e))];
  std::vector<ItemId> order(at(training.items()));
  std::iota(order.begin(), order.end(), 1);
  std::stable_sort(order.begin(), order.end(),
                   [&](ItemId a, ItemId b) { return count[at(a)] > count[at(b)]; });
  std::vector<std::int32_t> place(count.size(), 0);
  for (std::size_t i = 0; i < order.size(); ++i) place[at(order[i])] = static_cast<std::int32_t>(i) + 1;
  return place;
}

/// Distinct items of the session before the event, but for its own, ascending.
std::vector<ItemId> others_before(const SessionLog& log, std::int64_t event) {
  const std::span<const ItemId> before = log.before(event);
  std::vector<ItemId> out(before.begin(), before.end());
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  std::erase(out, log.item(event));
  return out;
}

/// Takes the items of the session off the ranks of events [first, first + ranks.size()): those that stand
/// before the target.
void leave_out_session(const OfflineModel& model, const SessionLog& log, std::int64_t first,
                       View<const float> read, std::span<std::int32_t> ranks) {
  std::vector<std::vector<ItemId>> others;
  std::size_t widest = 0;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    others.push_back(others_before(log, first + static_cast<std::int64_t>(r)));
    widest = std::max(widest, others.back().size());
  }
  const auto width = static_cast<std::int32_t>(widest) + 1;
  const auto rows = static_cast<std::int32_t>(ranks.size());
  std::vector<ItemId> items(ranks.size() * at(width));
  std::vector<float> scores(items.size());
  for (std::size_t r = 0; r < ranks.size(); ++r) {  // the target first; what is missing is the target again
    const auto row = items.begin() + static_cast<std::ptrdiff_t>(r) * width;
    std::fill_n(row, width, log.item(first + static_cast<std::int64_t>(r)));
    std::copy(others[r].begin(), others[r].end(), row + 1);
  }
  model.scores_of(read, {items.data(), rows, width}, {scores.data(), rows, width});
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const std::span<const float> row = std::span(scores).subspan(r * at(width), at(width));
    std::int32_t before = 0;
    for (std::size_t j = 0; j < others[r].size(); ++j) {
      const bool tie = row[j + 1] == row[0] && others[r][j] < log.item(first + static_cast<std::int64_t>(r));
      before += row[j + 1] > row[0] || tie ? 1 : 0;
    }
    ranks[r] = std::max(1, ranks[r] - before);
  }
}

}  // namespace

std::vector<std::int32_t> rank_events(const OfflineModel& model, const SessionLog& log, std::uint64_t seed,
                                      std::int64_t most, Masked masked) {
  const AgentOptions& options = model.options();
  const std::int64_t events = most > 0 ? std::min(most, log.events()) : log.events();
  std::vector<std::int32_t> out(at(events));
  nn::StateBatch states(options.encoder.state_length);
  std::vector<float> read, ratio;
  std::vector<std::int32_t> step;
  std::vector<ItemId> targets;
  for (std::int64_t first = 0; first < events; first += events_at_once) {
    const auto count = static_cast<std::int32_t>(std::min(events_at_once, events - first));
    states.resize(count);
    ratio.clear();
    step.clear();
    targets.clear();
    for (std::int32_t r = 0; r < count; ++r) {
      const std::int64_t event = first + r;
      states.set(r, log.before(event));
      targets.push_back(log.item(event));
      if (!options.has_prompt()) continue;
      const float noise = options.prompt.deviation == 0.0F
                              ? 0.0F
                              : options.prompt.deviation * normal({seed, at(event), 0}, Stream::policy);
      ratio.push_back(options.prompt.wanted + noise);
      step.push_back(log.step(event));
    }
    read.resize(at(count) * at(model.width()));
    const View<float> rows(read.data(), count, model.width());
    model.read(states, ratio, step, rows);
    const View<const float> known(read.data(), count, model.width());
    const std::span<std::int32_t> ranks = std::span(out).subspan(at(first), at(count));
    model.ranks(known, targets, ranks);
    if (masked == Masked::session) leave_out_session(model, log, first, known, ranks);
  }
  return out;
}

std::vector<std::int32_t> rank_by_popularity(const SessionLog& training, const SessionLog& log,
                                             Masked masked) {
  const std::vector<std::int32_t> place = popularity_places(training);
  std::vector<std::int32_t> out;
  for (std::int64_t e = 0; e < log.events(); ++e) {
    const std::int32_t own = place[at(log.item(e))];
    out.push_back(own);
    if (masked == Masked::nothing) continue;
    for (const ItemId item : others_before(log, e)) out.back() -= place[at(item)] < own ? 1 : 0;
  }
  return out;
}

std::vector<std::int32_t> rank_by_recency(const SessionLog& training, const SessionLog& log) {
  const std::vector<std::int32_t> place = popularity_places(training);
  std::vector<std::int32_t> out(at(log.events()));
  parallel_for(log.sessions(), [&](std::int64_t s) {
    std::vector<ItemId> recent;  // distinct, newest last
    const auto session = static_cast<std::int32_t>(s);
    for (std::int32_t t = 0; t < log.length(session); ++t) {
      const std::int64_t event = log.first(session) + t;
      const ItemId target = log.item(event);
      const auto found = std::find(recent.begin(), recent.end(), target);
      if (found != recent.end()) {
        out[at(event)] = static_cast<std::int32_t>(recent.end() - found);
        recent.erase(found);
      } else {
        // Behind all of the session, among the others by popularity.
        const auto more_popular = std::count_if(
            recent.begin(), recent.end(), [&](ItemId item) { return place[at(item)] < place[at(target)]; });
        out[at(event)] = static_cast<std::int32_t>(recent.size()) + place[at(target)] -
                         static_cast<std::int32_t>(more_popular);
      }
      recent.push_back(target);
    }
  });
  return out;
}

float hit(std::int32_t rank, std::int32_t depth) noexcept { return rank <= depth ? 1.0F : 0.0F; }
float discounted_gain(std::int32_t rank, std::int32_t depth) noexcept {
  return rank <= depth ? 1.0F / std::log2(static_cast<float>(rank) + 1.0F) : 0.0F;
}

bool JudgedEvents::includes(const SessionLog& log, std::int64_t event) const noexcept {
  if (log.purchase(event) != (kind == Judged::purchases)) return false;
  return longest == 0 || log.whole_length(log.session_of(event)) <= longest;
}

RankFigures figures_of(const SessionLog& log, std::span<const std::int32_t> ranks,
                       const JudgedEvents& which) {
  RankFigures out;
  for (std::int64_t e = 0; e < static_cast<std::int64_t>(ranks.size()); ++e) {
    if (!which.includes(log, e)) continue;
    ++out.cases;
    for (std::size_t k = 0; k < judged_depths.size(); ++k) {
      out.hits[k] += double{hit(ranks[at(e)], judged_depths[k])};
      out.gains[k] += double{discounted_gain(ranks[at(e)], judged_depths[k])};
    }
    if (ranks[at(e)] == 1) out.reward_at_1 += double{log.reward(e)};
  }
  if (out.cases == 0) return out;
  for (double& value : out.hits) value /= static_cast<double>(out.cases);
  for (double& value : out.gains) value /= static_cast<double>(out.cases);
  return out;
}

}  // namespace veer::offline
