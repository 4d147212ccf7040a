// What the guiders share that score every item against a person's vector and a target: they follow people
// through their episodes, show nothing twice, and sweep the catalogue tile by tile for all rows of a shard.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agents/baselines/item_space.h"
#include "agents/guidance/person_vectors.h"
#include "env/policy.h"

namespace veer {

/// The rows that want an item in one call of act(), in row order.
class GuideRows {
 public:
  std::int32_t size() const noexcept { return static_cast<std::int32_t>(rows_.size()); }
  std::span<const float> person(std::int32_t i) const noexcept { return rows_[at(i)].person; }
  ItemId target(std::int32_t i) const noexcept { return rows_[at(i)].target; }  ///< no_item: none
  /// What may not be shown.
  std::span<const ItemId> barred(std::int32_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : rows_[at(i - 1)].barred_end;
    return {barred_.data() + begin, rows_[at(i)].barred_end - begin};
  }
  /// scores[item - first] = minus infinity for what may not be shown of the items first, first + 1, ...
  void bar(std::int32_t i, ItemId first, std::span<float> scores) const noexcept;

 private:
  friend class VectorGuide;
  struct Row {
    std::int32_t row = 0;
    ItemId target = no_item;
    std::span<const float> person;
    std::size_t barred_end = 0;
  };
  std::vector<Row> rows_;
  std::vector<ItemId> barred_;  ///< row by row
};

struct VectorGuideOptions {
  std::string name;
  std::int32_t horizon = 0;  ///< steps of an episode
  bool allow_target = false;
};

/// An item policy that chooses anew at every step from the history as it then is. Never shown: what stands in
/// the history, what was shown in this episode, and the target unless allowed; it stops when nothing is left.
/// Deterministic; log_prob 0. Thread-safe: immutable.
class VectorGuide : public Policy {
 public:
  const PolicySpec& spec() const noexcept final { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const final;
  std::size_t cache_bytes(const WorkspaceShape& shape) const noexcept final {
    return people_->cache_bytes(shape);
  }
  void begin(Rows, const Observation&, PolicyState&) const final;
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const final;

 protected:
  /// `table` [N+1, d]: the item vectors of the model that `people` come from. Throws ConfigError when widths
  /// or sizes do not fit, DataError for vectors that are not finite.
  VectorGuide(std::shared_ptr<const PersonVectors> people, View<const float> table,
              const VectorGuideOptions& options);

  /// items[i] = what row i is shown, or no_item.
  virtual void choose(const GuideRows& rows, std::span<ItemId> items) const = 0;

  /// visit(i, first, logits) for every row i and every tile of items first, first + 1, ..., in item order;
  /// logits[j] = person(i) . e(first + j), the visitor's to overwrite. A tile's vectors stay in cache for all
  /// rows.
  template <class Visit>
  void sweep(const GuideRows& rows, Visit&& visit) const {
    std::vector<float> logits;
    for (ItemId first = 1; first <= space_.items(); first += ItemSpace::tile) {
      for (std::int32_t i = 0; i < rows.size(); ++i) {
        logits.assign(at(std::min(ItemSpace::tile, space_.items() + 1 - first)), 0.0F);
        space_.add_products(1.0F, rows.person(i), first, logits);
        visit(i, first, std::span<float>(logits));
      }
    }
  }

  const ItemSpace& space() const noexcept { return space_; }

 private:
  View<float> shown_part(const PolicyState& state) const noexcept;
  View<float> person_part(const PolicyState& state) const noexcept;

  std::shared_ptr<const PersonVectors> people_;
  ItemSpace space_;
  std::int32_t horizon_;
  bool allow_target_;
  PolicySpec spec_;
};

}  // namespace veer
