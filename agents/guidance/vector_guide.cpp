#include "agents/guidance/vector_guide.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "agents/baselines/seen_items.h"
#include "env/error.h"

namespace veer {
namespace {

struct GuideWorkspace : SeenWorkspace {
  GuideWorkspace(std::int32_t items, std::unique_ptr<Workspace> lent)
      : SeenWorkspace(items), people(std::move(lent)) {}

  /// The workspace of the person vectors, told when it was lent to another shard.
  Workspace& people_of(std::int32_t shard) {
    if (owner != shard) people->owner = -1;
    owner = shard;
    return *people;
  }

  std::unique_ptr<Workspace> people;
};

}  // namespace

void GuideRows::bar(std::int32_t i, ItemId first, std::span<float> scores) const noexcept {
  for (const ItemId item : barred(i)) {
    const std::int64_t place = std::int64_t{item} - first;
    if (place >= 0 && place < static_cast<std::int64_t>(scores.size())) {
      scores[at(place)] = -std::numeric_limits<float>::infinity();
    }
  }
}

VectorGuide::VectorGuide(std::shared_ptr<const PersonVectors> people, View<const float> table,
                         const VectorGuideOptions& options)
    : people_(std::move(people)),
      space_(table, false),
      horizon_(options.horizon),
      allow_target_(options.allow_target) {
  check_sizes(options.name, space_.items(), options.horizon);
  if (people_->width() != space_.width()) {
    throw ConfigError({.file = {}, .line = 0, .field = "policy " + options.name},
                      {.found = "people in " + std::to_string(people_->width()) +
                                " dimensions and items in " + std::to_string(space_.width()),
                       .expected = "both of one model",
                       .hint = {}});
  }
  spec_ = {.name = options.name,
           .action = ActionKind::item,
           .width = 1,
           .state_width = options.horizon + people_->state_width()};
}

std::unique_ptr<Workspace> VectorGuide::make_workspace(const WorkspaceShape& shape) const {
  return std::make_unique<GuideWorkspace>(space_.items(), people_->make_workspace(shape));
}

/// State of a row: the items shown so far, as SeenItems keeps them, then the person's.
View<float> VectorGuide::shown_part(const PolicyState& state) const noexcept {
  return {state.values.data(), state.values.rows(), horizon_, state.values.stride()};
}
View<float> VectorGuide::person_part(const PolicyState& state) const noexcept {
  return {state.values.data() + horizon_, state.values.rows(), people_->state_width(), state.values.stride()};
}

void VectorGuide::begin(Rows rows, const Observation& seen, PolicyState& state) const {
  auto& scratch = static_cast<GuideWorkspace&>(state.workspace);
  people_->begin(rows, seen, person_part(state), scratch.people_of(seen.shard_index));
}

void VectorGuide::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const {
  auto& scratch = static_cast<GuideWorkspace&>(state.workspace);
  const View<float> people = person_part(state);
  people_->follow(rows, seen, people, scratch.people_of(seen.shard_index));
  PolicyState shown{shown_part(state), state.workspace};
  GuideRows wanting;
  for (const std::int32_t row : rows) {
    actions.log_prob(row) = 0.0F;
    actions.items(row) = no_item;
    if (seen.active(row) == 0) continue;
    scratch.seen.collect(row, seen, shown);
    if (!allow_target_) scratch.seen.add(seen.target(row));
    const auto barred = scratch.seen.items();
    wanting.barred_.insert(wanting.barred_.end(), barred.begin(), barred.end());
    wanting.rows_.push_back(
        {row, seen.target(row), people.row(row).first(at(space_.width())), wanting.barred_.size()});
  }
  std::vector<ItemId> items(wanting.rows_.size(), no_item);
  choose(wanting, items);
  for (std::size_t i = 0; i < items.size(); ++i) {
    actions.items(wanting.rows_[i].row) = items[i];
    remember_shown(wanting.rows_[i].row, seen, shown, items[i]);
  }
}

}  // namespace veer
