#include "agents/baselines/slates.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

PolicySpec slate_spec(std::string name, std::int32_t items, std::int32_t slots) {
  if (slots < 1 || slots > items) {
    throw ConfigError({.file = {}, .line = 0, .field = "policy " + name + ": slots"},
                      {std::to_string(slots), "1 to the " + std::to_string(items) + " items there are", {}});
  }
  return {.name = std::move(name), .action = ActionKind::slate, .width = slots};
}

struct SlatePlanScratch final : Workspace {
  SlatePlanScratch(const BatchShape& shape, std::unique_ptr<Workspace> for_model, std::int32_t proposed)
      : batch(shape, 0),
        shard(batch.shard(0)),
        model(std::move(for_model)),
        items(at(shape.rows) * at(proposed)),
        proposals(items.data(), shape.rows, proposed),
        probability(at(shape.rows) * at(shape.slots)) {}
  Batch batch;
  Shard shard;
  std::unique_ptr<Workspace> model;
  std::vector<ItemId> items;
  View<ItemId> proposals;
  std::vector<float> probability;  ///< [rows, slots] of the items proposed first
};

}  // namespace

RandomSlates::RandomSlates(std::string name, std::int32_t items, std::int32_t slots)
    : items_(items), spec_(slate_spec(std::move(name), items, slots)) {}

void RandomSlates::act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const {
  std::vector<ItemId> sorted(at(spec_.width));
  float log_probability = 0.0F;
  for (std::int32_t k = 0; k < spec_.width; ++k) log_probability -= std::log(static_cast<float>(items_ - k));
  for (const std::int32_t row : rows) {
    const StepKey key = seen.key(row);
    PhiloxBlock words{};
    for (std::int32_t k = 0; k < spec_.width; ++k) {
      if (k % 4 == 0) words = random_block(key, Stream::policy, static_cast<std::uint32_t>(k / 4));
      // The r-th item that is not in the slate yet.
      const std::uint64_t left = static_cast<std::uint64_t>(items_ - k);
      auto item = 1 + static_cast<ItemId>((std::uint64_t{words[at(k % 4)]} * left) >> 32);
      std::int32_t place = 0;
      for (; place < k && sorted[at(place)] <= item; ++place) ++item;
      std::copy_backward(sorted.begin() + place, sorted.begin() + k, sorted.begin() + k + 1);
      sorted[at(place)] = item;
      actions.items(row, k) = item;
    }
    actions.log_prob(row) = log_probability;
  }
}

PopularSlates::PopularSlates(std::string name, std::span<const std::int64_t> counts, std::int32_t slots)
    : spec_(slate_spec(std::move(name), static_cast<std::int32_t>(counts.size()) - 1, slots)),
      order_(counts.size() - 1) {
  std::iota(order_.begin(), order_.end(), 1);
  std::ranges::stable_sort(order_, std::greater<>(), [counts](ItemId item) { return counts[at(item)]; });
}

void PopularSlates::act(Rows rows, const Observation& seen, PolicyState&, Actions& actions, Mode) const {
  std::vector<ItemId> liked;
  for (const std::int32_t row : rows) {
    const std::span<const ItemId> history = seen.history.row(row).first(at(seen.history_size(row)));
    liked.assign(history.begin(), history.end());
    std::ranges::sort(liked);
    std::int32_t filled = 0;
    for (const bool wanted : {false, true}) {
      for (std::size_t i = 0; i < order_.size() && filled < spec_.width; ++i) {
        const bool is_liked = std::ranges::binary_search(liked, order_[i]);
        if (is_liked == wanted) actions.items(row, filled++) = order_[i];
      }
    }
    actions.log_prob(row) = 0.0F;
  }
}

GreedySlates::GreedySlates(const UserModel& model, const EnvSpec& world, GreedySlatesOptions options)
    : model_(model),
      options_(std::move(options)),
      world_(world),
      spec_(slate_spec(options_.name, world.items, world.slots)) {
  if (model.spec().items != world.items) {
    throw ConfigError({.file = {}, .line = 0, .field = "policy " + spec_.name + ": user model"},
                      {std::to_string(model.spec().items) + " items",
                       "the world's catalogue of " + std::to_string(world.items),
                       {}});
  }
  if (!options_.worth.empty() && std::ssize(options_.worth) != world.slots + 1) {
    throw ConfigError({.file = {}, .line = 0, .field = "policy " + spec_.name + ": worth"},
                      {std::to_string(options_.worth.size()) + " values",
                       "one for each of 0 to " + std::to_string(world.slots) + " clicks",
                       {}});
  }
}

std::unique_ptr<Workspace> GreedySlates::make_workspace(const WorkspaceShape& given) const {
  const WorkspaceShape shape{.rows = given.rows,
                             .history_capacity = world_.history_capacity,
                             .slots = world_.slots,
                             .horizon = world_.horizon};
  const BatchShape batch{.rows = given.rows,
                         .shard_rows = given.rows,
                         .history_capacity = world_.history_capacity,
                         .slots = world_.slots,
                         .reals = 0,
                         .features = world_.features,
                         .user_state = model_.spec().state_width,
                         .policy_state = 0,
                         .plan = 0,
                         .modifiers = static_cast<std::int32_t>(world_.modifiers.size()),
                         .reward_terms = 0};
  return std::make_unique<SlatePlanScratch>(batch, model_.make_workspace(shape),
                                            options_.worth.empty() ? world_.slots : world_.items);
}

/// How many of the slate come from the first items. Both spans hold the probabilities of K items, best first.
std::int32_t GreedySlates::best_split(std::span<const float> first, std::span<const float> last) const {
  const auto slots = static_cast<std::int32_t>(first.size());
  std::vector<double> clicks(first.size() + 1);
  std::int32_t best = 0;
  double most = -1e300;
  for (std::int32_t j = 0; j <= slots; ++j) {
    // Distribution of the number of clicks, item by item.
    std::ranges::fill(clicks, 0.0);
    clicks[0] = 1.0;
    for (std::int32_t k = 0; k < slots; ++k) {
      const double p = double{k < j ? first[at(k)] : last[at(k)]};
      for (std::int32_t c = k + 1; c > 0; --c)
        clicks[at(c)] = clicks[at(c)] * (1.0 - p) + clicks[at(c - 1)] * p;
      clicks[0] *= 1.0 - p;
    }
    double worth = 0.0;
    for (std::size_t c = 0; c < clicks.size(); ++c) worth += clicks[c] * double{options_.worth[c]};
    if (worth >= most) {
      most = worth;
      best = j;
    }
  }
  return best;
}

void GreedySlates::act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions, Mode) const {
  auto& scratch = static_cast<SlatePlanScratch&>(state.workspace);
  Shard& shard = scratch.shard;
  shard.seed = seen.seed;
  for (const std::int32_t row : rows) {
    shard.episode(row) = seen.episode(row);
    shard.step(row) = seen.step(row);
    shard.active(row) = 1;
    shard.user(row) = seen.user(row);
    shard.target(row) = no_item;
    shard.history_size(row) = seen.history_size(row);
    std::ranges::copy(seen.history.row(row), shard.history.row(row).begin());
    std::ranges::fill(shard.modifiers.row(row), 1.0F);
    actions.log_prob(row) = 0.0F;
  }
  model_.begin(rows, shard, *scratch.model);
  const View<ItemId> proposals(scratch.items.data(), static_cast<std::int32_t>(rows.size()),
                               scratch.proposals.width());
  model_.propose(rows, shard, *scratch.model, proposals);
  const std::int32_t slots = world_.slots, skipped = proposals.width() - slots;
  // Shows items from + k of the order in slot k of every row.
  const auto show = [&](std::int32_t from, View<ItemId> to) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::int32_t k = 0; k < slots; ++k) {
        to(rows[i], k) = proposals(static_cast<std::int32_t>(i), from + k);
      }
    }
  };
  show(0, actions.items);
  if (options_.worth.empty()) return;
  show(0, shard.items);
  model_.choose(rows, shard, *scratch.model);
  std::copy_n(shard.probability.data(), scratch.probability.size(), scratch.probability.begin());
  show(skipped, shard.items);
  model_.choose(rows, shard, *scratch.model);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::int32_t row = rows[i];
    const std::span<const float> first =
        std::span(scratch.probability).subspan(at(row) * at(slots), at(slots));
    for (std::int32_t k = best_split(first, shard.probability.row(row)); k < slots; ++k) {
      actions.items(row, k) = proposals(static_cast<std::int32_t>(i), skipped + k);
    }
  }
}

}  // namespace veer
