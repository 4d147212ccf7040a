#include "scenarios/stress/perturbed_users.h"

#include <algorithm>
#include <cmath>

namespace veer::stress {
namespace {

/// Whose tastes people take over in a shock: those of the same episode under another seed.
constexpr std::uint64_t seed_of_others = 0x5EED0FA11C0DE5ULL;
/// Columns of a hidden state behind those of the model: items taken since the start, whose taste it is, and
/// the history it began with. Whole numbers below 2^24 are exact in a float.
enum HiddenColumn : std::int32_t { taken_since = 0, hidden_person = 1, hidden_size = 2, hidden_history = 3 };

float logistic(float x) noexcept { return 1.0F / (1.0F + std::exp(-x)); }

/// Standard scores of ln(1 + popularity), 0 where all items are alike.
std::vector<float> fame_of(const Catalogue& catalogue) {
  std::vector<float> out(at(catalogue.size()) + 1, 0.0F);
  double sum = 0.0, squares = 0.0;
  for (std::size_t i = 1; i < out.size(); ++i) {
    const double value =
        std::log1p(static_cast<double>(catalogue.popularity.empty() ? 0 : catalogue.popularity[i]));
    out[i] = static_cast<float>(value);
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(catalogue.size());
  const double mean = sum / count, deviation = std::sqrt(std::max(0.0, squares / count - mean * mean));
  for (std::size_t i = 1; i < out.size(); ++i) {
    out[i] = deviation > 1e-9 ? static_cast<float>((double{out[i]} - mean) / deviation) : 0.0F;
  }
  return out;
}

template <class T>
View<T> columns(std::vector<T>& values, std::int32_t rows, std::int32_t width) {
  values.resize(at(rows) * at(width));
  return {values.data(), rows, width};
}

}  // namespace

struct PerturbedUsers::Scratch final : Workspace {
  std::unique_ptr<Workspace> visible, hidden;
  std::vector<UserId> user;
  std::vector<ItemId> target, history;
  std::vector<std::int32_t> history_size;
  std::vector<float> features, patience, modifiers, probability;
  std::vector<std::uint8_t> feedback;
};

PerturbedUsers::PerturbedUsers(const Scenario& base, std::vector<Perturbation> perturbations,
                               const Catalogue& catalogue, const UserModel* others)
    : base_(base),
      perturbations_(std::move(perturbations)),
      attributes_(catalogue),
      fame_(fame_of(catalogue)) {
  for (std::size_t i = 0; i < perturbations_.size(); ++i) {
    const PerturbationKind kind = perturbations_[i].kind;
    if (kind == PerturbationKind::taste_shock || kind == PerturbationKind::short_history) {
      hidden_users_ = &base.users();
    } else if (kind == PerturbationKind::other_people) {
      hidden_users_ = others;
    } else {
      continue;
    }
    hides_ = static_cast<std::ptrdiff_t>(i);
  }
  spec_ = base.users().spec();
  inner_width_ = spec_.state_width;
  history_length_ = base.spec().history_length;
  if (hidden_users_ == nullptr) return;
  hidden_width_ = hidden_users_->spec().state_width;
  spec_.state_width = inner_width_ + hidden_width_ + hidden_history + history_length_;
}

std::unique_ptr<Workspace> PerturbedUsers::make_workspace(const WorkspaceShape& shape) const {
  auto out = std::make_unique<Scratch>();
  out->visible = base_.users().make_workspace(shape);
  if (hidden_users_ != nullptr) out->hidden = hidden_users_->make_workspace(shape);
  return out;
}

std::size_t PerturbedUsers::cache_bytes(const WorkspaceShape& shape) const noexcept {
  return base_.users().cache_bytes(shape) +
         (hidden_users_ != nullptr ? hidden_users_->cache_bytes(shape) : 0);
}

PerturbedUsers::Scratch& PerturbedUsers::claim(Workspace& workspace, const Shard& shard) const {
  auto& own = static_cast<Scratch&>(workspace);
  if (own.owner != shard.index) {
    own.visible->owner = -1;
    if (own.hidden != nullptr) own.hidden->owner = -1;
  }
  own.owner = shard.index;
  return own;
}

Shard PerturbedUsers::visible(const Shard& shard) const {
  Shard out = shard;
  out.user_state =
      View<float>(shard.user_state.data(), shard.rows(), inner_width_, shard.user_state.stride());
  return out;
}

/// The shard as the hidden state sees it: own history, person and answers.
Shard PerturbedUsers::hidden(const Shard& shard, Scratch& scratch) const {
  Shard out = shard;
  const std::int32_t rows = shard.rows();
  out.user_state =
      View<float>(shard.user_state.data() + inner_width_, rows, hidden_width_, shard.user_state.stride());
  out.user = columns(scratch.user, rows, 1);
  out.target = columns(scratch.target, rows, 1);
  out.history = columns(scratch.history, rows, shard.history.width());
  out.history_size = columns(scratch.history_size, rows, 1);
  out.features = columns(scratch.features, rows, shard.features.width());
  out.patience = columns(scratch.patience, rows, 1);
  out.probability = columns(scratch.probability, rows, shard.items.width());
  out.feedback = columns(scratch.feedback, rows, shard.items.width());
  return out;
}

std::vector<std::int32_t> PerturbedUsers::hiding(Rows rows, const Shard& shard) const {
  std::vector<std::int32_t> out;
  if (hides_ < 0) return out;
  const auto place = static_cast<std::size_t>(hides_);
  for (const std::int32_t row : rows) {
    if (is_affected(perturbations_[place], place, shard.key(row))) out.push_back(row);
  }
  return out;
}

void PerturbedUsers::begin(Rows rows, Shard& shard, Workspace& workspace) const {
  Scratch& scratch = claim(workspace, shard);
  Shard seen = visible(shard);
  base_.users().begin(rows, seen, *scratch.visible);
  const std::vector<std::int32_t> those = hiding(rows, shard);
  if (those.empty()) return;
  Shard other = hidden(shard, scratch);
  // Beginning an episode again writes its knobs again: what it may not touch is its own copy.
  const View<float> knobs = other.modifiers;
  other.modifiers = columns(scratch.modifiers, shard.rows(), shard.modifiers.width());
  const bool shock = perturbations_[static_cast<std::size_t>(hides_)].kind == PerturbationKind::taste_shock;
  if (shock) other.seed ^= seed_of_others;
  for (const std::int32_t row : those) base_.begin_episode(row, other);
  other.seed = shard.seed;
  other.modifiers = knobs;
  for (const std::int32_t row : those) {
    const std::span<float> kept = shard.user_state.row(row).subspan(at(inner_width_ + hidden_width_));
    const std::int32_t size = std::min(other.history_size(row), history_length_);
    kept[taken_since] = 0.0F;
    kept[hidden_person] = static_cast<float>(other.user(row));
    kept[hidden_size] = static_cast<float>(size);
    const std::span<const ItemId> window = other.history.row(row);
    for (std::int32_t i = 0; i < size; ++i) kept[at(hidden_history + i)] = static_cast<float>(window[at(i)]);
  }
  write_hidden_histories(those, shard, other);
  hidden_users_->begin(those, other, *scratch.hidden);
}

/// What the hidden state knows: its own beginning, then what was taken since, the newest where it does not
/// fit.
void PerturbedUsers::write_hidden_histories(Rows rows, const Shard& shard, Shard& out) const {
  for (const std::int32_t row : rows) {
    const std::span<const float> kept = shard.user_state.row(row).subspan(at(inner_width_ + hidden_width_));
    const std::int32_t since =
        std::min(static_cast<std::int32_t>(kept[taken_since]), shard.history_size(row));
    const auto window = static_cast<std::int32_t>(kept[hidden_size]);
    const std::int32_t capacity = out.history.width(),
                       start = std::min(window, std::max(0, capacity - since));
    const std::span<ItemId> to = out.history.row(row);
    std::ranges::fill(to, no_item);
    for (std::int32_t i = 0; i < start; ++i) {
      to[at(i)] = static_cast<ItemId>(kept[at(hidden_history + window - start + i)]);
    }
    const std::span<const ItemId> newest =
        shard.history.row(row).subspan(at(shard.history_size(row) - since), at(since));
    std::ranges::copy(newest, to.begin() + start);
    out.history_size(row) = start + since;
    out.user(row) = static_cast<UserId>(kept[hidden_person]);
    out.target(row) = shard.target(row);
    out.patience(row) = shard.patience(row);
    std::ranges::copy(shard.features.row(row), out.features.row(row).begin());
  }
}

float PerturbedUsers::changed(float p, float hidden_p, const Shard& shard, std::int32_t row,
                              std::int32_t slot) const {
  const StepKey key = shard.key(row);
  const ItemId item = shard.items(row, slot);
  for (std::size_t i = 0; i < perturbations_.size(); ++i) {
    const Perturbation& each = perturbations_[i];
    const float level = each.schedule.level(key.step), a = each.intensity;
    // What is yet to come is missing before the onset too.
    const bool always = each.kind == PerturbationKind::items_change;
    if ((level == 0.0F && !always) || !is_affected(each, i, key)) continue;
    switch (each.kind) {
      case PerturbationKind::taste_shock:
      case PerturbationKind::other_people:
        p += level * a * (hidden_p - p);
        break;
      case PerturbationKind::short_history:
        p = hidden_p;
        break;
      case PerturbationKind::click_noise:
        p += level * a * (1.0F - 2.0F * p);
        break;
      case PerturbationKind::bots:
        p += level * (a - p);
        break;
      case PerturbationKind::popularity_shock: {
        const float inside = std::clamp(p, 1e-6F, 1.0F - 1e-6F);
        p = logistic(std::log(inside / (1.0F - inside)) - level * a * fame_[at(item)]);
        break;
      }
      case PerturbationKind::items_vanish:
        if (lot_of_item(item, i, key) < a) p *= 1.0F - level;
        break;
      case PerturbationKind::items_change: {
        const float lot = lot_of_item(item, i, key);
        if (lot < a) p *= 1.0F - level;
        if (lot >= 1.0F - a) p *= level;
        break;
      }
      case PerturbationKind::boredom:
        if (attributes_.share(shard.last_item(row), item)) p *= 1.0F - level * a;
        break;
      case PerturbationKind::fatigue:
        p *= std::pow(1.0F - a, level * static_cast<float>(static_cast<std::int32_t>(key.step) -
                                                           each.schedule.onset + 1));
        break;
      case PerturbationKind::position_bias:
        p *= std::pow(static_cast<float>(slot + 1), -level * a);
        break;
      case PerturbationKind::impatience:  // of the scenario, not of the answer
      case PerturbationKind::cohort_mix:
      case PerturbationKind::delayed_feedback:  // of what policies are told
      case PerturbationKind::wrong_attributes:
        break;
    }
  }
  return std::clamp(p, 0.0F, 1.0F);
}

void PerturbedUsers::choose(Rows rows, Shard& shard, Workspace& workspace) const {
  Scratch& scratch = claim(workspace, shard);
  Shard seen = visible(shard);
  base_.users().choose(rows, seen, *scratch.visible);
  const std::vector<std::int32_t> those = hiding(rows, shard);
  Shard other;
  if (!those.empty()) {
    other = hidden(shard, scratch);
    write_hidden_histories(those, shard, other);
    hidden_users_->choose(those, other, *scratch.hidden);
  }
  auto next = those.begin();
  for (const std::int32_t row : rows) {
    const bool hides = next != those.end() && *next == row;
    if (hides) ++next;
    for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
      if (shard.items(row, slot) == no_item) continue;
      const float before = shard.probability(row, slot);
      const float p = changed(before, hides ? other.probability(row, slot) : before, shard, row, slot);
      if (p == before) continue;
      shard.probability(row, slot) = p;
      const bool yes = uniform(shard.key(row), Stream::choice, static_cast<std::uint32_t>(slot)) < p;
      shard.feedback(row, slot) = yes ? feedback::accepted : feedback::refused;
    }
  }
}

void PerturbedUsers::advance(Rows rows, Shard& shard, Workspace& workspace) const {
  Scratch& scratch = claim(workspace, shard);
  Shard seen = visible(shard);
  base_.users().advance(rows, seen, *scratch.visible);
  const std::vector<std::int32_t> those = hiding(rows, shard);
  if (those.empty()) return;
  for (const std::int32_t row : those) {
    float& since = shard.user_state(row, inner_width_ + hidden_width_ + taken_since);
    for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
      const bool taken =
          shard.items(row, slot) != no_item && (shard.feedback(row, slot) & feedback::accepted) != 0;
      since += taken ? 1.0F : 0.0F;
    }
  }
  Shard other = hidden(shard, scratch);
  write_hidden_histories(those, shard, other);
  for (const std::int32_t row : those) {
    std::ranges::copy(shard.feedback.row(row), other.feedback.row(row).begin());
    std::ranges::copy(shard.probability.row(row), other.probability.row(row).begin());
  }
  hidden_users_->advance(those, other, *scratch.hidden);
}

void PerturbedUsers::measure(Rows rows, Shard& shard, Workspace& workspace) const {
  Shard seen = visible(shard);
  base_.users().measure(rows, seen, *claim(workspace, shard).visible);
}

void PerturbedUsers::copy_state(Rows from, Rows to, Shard& shard, Workspace& workspace) const {
  Scratch& scratch = claim(workspace, shard);
  Shard seen = visible(shard);
  base_.users().copy_state(from, to, seen, *scratch.visible);
  if (hides_ < 0) return;
  Shard other = hidden(shard, scratch);
  hidden_users_->copy_state(from, to, other, *scratch.hidden);
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto kept = shard.user_state.row(from[i]).subspan(at(inner_width_ + hidden_width_));
    std::ranges::copy(kept, shard.user_state.row(to[i]).subspan(at(inner_width_ + hidden_width_)).begin());
  }
}

void PerturbedUsers::propose(Rows rows, Shard& shard, Workspace& workspace, View<ItemId> out) const {
  Shard seen = visible(shard);
  base_.users().propose(rows, seen, *claim(workspace, shard).visible, out);
}

void PerturbedUsers::score_paths(const PathQuery& query, const PathScores& out, Workspace& workspace) const {
  base_.users().score_paths(query, out, *static_cast<Scratch&>(workspace).visible);
}

std::size_t PerturbedUsers::scoring_bytes(std::int32_t paths, std::int32_t history,
                                          std::int32_t path_length) const noexcept {
  return base_.users().scoring_bytes(paths, history, path_length);
}

}  // namespace veer::stress
