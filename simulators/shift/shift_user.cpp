#include "simulators/shift/shift_user.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "simulators/shift/shift_core.h"
#include "simulators/shift/shift_dynamics.h"

namespace veer::shift {
namespace {

float sigmoid(float x) noexcept { return 1.0F / (1.0F + std::exp(-x)); }

/// 1 / |v|, or 0 for the zero vector.
float inverse_length(const float* v, std::int32_t width) noexcept {
  const float square = nn::dot(v, v, width);
  return square > 0.0F ? 1.0F / std::sqrt(square) : 0.0F;
}

}  // namespace

ShiftUser::ShiftUser(ShiftModel model, std::span<const std::string> scenario_modifiers)
    : ShiftUser(std::make_shared<const Core>(std::move(model), nullptr), scenario_modifiers) {}

ShiftUser::ShiftUser(ShiftModel model, const ShiftUser& like, std::span<const std::string> scenario_modifiers)
    : ShiftUser(std::make_shared<const Core>(std::move(model), like.core_.get()), scenario_modifiers) {}

ShiftUser::ShiftUser(std::shared_ptr<const Core> core, std::span<const std::string> scenario_modifiers)
    : core_(std::move(core)) {
  for (std::size_t k = 0; k < modifier_names.size(); ++k) {
    const auto found = std::ranges::find(scenario_modifiers, modifier_names[k]);
    column_[k] = found == scenario_modifiers.end()
                     ? -1
                     : static_cast<std::int32_t>(found - scenario_modifiers.begin());
  }
}
ShiftUser::~ShiftUser() = default;

std::unique_ptr<ShiftUser> ShiftUser::with_modifiers(std::span<const std::string> scenario_modifiers) const {
  return std::unique_ptr<ShiftUser>(new ShiftUser(core_, scenario_modifiers));
}

const ShiftModel& ShiftUser::model() const noexcept { return core_->model; }
const Items& ShiftUser::items() const noexcept { return *core_->items; }
StateLayout ShiftUser::layout() const noexcept { return core_->layout; }
const UserModelSpec& ShiftUser::spec() const noexcept { return core_->spec; }
std::span<const std::string> ShiftUser::mechanisms() const noexcept { return core_->effects.names; }

ShiftUser::Scales ShiftUser::scales_under(std::span<const float> modifiers) const noexcept {
  const auto knob = [&](std::size_t k) {
    if (column_[k] < 0 || modifiers.empty()) return 1.0F;
    return std::max(0.0F, modifiers[static_cast<std::size_t>(column_[k])]);
  };
  return {knob(0), knob(1), knob(2), knob(3), knob(4), knob(5)};
}

void ShiftUser::start(std::span<const float> readout, std::span<float> state) const noexcept {
  const std::size_t d = core_->width();
  for (std::size_t c = 0; c < d; ++c) state[c] = state[d + c] = core_->rates.start_scale * readout[c];
  std::ranges::fill(state.subspan(2 * d), 0.0F);
}

float ShiftUser::score(std::span<const float> state, ItemId item) const noexcept {
  const Core& core = *core_;
  const Rates& rates = core.rates;
  float s = nn::dot(state.data(), core.items->row(item), core.layout.width);
  s += rates.popularity * core.model.facts.log_popularity[static_cast<std::size_t>(item)];
  if (rates.boredom_weight > 0.0F) {
    const auto attributes = core.model.facts.attributes_of(item);
    float sum = 0.0F;
    for (const std::int32_t a : attributes) sum += core.boredom(state)[static_cast<std::size_t>(a)];
    if (!attributes.empty()) s -= rates.boredom_weight * sum / static_cast<float>(attributes.size());
  }
  if (rates.exposure != 0.0F) {
    const auto wanted = static_cast<float>(item);
    for (const float shown : core.recent(state)) s -= shown == wanted ? rates.exposure : 0.0F;
  }
  return s;
}

float ShiftUser::acceptance(std::span<const float> state, ItemId item) const noexcept {
  return sigmoid(core_->model.acceptance_slope * score(state, item) + core_->model.acceptance_offset);
}

void ShiftUser::step(std::span<float> state, std::span<const ItemId> items,
                     std::span<const std::uint8_t> answers, const Scales& scales, float steps,
                     const StepKey& key, const Acted* acted) const noexcept {
  const Core& core = *core_;
  const Rates& rates = core.rates;
  const std::span<float> taste = core.taste(state), boredom = core.boredom(state),
                         recent = core.recent(state);
  float& events = state.back();
  const auto tell = [&](Effect effect) {
    const std::int32_t place = core.effects.place[static_cast<std::size_t>(effect)];
    if (acted != nullptr && place >= 0) (*acted)(static_cast<std::size_t>(place));
  };
  bool shown = false;
  for (std::size_t slot = 0; slot < items.size(); ++slot) {
    const ItemId item = items[slot];
    if (item == no_item) continue;
    shown = true;
    const float* vector = core.items->row(item);
    if ((answers[slot] & feedback::accepted) != 0) {
      if (rates.moves) {
        const float share = acceptance_share(rates, taste, vector, events).share;
        move_towards(taste, core.targets.data() + static_cast<std::size_t>(item) * core.width(),
                     std::min(1.0F, share * scales.shift));
        tell(Effect::acceptance);
      }
    } else if (rates.reactance > 0.0F) {
      turn_away(taste, vector, core.items->inverse_square(item),
                std::min(1.0F, rates.reactance * scales.reactance));
      tell(Effect::reactance);
    }
    if (rates.boredom_weight > 0.0F) {
      grow_boredom(boredom, core.model.facts.attributes_of(item),
                   std::min(1.0F, rates.boredom_growth * scales.boredom));
      tell(Effect::boredom);
    }
    if (!recent.empty()) {
      recent[static_cast<std::size_t>(events) % recent.size()] = static_cast<float>(item);
    }
    events += 1.0F;
    tell(Effect::exposure);
  }
  if (!shown) return;
  if (rates.forgetting > 0.0F) {
    move_towards(taste, core.long_term(state).data(), forgotten(rates.forgetting * scales.forgetting, steps));
    tell(Effect::forgetting);
  }
  if (rates.boredom_weight > 0.0F) {
    const float kept = std::exp(-rates.boredom_recovery * scales.recovery * steps);
    for (float& b : boredom) b *= kept;
    tell(Effect::recovery);
  }
  const float spread = core.items->spread();
  if (spread > 0.0F) drift(taste, rates.drift * scales.drift * std::sqrt(steps) / spread, key);
  tell(Effect::drift);
}

void ShiftUser::follow(std::span<float> state, ItemId item, bool accepted, float steps) const noexcept {
  const std::uint8_t answer = accepted ? feedback::accepted : feedback::refused;
  Scales scales;
  scales.drift = 0.0F;
  step(state, {&item, 1}, {&answer, 1}, scales, steps, {});
}

void ShiftUser::follow(std::span<float> state, ItemId item, bool accepted, float steps,
                       const StepKey& key) const noexcept {
  const std::uint8_t answer = accepted ? feedback::accepted : feedback::refused;
  step(state, {&item, 1}, {&answer, 1}, {}, steps, key);
}

void ShiftUser::start_from(std::span<const ItemId> history, std::span<float> state) const {
  const auto positions = static_cast<std::size_t>(core_->model.base.config().positions);
  const std::span<const ItemId> newest = history.last(std::min(history.size(), positions));
  const auto size = static_cast<std::int32_t>(newest.size());
  const std::vector<std::int32_t> row{0};
  ReaderWorkspace scratch;
  const View<float> readout = scratch.readouts(1, readout_width());
  read(row, View<const ItemId>(newest.data(), 1, std::max(1, size)), View<const std::int32_t>(&size, 1, 1),
       readout, scratch);
  start(readout.row(0), state);
}

void ShiftUser::augment(std::span<const float> state, float* out, ItemId* recent) const noexcept {
  core_->items->augment(core_->rates, core_->taste(state), core_->boredom(state), 1.0F, out);
  for (const float item : core_->recent(state)) *recent++ = static_cast<ItemId>(item);
}

std::unique_ptr<Workspace> ShiftUser::make_workspace(const WorkspaceShape&) const {
  return std::make_unique<ReaderWorkspace>();
}

const std::string& ShiftUser::reader_id() const noexcept { return core_->reader->id(); }
std::int32_t ShiftUser::readout_width() const noexcept { return core_->reader->encoder().state_width(); }

void ShiftUser::read(Rows rows, View<const ItemId> history, View<const std::int32_t> size,
                     View<float> readouts, Workspace& workspace) const {
  core_->reader->read(rows, history, size, readouts, static_cast<ReaderWorkspace&>(workspace));
}

void ShiftUser::begin_read(Rows rows, View<const float> readouts, Shard& shard) const {
  for (const std::int32_t row : rows) start(readouts.row(row), shard.user_state.row(row));
}

void ShiftUser::begin(Rows rows, Shard& shard, Workspace& workspace) const {
  const View<float> readouts =
      static_cast<ReaderWorkspace&>(workspace).readouts(shard.rows(), readout_width());
  read(rows, shard.history, shard.history_size, readouts, workspace);
  begin_read(rows, readouts, shard);
}

void ShiftUser::choose(Rows rows, Shard& shard, Workspace&) const {
  for (const std::int32_t row : rows) {
    const StepKey key = shard.key(row);
    for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
      const ItemId item = shard.items(row, slot);
      const float p = item == no_item ? 0.0F : acceptance(shard.user_state.row(row), item);
      const bool yes = uniform(key, Stream::choice, static_cast<std::uint32_t>(slot)) < p;
      shard.probability(row, slot) = p;
      shard.feedback(row, slot) = yes ? feedback::accepted : feedback::refused;
    }
  }
}

void ShiftUser::advance(Rows rows, Shard& shard, Workspace&) const {
  for (const std::int32_t row : rows) {
    step(shard.user_state.row(row), shard.items.row(row), shard.feedback.row(row),
         scales_under(shard.modifiers.row(row)), 1.0F, shard.key(row));
  }
}

void ShiftUser::advance_told(std::int32_t row, Shard& shard, const Acted& acted) const {
  step(shard.user_state.row(row), shard.items.row(row), shard.feedback.row(row),
       scales_under(shard.modifiers.row(row)), 1.0F, shard.key(row), &acted);
}

void ShiftUser::measure(Rows rows, Shard& shard, Workspace&) const {
  const auto width = static_cast<std::size_t>(core_->items->augmented());
  const auto ring = static_cast<std::size_t>(core_->layout.recent);
  std::vector<float> augmented(rows.size() * width), interest(rows.size());
  std::vector<ItemId> recent(rows.size() * ring), target(rows.size());
  std::vector<std::int32_t> rank(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    augment(shard.user_state.row(rows[i]), augmented.data() + i * width, recent.data() + i * ring);
    target[i] = shard.target(rows[i]);
  }
  const auto n = static_cast<std::int32_t>(rows.size());
  core_->scorer->measure({augmented.data(), n, core_->items->augmented()},
                         {recent.data(), n, core_->layout.recent}, core_->rates.exposure, target, interest,
                         rank);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    shard.interest(rows[i]) = interest[i];
    shard.rank(rows[i]) = rank[i];
  }
}

void ShiftUser::copy_state(Rows from, Rows to, Shard& shard, Workspace&) const {
  assert(from.size() == to.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::ranges::copy(shard.user_state.row(from[i]), shard.user_state.row(to[i]).begin());
  }
}

void ShiftUser::propose(Rows rows, Shard& shard, Workspace&, View<ItemId> out) const {
  const auto width = static_cast<std::size_t>(core_->items->augmented());
  const std::int32_t d = core_->layout.width;
  std::vector<float> augmented(rows.size() * width);
  std::vector<ItemId> recent(static_cast<std::size_t>(core_->layout.recent));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    float* row = augmented.data() + i * width;
    augment(shard.user_state.row(rows[i]), row, recent.data());
    const ItemId target = shard.target(rows[i]);
    if (target == no_item) continue;
    const float* goal = core_->items->row(target);
    const float own = inverse_length(row, d), towards = inverse_length(goal, d);
    for (std::int32_t c = 0; c < d; ++c) row[c] = row[c] * own + goal[c] * towards;
    std::fill_n(row + d, 1 + core_->layout.attributes, 0.0F);
  }
  core_->scorer->best({augmented.data(), static_cast<std::int32_t>(rows.size()), core_->items->augmented()},
                      out);
}

void ShiftUser::draw_next(Rows rows, const Shard& shard, Workspace&, View<const ItemId> excluded,
                          std::span<const float> uniforms, std::span<ItemId> out) const {
  std::vector<float> scores(static_cast<std::size_t>(core_->items->items()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::span<const float> state = shard.user_state.row(rows[i]);
    score_next(state, scores);
    if (!excluded.empty()) {
      for (const ItemId item : excluded.row(static_cast<std::int32_t>(i))) {
        if (item != no_item) scores[static_cast<std::size_t>(item) - 1] = -INFINITY;
      }
    }
    out[i] = draw_in_proportion(scores, uniforms[i]);
  }
}

std::int32_t ShiftUser::taste_width() const noexcept { return core_->layout.width; }

void ShiftUser::taste_of(UserId, std::span<const ItemId> history, std::span<float> taste) const {
  std::vector<float> state(static_cast<std::size_t>(core_->layout.size()));
  start_from(history, state);
  std::ranges::copy(core_->taste(std::span<const float>(state)), taste.begin());
}

void ShiftUser::start_with(std::span<const float> taste, std::span<float> state) const noexcept {
  std::ranges::copy(taste, state.begin());
  std::ranges::copy(taste, state.begin() + core_->layout.width);
  std::ranges::fill(state.subspan(2 * core_->width()), 0.0F);
}

void ShiftUser::score_next(std::span<const float> state, std::span<float> scores) const noexcept {
  for (std::size_t k = 0; k < scores.size(); ++k) scores[k] = score(state, static_cast<ItemId>(k) + 1);
}

void ShiftUser::take(std::span<float> state, ItemId item, float days, const StepKey& key) const noexcept {
  const bool counts = core_->model.time == TimeUnit::days && days > 0.0F;
  follow(state, item, true, counts ? days / core_->model.days_per_step : 1.0F, key);
}

}  // namespace veer::shift
