// A user model small enough to check by hand: items and tastes are points on the line [0, 1].
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/user_model.h"

namespace veer::toys {

/// Item i of N lies at i / N. A row's state is its taste t; p(accept i) = sigmoid(4 - 12 |t - x_i|) times the
/// modifier "eagerness" if the scenario has one as its first. Accepting moves t a quarter of the way to x_i.
/// Interest is the softmax of -10 |t - x_j| over all items. The taste at the start is the mean position of
/// the history (0.5 if empty).
class LineUser : public UserModel {
 public:
  explicit LineUser(std::int32_t items) {
    spec_.kind = "line";
    spec_.items = items;
    spec_.state_width = 1;
    spec_.modifiers = {"eagerness"};
  }
  const UserModelSpec& spec() const noexcept override { return spec_; }

  double position(ItemId item) const { return double(item) / spec_.items; }
  double accepts(double taste, ItemId item) const {
    if (item == no_item) return 0.0;
    return 1.0 / (1.0 + std::exp(-(4.0 - 12.0 * std::abs(taste - position(item)))));
  }
  double moved(double taste, ItemId item) const { return taste + 0.25 * (position(item) - taste); }
  double log_interest(double taste, ItemId item) const {
    double total = 0.0;
    for (ItemId j = 1; j <= spec_.items; ++j) total += std::exp(-10.0 * std::abs(taste - position(j)));
    return -10.0 * std::abs(taste - position(item)) - std::log(total);
  }
  std::int32_t rank_of(double taste, ItemId item) const {
    std::int32_t better = 0;
    for (ItemId j = 1; j <= spec_.items; ++j) {
      if (std::abs(taste - position(j)) < std::abs(taste - position(item))) ++better;
    }
    return 1 + better;
  }
  double start(std::span<const ItemId> history, std::int32_t size) const {
    if (size == 0) return 0.5;
    double sum = 0.0;
    for (std::int32_t i = 0; i < size; ++i) sum += position(history[static_cast<std::size_t>(i)]);
    return sum / size;
  }

  void begin(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t r : rows) {
      shard.user_state(r) = static_cast<float>(start(shard.history.row(r), shard.history_size(r)));
    }
  }
  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t r : rows) {
      const double eagerness = shard.modifiers.width() > 0 ? double{shard.modifiers(r, 0)} : 1.0;
      for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
        const double p = eagerness * accepts(shard.user_state(r), shard.items(r, slot));
        shard.probability(r, slot) = static_cast<float>(p);
        const float u = uniform(shard.key(r), Stream::choice, static_cast<std::uint32_t>(slot));
        shard.feedback(r, slot) = u < shard.probability(r, slot) ? feedback::accepted : feedback::refused;
      }
    }
  }
  void advance(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t r : rows) {
      for (std::int32_t slot = 0; slot < shard.items.width(); ++slot) {
        if (shard.items(r, slot) == no_item || (shard.feedback(r, slot) & feedback::accepted) == 0) continue;
        shard.user_state(r) = static_cast<float>(moved(shard.user_state(r), shard.items(r, slot)));
      }
    }
  }
  void measure(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t r : rows) {
      const ItemId target = shard.target(r);
      shard.interest(r) =
          target == no_item ? 0.0F : static_cast<float>(log_interest(shard.user_state(r), target));
      shard.rank(r) = target == no_item ? 0 : rank_of(shard.user_state(r), target);
    }
  }
  void copy_state(Rows from, Rows to, Shard& shard, Workspace&) const override {
    for (std::size_t i = 0; i < from.size(); ++i) shard.user_state(to[i]) = shard.user_state(from[i]);
  }
  void propose(Rows rows, Shard& shard, Workspace&, View<ItemId> out) const override {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      // Nearest to the point halfway between taste and target, lower id first.
      const double wanted = 0.5 * (double{shard.user_state(rows[i])} + position(shard.target(rows[i])));
      std::vector<ItemId> order;
      for (ItemId j = 1; j <= spec_.items; ++j) order.push_back(j);
      std::ranges::stable_sort(order, {}, [&](ItemId j) { return std::abs(position(j) - wanted); });
      const auto row = out.row(static_cast<std::int32_t>(i));
      for (std::size_t k = 0; k < row.size(); ++k) row[k] = k < order.size() ? order[k] : no_item;
    }
  }
  void score_paths(const PathQuery& query, const PathScores& out, Workspace&) const override {
    const auto interest = [&](double taste, ItemId target) {
      return target == no_item ? 0.0F : static_cast<float>(log_interest(taste, target));
    };
    const auto rank = [&](double taste, ItemId target) {
      return target == no_item ? 0 : rank_of(taste, target);
    };
    for (std::size_t p = 0; p < query.target.size(); ++p) {
      const auto row = static_cast<std::int32_t>(p);
      const auto taste = static_cast<float>(start(query.history.row(row), query.history_size[p]));
      if (!out.start_interest.empty()) out.start_interest[p] = interest(taste, query.target[p]);
      if (!out.start_rank.empty()) out.start_rank[p] = rank(taste, query.target[p]);
    }
    const std::int32_t knobs = query.knobs();
    for (std::size_t path = 0; path < query.prompt.size(); ++path) {
      const auto row = static_cast<std::int32_t>(path);
      const auto p = static_cast<std::size_t>(query.prompt[path]);
      auto taste = static_cast<float>(start(query.history.row(query.prompt[path]), query.history_size[p]));
      for (std::int32_t k = 0; k < query.length[path]; ++k) {
        const double eagerness = knobs > 0 ? double{query.modifiers(row, k * knobs)} : 1.0;
        const ItemId item = query.items(row, k);
        if (!out.acceptance.empty()) {
          out.acceptance(row, k) = static_cast<float>(eagerness * accepts(taste, item));
        }
        const bool yes = query.accepted.empty() || query.accepted(row, k) != 0;
        if (yes && item != no_item) taste = static_cast<float>(moved(taste, item));
        if (!out.interest.empty()) out.interest(row, k) = interest(taste, query.target[p]);
        if (!out.rank.empty()) out.rank(row, k) = rank(taste, query.target[p]);
      }
    }
  }

 private:
  UserModelSpec spec_;
};

}  // namespace veer::toys
