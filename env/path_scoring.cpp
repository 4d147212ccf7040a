#include "env/path_scoring.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "env/loop/lending_pool.h"

namespace veer {
namespace {

/// Prompts [first, last) with the paths that follow them.
struct Block {
  std::int32_t first_prompt, last_prompt, first_path, last_path;
};

std::vector<Block> cut(const PathQuery& query, std::int32_t block_paths) {
  const auto prompts = static_cast<std::int32_t>(query.target.size());
  const auto paths = static_cast<std::int32_t>(query.prompt.size());
  std::vector<Block> blocks;
  Block block{0, 0, 0, 0};
  std::int32_t path = 0;
  for (std::int32_t prompt = 0; prompt < prompts; ++prompt) {
    while (path < paths && query.prompt[static_cast<std::size_t>(path)] == prompt) ++path;
    block.last_prompt = prompt + 1;
    block.last_path = path;
    const bool full = block.last_path - block.first_path >= block_paths ||
                      block.last_prompt - block.first_prompt >= block_paths;
    if (full || prompt + 1 == prompts) {
      blocks.push_back(block);
      block = {block.last_prompt, block.last_prompt, block.last_path, block.last_path};
    }
  }
  return blocks;
}

template <class T>
View<T> slice(View<T> view, std::int32_t first, std::int32_t last) {
  if (view.empty()) return view;
  return {view.data() + std::ptrdiff_t{first} * view.stride(), last - first, view.width(), view.stride()};
}

template <class T>
std::span<T> slice(std::span<T> values, std::int32_t first, std::int32_t last) {
  if (values.empty()) return values;
  return values.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
}

}  // namespace

void score_paths_parallel(const UserModel& judge, const PathQuery& query, const PathScores& out,
                          std::int32_t block_paths, std::int64_t cache_mb) {
  const std::vector<Block> blocks = cut(query, block_paths);
  std::int32_t most_paths = 0;
  for (const Block& b : blocks) {
    most_paths = std::max({most_paths, b.last_path - b.first_path, b.last_prompt - b.first_prompt});
  }
  const auto count = static_cast<std::int64_t>(blocks.size());
  const std::size_t bytes = judge.scoring_bytes(most_paths, query.history.width(), query.items.width());
  LendingPool<std::unique_ptr<Workspace>> workspaces([&] {
    return judge.make_workspace({.rows = block_paths,
                                 .history_capacity = query.history.width() + query.items.width(),
                                 .slots = 1,
                                 .horizon = query.items.width()});
  });
  // Noise is keyed by the numbers of the whole query, not of a block.
  std::vector<EpisodeId> numbers;
  std::span<const EpisodeId> episode = query.episode;
  if (episode.empty()) {
    numbers.resize(query.target.size());
    std::iota(numbers.begin(), numbers.end(), EpisodeId{0});
    episode = numbers;
  }
  parallel_for_lanes(count, lanes_within(cache_mb, bytes, count), [&](std::int64_t i) {
    const Block& b = blocks[static_cast<std::size_t>(i)];
    // Prompt numbers are local to a block.
    std::vector<std::int32_t> prompt;
    for (const std::int32_t p : slice(query.prompt, b.first_path, b.last_path))
      prompt.push_back(p - b.first_prompt);
    std::unique_ptr<Workspace> workspace = workspaces.take();
    workspace->owner = -1;
    judge.score_paths({.seed = query.seed,
                       .history = slice(query.history, b.first_prompt, b.last_prompt),
                       .history_size = slice(query.history_size, b.first_prompt, b.last_prompt),
                       .user = slice(query.user, b.first_prompt, b.last_prompt),
                       .target = slice(query.target, b.first_prompt, b.last_prompt),
                       .episode = slice(episode, b.first_prompt, b.last_prompt),
                       .prompt = prompt,
                       .items = slice(query.items, b.first_path, b.last_path),
                       .accepted = slice(query.accepted, b.first_path, b.last_path),
                       .length = slice(query.length, b.first_path, b.last_path),
                       .modifiers = slice(query.modifiers, b.first_path, b.last_path)},
                      {.acceptance = slice(out.acceptance, b.first_path, b.last_path),
                       .interest = slice(out.interest, b.first_path, b.last_path),
                       .rank = slice(out.rank, b.first_path, b.last_path),
                       .start_interest = slice(out.start_interest, b.first_prompt, b.last_prompt),
                       .start_rank = slice(out.start_rank, b.first_prompt, b.last_prompt),
                       .acceptance_deviation = slice(out.acceptance_deviation, b.first_path, b.last_path),
                       .interest_deviation = slice(out.interest_deviation, b.first_path, b.last_path)},
                      *workspace);
    workspaces.put_back(std::move(workspace));
  });
}

}  // namespace veer
