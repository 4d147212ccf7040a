#include "simulators/taste_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "simulators/next_item.h"

namespace veer {
namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

/// `count` of the items by their scores, without replacement, in the order in which they were drawn.
std::vector<ItemId> taken_before(std::span<const float> scores, std::size_t count, const StepKey& key) {
  // The greatest of score + Gumbel noise are such a sample.
  std::vector<float> noisy(scores.size());
  fill_uniform(key, Stream::scenario, noisy);
  for (std::size_t i = 0; i < noisy.size(); ++i) {
    noisy[i] = scores[i] - std::log(-std::log(std::max(noisy[i], 0x1.0p-25F)));
  }
  std::vector<ItemId> order(scores.size());
  std::iota(order.begin(), order.end(), 1);
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(order.begin(), end, order.end(), [&](ItemId a, ItemId b) {
    const float of_a = noisy[static_cast<std::size_t>(a) - 1], of_b = noisy[static_cast<std::size_t>(b) - 1];
    return of_a != of_b ? of_a > of_b : a < b;
  });
  order.erase(end, order.end());
  return order;
}

}  // namespace

void live(const TasteModel& model, const Beginning& beginning, const StepKey& key, std::span<ItemId> out) {
  std::vector<float> state(static_cast<std::size_t>(beginning.state_width));
  std::vector<float> scores(static_cast<std::size_t>(beginning.items));
  model.start_with(beginning.taste, state);
  model.score_next(state, scores);
  // Something is always left to take in every log that keeps `rest`; here as well.
  const auto rest = static_cast<std::size_t>(beginning.rest);
  const std::size_t lived = std::min(
      {static_cast<std::size_t>(beginning.lived), rest, scores.size() - std::min(scores.size(), out.size())});
  std::vector<ItemId> all = taken_before(scores, lived, {key.seed, key.episode, 0U - 1U});
  for (std::size_t i = 0; i < out.size(); ++i) {
    const StepKey step{key.seed, key.episode, 0U - static_cast<std::uint32_t>(out.size() - i)};
    if (i > 0) model.score_next(state, scores);
    for (const ItemId item : std::span(all).last(std::min(rest, all.size()))) {
      scores[static_cast<std::size_t>(item) - 1] = never;
    }
    out[i] = draw_in_proportion(scores, uniform(step, Stream::policy));
    if (out[i] == no_item) {
      std::ranges::fill(out.subspan(i), no_item);
      return;
    }
    model.take(state, out[i], beginning.days, step);
    all.push_back(out[i]);
  }
}

}  // namespace veer
