#include "tools/bench/step_straightforward.h"

#include <torch/types.h>

#include <algorithm>

#include "env/nn/training/sequence_forward_net.h"
#include "tools/bench/workload.h"

namespace veer::bench {
namespace {

/// Read-outs [n, d] after the whole history of each row, padded to the longest.
template <class Rows>
torch::Tensor read_out(const nn::SequenceNet& net, const Rows& rows) {
  std::size_t longest = 1;
  for (const auto& row : rows) longest = std::max(longest, row.history.size());
  const auto n = static_cast<std::int64_t>(rows.size());
  torch::Tensor items = torch::zeros({n, static_cast<std::int64_t>(longest)}, torch::kInt64);
  torch::Tensor last = torch::zeros({n}, torch::kInt64);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto& history = rows[static_cast<std::size_t>(i)].history;
    std::ranges::copy(history, items.data_ptr<std::int64_t>() + i * static_cast<std::int64_t>(longest));
    last.data_ptr<std::int64_t>()[i] =
        std::max<std::int64_t>(0, static_cast<std::int64_t>(history.size()) - 1);
  }
  const torch::Tensor all = nn::encode(net, items);
  return all.gather(1, last.view({n, 1, 1}).expand({n, 1, all.size(2)})).squeeze(1);
}

}  // namespace

StraightforwardEpisodes::StraightforwardEpisodes(const Scenario& world, const nn::SequenceModel& users,
                                                 const nn::SequenceModel* policy, std::int32_t rows,
                                                 std::uint64_t seed)
    : world_(world),
      users_(users),
      policy_(policy),
      seed_(seed),
      scratch_({.rows = 1,
                .shard_rows = 32,
                .history_capacity = world.spec().history_capacity,
                .modifiers = static_cast<std::int32_t>(world.spec().modifiers.size())},
               seed) {
  const auto n = static_cast<std::size_t>(rows);
  episode.resize(n);
  taken.resize(n);
  items.resize(n);
  feedback.resize(n);
  probability.resize(n);
  rows_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    rows_[i].episode = i;
    begin(rows_[i]);
  }
}

void StraightforwardEpisodes::begin(Row& row) {
  Shard shard = scratch_.shard(0);
  shard.episode(0) = row.episode;
  shard.step(0) = 0;
  shard.history_size(0) = 0;
  world_.begin_episode(0, shard);
  row.step = 0;
  row.refused.clear();
  row.target = shard.target(0);
  row.patience = shard.patience(0);
  const auto history = shard.history.row(0).first(static_cast<std::size_t>(shard.history_size(0)));
  row.history.assign(history.begin(), history.end());
}

void StraightforwardEpisodes::answer(Row& row, std::size_t i) {
  const float u = uniform({seed_, row.episode, row.step}, Stream::choice, 0);
  feedback[i] = u < probability[i] ? feedback::accepted : feedback::refused;
  episode[i] = row.episode;
  taken[i] = row.step;
  bool ended = false;
  if (feedback[i] != feedback::refused) {
    row.history.push_back(items[i]);
    ended = items[i] == row.target;
  } else {
    row.refused.push_back(items[i]);
    row.patience -= 1.0F;
    ended = row.patience <= 0.0F;
  }
  ++row.step;
  if (!ended && static_cast<std::int32_t>(row.step) < world_.spec().horizon) return;
  row.episode += rows_.size();
  begin(row);
}

void StraightforwardEpisodes::step(std::span<const ItemId> given) {
  const c10::InferenceMode guard;
  const torch::Tensor table = users_.net().at("item_embedding");
  for (std::size_t first = 0; first < rows_.size(); first += straightforward_users) {
    const std::size_t count = std::min<std::size_t>(straightforward_users, rows_.size() - first);
    const std::span<Row> batch(rows_.data() + first, count);
    const auto n = static_cast<std::int64_t>(count);
    if (policy_ != nullptr) {
      const torch::Tensor logits =
          read_out(policy_->net(), batch).mm(policy_->net().at("item_embedding").t());
      torch::Tensor p = torch::softmax(logits, 1);
      auto probabilities = p.accessor<float, 2>();
      for (std::int64_t i = 0; i < n; ++i) {
        probabilities[i][0] = -1.0F;
        const Row& row = batch[static_cast<std::size_t>(i)];
        for (const ItemId seen : row.history) probabilities[i][seen] = -1.0F;
        for (const ItemId seen : row.refused) probabilities[i][seen] = -1.0F;
      }
      const torch::Tensor best = p.argmax(1);
      for (std::size_t i = 0; i < count; ++i) {
        items[first + i] = static_cast<ItemId>(best.data_ptr<std::int64_t>()[i]);
      }
    } else {
      std::ranges::copy(given.subspan(first, count), items.begin() + static_cast<std::ptrdiff_t>(first));
    }
    torch::Tensor shown = torch::empty({n}, torch::kInt64);
    std::copy_n(items.begin() + static_cast<std::ptrdiff_t>(first), count, shown.data_ptr<std::int64_t>());
    const torch::Tensor yes =
        torch::sigmoid((read_out(users_.net(), batch) * table.index_select(0, shown)).sum(1));
    for (std::size_t i = 0; i < count; ++i) {
      probability[first + i] = yes.data_ptr<float>()[i];
      answer(batch[i], first + i);
    }
  }
}

}  // namespace veer::bench
