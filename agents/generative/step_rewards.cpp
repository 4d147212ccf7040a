#include "agents/generative/step_rewards.h"

#include <algorithm>

#include "env/path_scoring.h"

namespace veer {
namespace {

constexpr std::uint64_t planning_seed = 0x7374657072657764ULL;

/// Prompts and paths in the columns that a PathQuery reads.
struct Columns {
  std::int32_t history_width = 1;
  std::vector<ItemId> history, target;
  std::vector<std::int32_t> history_size, prompt, length;
  std::vector<UserId> user;
  std::vector<EpisodeId> episode;
  std::vector<ItemId> items;

  PathQuery query(std::int32_t prompts, std::int32_t rows, std::int32_t width) const {
    PathQuery q;
    q.history = View<const ItemId>(history.data(), prompts, history_width);
    q.history_size = history_size;
    q.user = user;
    q.target = target;
    q.episode = episode;
    q.prompt = prompt;
    q.items = View<const ItemId>(items.data(), rows, width);
    q.length = length;
    return q;
  }
};

Columns columns_of(std::span<const PathPrompt> prompts, const WrittenPaths& paths) {
  Columns c;
  for (const PathPrompt& p : prompts) {
    c.history_width = std::max(c.history_width, static_cast<std::int32_t>(p.history.size()));
  }
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const PathPrompt& p = prompts[i];
    c.history.insert(c.history.end(), p.history.begin(), p.history.end());
    c.history.resize((i + 1) * at(c.history_width), no_item);
    c.history_size.push_back(static_cast<std::int32_t>(p.history.size()));
    c.target.push_back(p.target);
    c.user.push_back(p.user);
    c.episode.push_back(p.key.episode);
  }
  for (std::int32_t r = 0; r < paths.rows(); ++r) c.prompt.push_back(r / paths.per_prompt);
  c.length = paths.length;
  c.items = paths.items;
  return c;
}

/// Whether the tuple at `step` stood earlier in the path. Invalid tuples have no item to compare.
bool stood_before(std::span<const ItemId> items, std::int32_t step) {
  const auto before = items.first(at(step));
  return std::find(before.begin(), before.end(), items[at(step)]) != before.end();
}

}  // namespace

StepRewards measure_steps(const UserModel& users, std::span<const PathPrompt> prompts,
                          const WrittenPaths& paths, Workspace* workspace) {
  const std::int32_t rows = paths.rows(), width = paths.most_items;
  const std::size_t values = at(rows) * at(width);
  StepRewards out;
  out.width = width;
  out.kind.assign(values, StepKind::none);
  for (auto& raw : out.raw) raw.assign(values, 0.0F);
  out.start_interest.assign(prompts.size(), 0.0F);
  out.start_rank.assign(prompts.size(), 0);
  std::vector<float> acceptance(values, 0.0F), interest(values, 0.0F);
  std::vector<std::int32_t> rank(values, 0);
  const Columns columns = columns_of(prompts, paths);
  PathScores scores;
  scores.acceptance = View<float>(acceptance.data(), rows, width);
  scores.interest = View<float>(interest.data(), rows, width);
  scores.rank = View<std::int32_t>(rank.data(), rows, width);
  scores.start_interest = out.start_interest;
  scores.start_rank = out.start_rank;
  PathQuery query = columns.query(static_cast<std::int32_t>(prompts.size()), rows, width);
  // A model with noise in its state is asked under noise of its own, never the world's.
  query.seed = prompts.empty() ? 0 : prompts.front().key.seed ^ planning_seed;
  if (workspace == nullptr) {
    score_paths_parallel(users, query, scores);
  } else {
    users.score_paths(query, scores, *workspace);
  }

  for (std::int32_t r = 0; r < rows; ++r) {
    const std::size_t prompt = at(r / paths.per_prompt);
    float interest_before = out.start_interest[prompt];
    std::int32_t rank_before = out.start_rank[prompt];
    const auto items = paths.items_of(r);
    for (std::int32_t k = 0; k < paths.length[at(r)]; ++k) {
      const std::size_t i = out.place(r, k);
      if (items[at(k)] == no_item) {
        out.kind[i] = StepKind::invalid;
        continue;
      }
      out.kind[i] = stood_before(items, k) ? StepKind::duplicate : StepKind::real;
      out.raw[0][i] = interest[i] - interest_before;
      out.raw[1][i] = static_cast<float>(rank_before - rank[i]);
      out.raw[2][i] = acceptance[i];
      interest_before = interest[i];
      rank_before = rank[i];
    }
  }
  return out;
}

}  // namespace veer
