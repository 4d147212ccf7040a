// Scoring whole paths: every person steps alone, what they think of their targets is measured in batches.
#include <algorithm>
#include <numeric>

#include "simulators/shift/shift_core.h"

namespace veer::shift {

std::size_t ShiftUser::scoring_bytes(std::int32_t paths, std::int32_t history,
                                     std::int32_t /*path_length*/) const noexcept {
  return core_->reader->encoder().cache_bytes(paths, std::max(1, history));
}

void ShiftUser::score_paths(const PathQuery& query, const PathScores& out, Workspace& workspace) const {
  const auto prompts = static_cast<std::int32_t>(query.target.size());
  std::vector<std::int32_t> all(query.target.size());
  std::iota(all.begin(), all.end(), 0);
  const View<float> readouts = static_cast<ReaderWorkspace&>(workspace).readouts(prompts, readout_width());
  read(all, query.history, View<const std::int32_t>(query.history_size.data(), prompts, 1), readouts,
       workspace);
  score_read(readouts, query, out);
}

void ShiftUser::score_read(View<const float> readouts, const PathQuery& query, const PathScores& out) const {
  const Core& core = *core_;
  const auto prompts = static_cast<std::int32_t>(query.target.size());
  const auto width = static_cast<std::size_t>(core.items->augmented());
  const auto ring = static_cast<std::size_t>(core.layout.recent);
  const auto size = static_cast<std::size_t>(core.layout.size());

  std::vector<float> start_state(size), state(size), augmented;
  std::vector<ItemId> recent, target;
  std::vector<float*> interest_at;
  std::vector<std::int32_t*> rank_at;
  const auto note = [&](std::span<const float> of, ItemId wanted, float* interest, std::int32_t* rank) {
    augmented.resize(augmented.size() + width);
    recent.resize(recent.size() + ring);
    augment(of, augmented.data() + augmented.size() - width, recent.data() + recent.size() - ring);
    target.push_back(wanted);
    interest_at.push_back(interest);
    rank_at.push_back(rank);
  };
  const auto flush = [&](std::size_t least) {
    if (target.size() < least || target.empty()) return;
    std::vector<float> interest(target.size());
    std::vector<std::int32_t> rank(target.size());
    const auto n = static_cast<std::int32_t>(target.size());
    core.scorer->measure({augmented.data(), n, core.items->augmented()},
                         {recent.data(), n, core.layout.recent}, core.rates.exposure, target, interest, rank);
    for (std::size_t i = 0; i < target.size(); ++i) {
      if (interest_at[i] != nullptr) *interest_at[i] = interest[i];
      if (rank_at[i] != nullptr) *rank_at[i] = rank[i];
    }
    augmented.clear();
    recent.clear();
    target.clear();
    interest_at.clear();
    rank_at.clear();
  };

  const auto paths = static_cast<std::int32_t>(query.prompt.size());
  std::int32_t path = 0;
  constexpr std::uint8_t yes = feedback::accepted;
  const auto knobs = static_cast<std::size_t>(query.knobs());
  for (std::int32_t prompt = 0; prompt < prompts; ++prompt) {
    const auto p = static_cast<std::size_t>(prompt);
    start(readouts.row(prompt), start_state);
    if (!out.start_interest.empty() || !out.start_rank.empty()) {
      note(start_state, query.target[p], out.start_interest.empty() ? nullptr : &out.start_interest[p],
           out.start_rank.empty() ? nullptr : &out.start_rank[p]);
    }
    const EpisodeId episode = query.episode.empty() ? static_cast<EpisodeId>(prompt) : query.episode[p];
    for (; path < paths && query.prompt[static_cast<std::size_t>(path)] == prompt; ++path) {
      std::ranges::copy(start_state, state.begin());
      for (std::int32_t k = 0; k < query.length[static_cast<std::size_t>(path)]; ++k) {
        const ItemId item = query.items(path, k);
        if (!out.acceptance.empty())
          out.acceptance(path, k) = item == no_item ? 0.0F : acceptance(state, item);
        const std::uint8_t answer = query.accepted.empty() ? yes : query.accepted(path, k);
        const Scales scales = knobs == 0 ? Scales{}
                                         : scales_under(query.modifiers.row(path).subspan(
                                               (static_cast<std::size_t>(k) + 1) * knobs, knobs));
        step(state, {&item, 1}, {&answer, 1}, scales, 1.0F,
             {query.seed, episode, static_cast<std::uint32_t>(k)});
        if (out.interest.empty() && out.rank.empty()) continue;
        note(state, query.target[p], out.interest.empty() ? nullptr : &out.interest(path, k),
             out.rank.empty() ? nullptr : &out.rank(path, k));
        flush(512);
      }
    }
  }
  flush(1);
}

}  // namespace veer::shift
