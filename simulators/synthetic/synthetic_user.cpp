#include "simulators/synthetic/synthetic_user.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace veer {
namespace {

constexpr std::size_t most_topics = 64;  // checked by SyntheticWorld

/// Floats of one person on the stack.
using Weights = std::array<float, most_topics>;
using State = std::array<float, 2 * most_topics>;

float sigmoid(float x) noexcept { return 1.0F / (1.0F + std::exp(-x)); }

struct SyntheticWorkspace final : Workspace {
  std::vector<float> scores;
  std::vector<ItemId> order;
};

std::vector<float> offsets(const SyntheticWorld& world) {
  std::vector<float> out(world.all_qualities().begin(), world.all_qualities().end());
  for (float& value : out) value += world.parameters().bias;
  return out;
}

}  // namespace

SyntheticUser::SyntheticUser(std::shared_ptr<const SyntheticWorld> world,
                             std::span<const std::string> scenario_modifiers)
    : world_(std::move(world)),
      scorer_(std::make_shared<const ItemScorer>(world_->all_topics(), offsets(*world_))) {
  spec_.kind = "synthetic";
  spec_.items = world_->items();
  spec_.state_width = state_width();
  spec_.positions = 0;
  spec_.modifiers.assign(modifier_names.begin(), modifier_names.end());
  for (std::size_t k = 0; k < modifier_names.size(); ++k) {
    const auto found = std::ranges::find(scenario_modifiers, modifier_names[k]);
    knobs_.column[k] = found == scenario_modifiers.end()
                           ? -1
                           : static_cast<std::int32_t>(found - scenario_modifiers.begin());
  }
  place_.fill(-1);
  const auto add = [&](Effect effect, float rate, const char* name) {
    if (rate <= 0.0F) return;
    place_[static_cast<std::size_t>(effect)] = static_cast<std::int32_t>(mechanisms_.size());
    mechanisms_.emplace_back(name);
  };
  const TasteRates& rates = world_->parameters().rates;
  add(Effect::recovery, std::min(rates.boredom_decay, rates.boredom_growth), "recovery");
  add(Effect::boredom, rates.boredom_growth, "boredom");
  add(Effect::acceptance, rates.shift, "acceptance");
  add(Effect::drift, rates.drift, "drift");
}

TasteState SyntheticUser::split(std::span<float> state) const noexcept {
  const auto topics = static_cast<std::size_t>(world_->topics());
  return {state.first(topics), state.subspan(topics, topics)};
}

TasteRates SyntheticUser::rates_under(std::span<const float> modifiers) const noexcept {
  TasteRates rates = world_->parameters().rates;
  const auto knob = [&](std::size_t k) {
    return knobs_.column[k] < 0 || modifiers.empty() ? 1.0F
                                                     : modifiers[static_cast<std::size_t>(knobs_.column[k])];
  };
  rates.shift = std::min(1.0F, rates.shift * knob(0));
  rates.boredom_growth *= knob(1);
  rates.boredom_decay = std::min(1.0F, rates.boredom_decay * knob(2));
  rates.drift *= knob(3);
  return rates;
}

void SyntheticUser::weigh(std::span<const float> state, std::span<float> weights) const noexcept {
  const float scale = world_->parameters().scale;
  for (std::size_t t = 0; t < weights.size(); ++t) weights[t] = scale * state[t] - state[weights.size() + t];
}

void SyntheticUser::start(UserId user, std::span<float> state) const noexcept {
  const TasteState parts = split(state);
  world_->taste_of(user, parts.taste);
  std::ranges::fill(parts.boredom, 0.0F);
}

void SyntheticUser::step(std::span<float> state, std::span<const ItemId> items,
                         std::span<const std::uint8_t> answers, const TasteRates& rates, const StepKey& key,
                         const Acted* acted) const noexcept {
  if (std::ranges::all_of(items, [](ItemId item) { return item == no_item; })) return;
  const TasteState parts = split(state);
  const auto tell = [&](Effect effect) {
    const std::int32_t place = place_[static_cast<std::size_t>(effect)];
    if (acted != nullptr && place >= 0) (*acted)(static_cast<std::size_t>(place));
  };
  decay_boredom(parts.boredom, rates.boredom_decay);
  tell(Effect::recovery);
  for (std::size_t slot = 0; slot < items.size(); ++slot) {
    if (items[slot] == no_item) continue;
    const std::span<const float> topics = world_->topics_of(items[slot]);
    grow_boredom(parts.boredom, topics, rates.boredom_growth);
    tell(Effect::boredom);
    if ((answers[slot] & feedback::accepted) == 0) continue;
    shift_taste(parts.taste, topics, rates.shift);
    tell(Effect::acceptance);
  }
  drift_taste(parts.taste, rates.drift, key);
  tell(Effect::drift);
}

void SyntheticUser::show(std::span<float> state, ItemId item, bool accepted, const TasteRates& rates,
                         const StepKey& key) const noexcept {
  const std::uint8_t answer = accepted ? feedback::accepted : feedback::refused;
  step(state, {&item, 1}, {&answer, 1}, rates, key);
}

float SyntheticUser::acceptance(std::span<const float> state, ItemId item) const noexcept {
  Weights buffer;
  const auto weights = std::span(buffer).first(static_cast<std::size_t>(world_->topics()));
  weigh(state, weights);
  return sigmoid(scorer_->utility(weights, item));
}

void SyntheticUser::utilities(std::span<const float> state, std::span<float> out) const noexcept {
  Weights buffer;
  const auto weights = std::span(buffer).first(static_cast<std::size_t>(world_->topics()));
  weigh(state, weights);
  scorer_->utilities(weights, out);
}

ItemStanding SyntheticUser::standing(std::span<const float> state, ItemId target) const noexcept {
  if (target == no_item) return {};
  Weights buffer;
  const auto weights = std::span(buffer).first(static_cast<std::size_t>(world_->topics()));
  weigh(state, weights);
  return scorer_->standing(weights, 1.0F / world_->parameters().temperature, target);
}

void SyntheticUser::replay(UserId user, std::span<const ItemId> history,
                           std::span<float> state) const noexcept {
  start(user, state);
  TasteRates rates = world_->parameters().rates;
  rates.drift = 0.0F;
  for (const ItemId item : history) {
    if (item != no_item) show(state, item, true, rates, {});
  }
}

std::unique_ptr<Workspace> SyntheticUser::make_workspace(const WorkspaceShape&) const {
  return std::make_unique<SyntheticWorkspace>();
}

void SyntheticUser::begin(Rows rows, Shard& shard, Workspace&) const {
  for (const std::int32_t row : rows) {
    const auto size = static_cast<std::size_t>(shard.history_size(row));
    replay(shard.user(row), shard.history.row(row).first(size), shard.user_state.row(row));
  }
}

void SyntheticUser::choose(Rows rows, Shard& shard, Workspace&) const {
  for (const std::int32_t row : rows) {
    const StepKey key = shard.key(row);
    for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
      const ItemId item = shard.items(row, slot);
      const float p = item == no_item ? 0.0F : acceptance(shard.user_state.row(row), item);
      shard.probability(row, slot) = p;
      const bool yes = uniform(key, Stream::choice, static_cast<std::uint32_t>(slot)) < p;
      shard.feedback(row, slot) = yes ? feedback::accepted : feedback::refused;
    }
  }
}

void SyntheticUser::advance(Rows rows, Shard& shard, Workspace&) const {
  for (const std::int32_t row : rows) {
    step(shard.user_state.row(row), shard.items.row(row), shard.feedback.row(row),
         rates_under(shard.modifiers.row(row)), shard.key(row));
  }
}

void SyntheticUser::advance_told(std::int32_t row, Shard& shard, const Acted& acted) const {
  step(shard.user_state.row(row), shard.items.row(row), shard.feedback.row(row),
       rates_under(shard.modifiers.row(row)), shard.key(row), &acted);
}

void SyntheticUser::measure(Rows rows, Shard& shard, Workspace&) const {
  for (const std::int32_t row : rows) {
    const ItemStanding now = standing(shard.user_state.row(row), shard.target(row));
    shard.interest(row) = now.log_probability;
    shard.rank(row) = now.rank;
  }
}

void SyntheticUser::copy_state(Rows from, Rows to, Shard& shard, Workspace&) const {
  assert(from.size() == to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::ranges::copy(shard.user_state.row(from[i]), shard.user_state.row(to[i]).begin());
  }
}

void SyntheticUser::propose(Rows rows, Shard& shard, Workspace& workspace, View<ItemId> out) const {
  auto& scratch = static_cast<SyntheticWorkspace&>(workspace);
  const std::int32_t items = world_->items();
  scratch.scores.resize(static_cast<std::size_t>(items));
  scratch.order.resize(static_cast<std::size_t>(items));
  const auto wanted = static_cast<std::size_t>(std::min(out.width(), items));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int32_t row = rows[i];
    utilities(shard.user_state.row(row), scratch.scores);
    const ItemId target = shard.target(row);
    const std::span<const float> goal =
        target == no_item ? std::span<const float>{} : world_->topics_of(target);
    for (std::int32_t item = 1; item <= items; ++item) {
      float& score = scratch.scores[static_cast<std::size_t>(item) - 1];
      score = sigmoid(score);
      if (goal.empty()) continue;
      const std::span<const float> topics = world_->topics_of(item);
      score *= std::inner_product(goal.begin(), goal.end(), topics.begin(), 0.0F);
    }
    std::iota(scratch.order.begin(), scratch.order.end(), 1);
    // Ties by id, so that the order is one and the same everywhere.
    const auto better = [&](ItemId a, ItemId b) {
      const float score_a = scratch.scores[static_cast<std::size_t>(a) - 1];
      const float score_b = scratch.scores[static_cast<std::size_t>(b) - 1];
      return score_a != score_b ? score_a > score_b : a < b;
    };
    const auto middle = scratch.order.begin() + static_cast<std::ptrdiff_t>(wanted);
    std::partial_sort(scratch.order.begin(), middle, scratch.order.end(), better);
    const std::span<ItemId> row_out = out.row(static_cast<std::int32_t>(i));
    std::ranges::fill(row_out, no_item);
    std::copy(scratch.order.begin(), middle, row_out.begin());
  }
}

void SyntheticUser::draw_next(Rows rows, const Shard& shard, Workspace& workspace,
                              View<const ItemId> excluded, std::span<const float> uniforms,
                              std::span<ItemId> out) const {
  std::vector<float>& scores = static_cast<SyntheticWorkspace&>(workspace).scores;
  scores.resize(static_cast<std::size_t>(world_->items()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    score_next(shard.user_state.row(rows[i]), scores);
    if (!excluded.empty()) {
      for (const ItemId item : excluded.row(static_cast<std::int32_t>(i))) {
        if (item != no_item) scores[static_cast<std::size_t>(item) - 1] = -INFINITY;
      }
    }
    out[i] = draw_in_proportion(scores, uniforms[i]);
  }
}

void SyntheticUser::taste_of(UserId user, std::span<const ItemId> history, std::span<float> taste) const {
  State buffer;
  const std::span<float> state = std::span(buffer).first(static_cast<std::size_t>(state_width()));
  replay(user, history, state);
  std::ranges::copy(split(state).taste, taste.begin());
}

void SyntheticUser::start_with(std::span<const float> taste, std::span<float> state) const noexcept {
  const TasteState parts = split(state);
  std::ranges::copy(taste, parts.taste.begin());
  normalise(parts.taste);
  std::ranges::fill(parts.boredom, 0.0F);
}

void SyntheticUser::score_next(std::span<const float> state, std::span<float> scores) const noexcept {
  utilities(state, scores);
  const float factor = 1.0F / world_->parameters().temperature;
  for (float& score : scores) score *= factor;
}

void SyntheticUser::take(std::span<float> state, ItemId item, float /*days*/,
                         const StepKey& key) const noexcept {
  show(state, item, true, world_->parameters().rates, key);
}

void SyntheticUser::score_paths(const PathQuery& query, const PathScores& out, Workspace&) const {
  State start_buffer, path_buffer;
  const auto width = static_cast<std::size_t>(state_width());
  const std::span<float> start_state = std::span(start_buffer).first(width);
  const std::span<float> state = std::span(path_buffer).first(width);
  const auto knobs = static_cast<std::size_t>(query.knobs());
  const auto paths = static_cast<std::int32_t>(query.prompt.size());
  std::int32_t path = 0;
  for (std::int32_t prompt = 0; prompt < static_cast<std::int32_t>(query.target.size()); ++prompt) {
    const auto p = static_cast<std::size_t>(prompt);
    const ItemId target = query.target[p];
    const std::span<const ItemId> history = query.history.row(prompt);
    replay(query.user[p], history.first(static_cast<std::size_t>(query.history_size[p])), start_state);
    const ItemStanding before = standing(start_state, target);
    if (!out.start_interest.empty()) out.start_interest[p] = before.log_probability;
    if (!out.start_rank.empty()) out.start_rank[p] = before.rank;
    const EpisodeId episode = query.episode.empty() ? static_cast<EpisodeId>(prompt) : query.episode[p];
    for (; path < paths && query.prompt[static_cast<std::size_t>(path)] == prompt; ++path) {
      std::ranges::copy(start_state, state.begin());
      for (std::int32_t k = 0; k < query.length[static_cast<std::size_t>(path)]; ++k) {
        const ItemId item = query.items(path, k);
        if (!out.acceptance.empty())
          out.acceptance(path, k) = item == no_item ? 0.0F : acceptance(state, item);
        if (item != no_item) {
          const bool accepted = query.accepted.empty() || (query.accepted(path, k) & feedback::accepted) != 0;
          const TasteRates rates =
              rates_under(knobs == 0 ? std::span<const float>{}
                                     : query.modifiers.row(path).subspan(
                                           (static_cast<std::size_t>(k) + 1) * knobs, knobs));
          show(state, item, accepted, rates, {query.seed, episode, static_cast<std::uint32_t>(k)});
        }
        if (out.interest.empty() && out.rank.empty()) continue;
        const ItemStanding now = standing(state, target);
        if (!out.interest.empty()) out.interest(path, k) = now.log_probability;
        if (!out.rank.empty()) out.rank(path, k) = now.rank;
      }
    }
  }
}

}  // namespace veer
