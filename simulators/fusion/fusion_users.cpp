#include "simulators/fusion/fusion_users.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "env/random.h"
#include "simulators/item_standing.h"

namespace veer {
namespace {

constexpr auto click_task = static_cast<std::int32_t>(Behaviour::click);

float probability_of(float log_odds) noexcept { return 1.0F / (1.0F + std::exp(-log_odds)); }

class FusionUsers final : public UserModel {
 public:
  explicit FusionUsers(std::shared_ptr<const FusionWorld> world) : world_(std::move(world)) {
    spec_ = {.kind = "fusion", .items = world_->items(), .state_width = 0, .positions = 0, .modifiers = {}};
  }

  const UserModelSpec& spec() const noexcept override { return spec_; }
  void begin(Rows, Shard&, Workspace&) const override {}

  void choose(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      const std::span<const ItemId> items = shard.items.row(row);
      for (std::size_t k = 0; k < items.size(); ++k) {
        const auto slot = static_cast<std::int32_t>(k);
        shard.probability(row, slot) = 0.0F;
        shard.feedback(row, slot) = feedback::refused;
        if (items[k] != no_item) answer(row, slot, shard);
      }
    }
  }

  /// Nothing of these people changes but what the scenario keeps.
  void advance(Rows, Shard&, Workspace&) const override {}
  void copy_state(Rows, Rows, Shard&, Workspace&) const override {}

  void measure(Rows rows, Shard& shard, Workspace&) const override {
    for (const std::int32_t row : rows) {
      const ItemStanding found = standing_of(shard.user(row), shard.target(row));
      shard.interest(row) = found.log_probability;
      shard.rank(row) = found.rank;
    }
  }

  void propose(Rows rows, Shard& shard, Workspace&, View<ItemId> out) const override {
    std::vector<ItemId> order;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      best_items(click_odds(shard.user(rows[i])), order, out.row(static_cast<std::int32_t>(i)));
    }
  }

  void score_paths(const PathQuery& query, const PathScores& out, Workspace&) const override {
    std::vector<ItemStanding> found;
    for (std::int32_t p = 0; p < query.history.rows(); ++p) {
      found.push_back(standing_of(query.user[at(p)], query.target[at(p)]));
      if (!out.start_interest.empty()) out.start_interest[at(p)] = found.back().log_probability;
      if (!out.start_rank.empty()) out.start_rank[at(p)] = found.back().rank;
    }
    for (std::size_t path = 0; path < query.prompt.size(); ++path) {
      const auto row = static_cast<std::int32_t>(path);
      const std::int32_t prompt = query.prompt[path];
      for (std::int32_t k = 0; k < query.length[path]; ++k) {
        const ItemId item = query.items(row, k);
        if (!out.acceptance.empty()) {
          out.acceptance(row, k) =
              item == no_item ? 0.0F
                              : probability_of(world_->log_odds(query.user[at(prompt)], item, click_task));
        }
        if (!out.interest.empty()) out.interest(row, k) = found[at(prompt)].log_probability;
        if (!out.rank.empty()) out.rank(row, k) = found[at(prompt)].rank;
      }
    }
  }

 private:
  void answer(std::int32_t row, std::int32_t slot, Shard& shard) const {
    float odds[fusion_tasks];
    world_->log_odds(shard.user(row), shard.items(row, slot), odds);
    const StepKey key = shard.key(row);
    const auto block = static_cast<std::uint32_t>(2 * slot);
    const PhiloxBlock words[2] = {random_block(key, Stream::choice, block),
                                  random_block(key, Stream::choice, block + 1)};
    std::uint8_t done = 0;
    for (std::size_t b = 0; b < at(behaviours); ++b) {
      const float p = probability_of(odds[b]);
      if (b == at(click_task)) shard.probability(row, slot) = p;
      if (word_to_uniform(words[b / 4][b % 4]) < p) done |= bit_of(static_cast<Behaviour>(b));
    }
    // Everything but the click happens to what was clicked.
    shard.feedback(row, slot) = did(done, Behaviour::click) ? done : feedback::refused;
  }

  /// [N + 1] log odds of a click, of every item.
  std::vector<float> click_odds(UserId user) const {
    std::vector<float> out(at(world_->items()) + 1);
    for (ItemId item = 1; item <= world_->items(); ++item) {
      out[at(item)] = world_->log_odds(user, item, click_task);
    }
    return out;
  }

  ItemStanding standing_of(UserId user, ItemId target) const {
    return target == no_item ? ItemStanding{} : standing_among(click_odds(user), target);
  }

  std::shared_ptr<const FusionWorld> world_;
  UserModelSpec spec_;
};

}  // namespace

std::unique_ptr<UserModel> make_fusion_users(std::shared_ptr<const FusionWorld> world) {
  return std::make_unique<FusionUsers>(std::move(world));
}

}  // namespace veer
