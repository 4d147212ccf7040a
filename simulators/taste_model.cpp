#include "simulators/taste_model.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "simulators/next_item.h"

namespace veer {

void live(const TasteModel& model, const Beginning& beginning, const StepKey& key, std::span<ItemId> out) {
  std::vector<float> state(static_cast<std::size_t>(beginning.state_width));
  std::vector<float> scores(static_cast<std::size_t>(beginning.items));
  model.start_with(beginning.taste, state);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const StepKey step{key.seed, key.episode, 0U - static_cast<std::uint32_t>(out.size() - i)};
    model.score_next(state, scores);
    const std::span<const ItemId> before = out.first(i);
    for (const ItemId item : before.last(std::min(static_cast<std::size_t>(beginning.rest), i))) {
      scores[static_cast<std::size_t>(item) - 1] = -std::numeric_limits<float>::infinity();
    }
    out[i] = draw_in_proportion(scores, uniform(step, Stream::policy));
    if (out[i] == no_item) {
      std::ranges::fill(out.subspan(i), no_item);
      return;
    }
    model.take(state, out[i], beginning.days, step);
  }
}

}  // namespace veer
