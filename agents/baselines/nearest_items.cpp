#include "agents/baselines/nearest_items.h"

#include <algorithm>
#include <cmath>

#include "agents/baselines/seen_items.h"
#include "env/error.h"

namespace veer {
namespace {

/// Items scored at a time: their scores and one strip of the table stay in the first-level cache.
constexpr std::int32_t tile = 1024;

struct NearestWorkspace : SeenWorkspace {
  explicit NearestWorkspace(std::int32_t items) : SeenWorkspace(items) {}
  std::vector<float> point;
  std::vector<float> scores;
};

}  // namespace

NearestItems::NearestItems(View<const float> table, const NearestItemsOptions& options)
    : options_(options), items_(table.rows() - 1), dimension_(table.width()) {
  check_sizes(options.name, items_, options.horizon);
  if (dimension_ < 1 || options.recent < 1) {
    throw ConfigError("policy " + options.name + ": found " + std::to_string(dimension_) +
                      " dimensions and recent = " + std::to_string(options.recent) +
                      "; expected at least 1 of each");
  }
  spec_ = {.name = options.name, .action = ActionKind::item, .width = 1, .state_width = options.horizon};
  const auto rows = static_cast<std::size_t>(items_) + 1;
  const auto width = static_cast<std::size_t>(dimension_);
  table_.assign(rows * width, 0.0F);
  transposed_.assign(rows * width, 0.0F);
  half_norms_.assign(rows, 0.0F);
  for (ItemId item = 1; item <= items_; ++item) {
    const auto i = static_cast<std::size_t>(item);
    float norm = 0.0F;
    for (const float value : table.row(item)) norm += value * value;
    if (!std::isfinite(norm)) {
      throw DataError("item table: found values of item " + std::to_string(item) +
                      " that are not finite or too large; expected finite embeddings");
    }
    // An item without direction stays at the origin, equally far from all of unit length.
    const bool scaled = options.distance == ItemDistance::cosine && norm > 0.0F;
    const float scale = scaled ? 1.0F / std::sqrt(norm) : 1.0F;
    for (std::size_t k = 0; k < width; ++k) {
      const float value = scale * table(item, static_cast<std::int32_t>(k));
      table_[i * width + k] = value;
      transposed_[k * rows + i] = value;
      half_norms_[i] += 0.5F * value * value;
    }
  }
}

std::unique_ptr<Workspace> NearestItems::make_workspace(const WorkspaceShape&) const {
  return std::make_unique<NearestWorkspace>(items_);
}

void NearestItems::waypoint(std::int32_t row, const Observation& seen, std::vector<float>& out) const {
  const auto width = static_cast<std::size_t>(dimension_);
  const auto embedding = [&](ItemId item) { return table_.data() + static_cast<std::size_t>(item) * width; };
  const std::int32_t size = seen.history_size(row);
  const std::int32_t used = std::min(options_.recent, size);
  const ItemId target = seen.target(row);
  out.assign(width, 0.0F);
  for (std::int32_t k = size - used; k < size; ++k) {
    const float* e = embedding(seen.history(row, k));
    for (std::size_t d = 0; d < width; ++d) out[d] += e[d] / static_cast<float>(used);
  }
  if (target == no_item) return;
  const float* goal = embedding(target);
  const auto left = std::max(1, options_.horizon - static_cast<std::int32_t>(seen.step(row)));
  const float share = used == 0 ? 1.0F : 1.0F / static_cast<float>(left);
  for (std::size_t d = 0; d < width; ++d) out[d] += share * (goal[d] - out[d]);
}

ItemId NearestItems::nearest(const std::vector<float>& point, const SeenItems& excluded,
                             std::vector<float>& scores) const {
  // |w - e|^2 / 2 = |w|^2 / 2 + |e|^2 / 2 - w.e, and the first term is the same for all.
  const auto rows = static_cast<std::size_t>(items_) + 1;
  ItemId best = no_item;
  float best_score = 0.0F;
  for (std::int32_t first = 1; first <= items_; first += tile) {
    const auto count = static_cast<std::size_t>(std::min(tile, items_ + 1 - first));
    const auto from = static_cast<std::size_t>(first);
    scores.assign(half_norms_.begin() + first,
                  half_norms_.begin() + first + static_cast<std::ptrdiff_t>(count));
    for (std::size_t d = 0; d < point.size(); ++d) {
      const float* strip = transposed_.data() + d * rows + from;
      const float w = point[d];
      for (std::size_t j = 0; j < count; ++j) scores[j] -= w * strip[j];
    }
    for (std::size_t j = 0; j < count; ++j) {
      const auto item = static_cast<ItemId>(from + j);
      if (excluded.contains(item)) continue;
      if (best == no_item || scores[j] < best_score) {
        best = item;
        best_score = scores[j];
      }
    }
  }
  return best;
}

void NearestItems::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const {
  auto& scratch = static_cast<NearestWorkspace&>(state.workspace);
  for (const std::int32_t row : rows) {
    actions.log_prob(row) = 0.0F;
    actions.items(row) = no_item;
    if (seen.active(row) == 0) continue;
    scratch.seen.collect(row, seen, state);
    if (!options_.allow_target) scratch.seen.add(seen.target(row));
    waypoint(row, seen, scratch.point);
    const ItemId item = nearest(scratch.point, scratch.seen, scratch.scores);
    actions.items(row) = item;
    remember_shown(row, seen, state, item);
  }
}

}  // namespace veer
