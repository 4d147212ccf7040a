#include "tools/bench/crowd.h"

#include <numeric>
#include <span>

#include "env/random.h"
#include "env/runtime.h"

namespace veer::bench {
namespace {

constexpr std::int32_t attributes = 18;

shift::ItemFacts facts() {
  shift::ItemFacts f;
  f.items = movielens_items;
  f.attributes = attributes;
  f.attribute_offsets = {0, 0};
  f.log_popularity.assign(movielens_items + 1, 0.0F);
  for (ItemId item = 1; item <= movielens_items; ++item) {
    f.log_popularity[static_cast<std::size_t>(item)] =
        3.0F * uniform({4, 0, 0}, Stream::scenario, static_cast<std::uint32_t>(item)) - 1.5F;
    for (std::int32_t a = 0; a < attributes; ++a) {
      if ((item * 7 + a) % 9 == 0) f.attribute_list.push_back(a);
    }
    f.attribute_offsets.push_back(static_cast<std::int64_t>(f.attribute_list.size()));
  }
  return f;
}

}  // namespace

ItemId random_item(std::uint64_t row, std::uint32_t lane) {
  return static_cast<ItemId>(uniform_below(movielens_items, {3, row, 0}, Stream::scenario, lane)) + 1;
}

nn::SequenceModel random_network(const std::string& kind, std::uint64_t seed) {
  nn::SequenceConfig config = kind == "gru4rec" ? nn::SequenceConfig::gru4rec(movielens_items)
                                                : nn::SequenceConfig::sasrec(movielens_items);
  config.positions = capacity;
  return nn::SequenceModel::initialise(config, seed, "cpu");
}

shift::ShiftModel random_shift_people(const nn::SequenceModel& base, shift::Mechanisms on,
                                      std::uint64_t seed) {
  const shift::ItemFacts f = facts();
  const shift::Items items(f, shift::item_vectors(base), base.config().hidden);
  shift::Parameters parameters(base.config().hidden, {8.0F, items.length(), items.spread()}, 1);
  for (std::size_t i = 0; seed != 0 && i < parameters.size(); ++i) {
    parameters.free()[i] += 0.05F * normal({seed, 0, 0}, Stream::initialise, static_cast<std::uint32_t>(i));
  }
  parameters.set_on(on);
  return {base, f, parameters, 1.0F, 0.0F, 20, shift::TimeUnit::steps, 1.0F};
}

Crowd::Crowd(const UserModel& model, std::int32_t rows, int tasks)
    : model_(model),
      batch_({.rows = rows,
              .shard_rows = shard_rows,
              .history_capacity = capacity,
              .slots = 1,
              .user_state = model.spec().state_width},
             1) {
  rows_.resize(shard_rows);
  std::iota(rows_.begin(), rows_.end(), 0);
  const std::int32_t kept = tasks == 0 ? batch_.shards() : tasks;
  for (std::int32_t w = 0; w < kept; ++w) {
    workspaces_.push_back(
        model.make_workspace({.rows = shard_rows, .history_capacity = capacity, .slots = 1, .horizon = 10}));
  }
  fill();
}

void Crowd::fill() {
  for (std::int32_t s = 0; s < batch_.shards(); ++s) {
    Shard shard = batch_.shard(s);
    for (const std::int32_t r : rows_) {
      const auto row = static_cast<std::uint64_t>(s * shard_rows + r);
      shard.episode(r) = row;
      shard.user(r) = static_cast<UserId>(row);
      shard.step(r) = 0;
      shard.target(r) = random_item(row, 90);
      for (std::int32_t t = 0; t < history; ++t)
        shard.history(r, t) = random_item(row, static_cast<std::uint32_t>(t));
      shard.history_size(r) = history;
      shard.items(r) = random_item(row, 91);
    }
  }
}

void Crowd::begin() {
  each([&](Shard& shard, Workspace& w) { model_.begin(rows_, shard, w); });
}

void Crowd::step(bool scores) {
  each([&](Shard& shard, Workspace& w) {
    model_.choose(rows_, shard, w);
    for (const std::int32_t r : rows_) {
      shard.feedback(r) = feedback::accepted;
      append_history(shard, r, shard.items(r));
    }
    model_.advance(rows_, shard, w);
    for (const std::int32_t r : rows_) ++shard.step(r);
    if (scores) model_.measure(rows_, shard, w);
  });
}

void Crowd::step_anew(bool scores) {
  each([&](Shard& shard, Workspace& w) {
    w.owner = -1;
    model_.begin(rows_, shard, w);
    model_.choose(rows_, shard, w);
    if (scores) model_.measure(rows_, shard, w);
  });
}

void Crowd::rewind() {
  for (std::int32_t s = 0; s < batch_.shards(); ++s) {
    Shard shard = batch_.shard(s);
    for (const std::int32_t r : rows_) shard.history_size(r) = history;
  }
}

void Crowd::each(const std::function<void(Shard&, Workspace&)>& work) {
  const auto tasks = static_cast<std::int64_t>(workspaces_.size());
  parallel_for(tasks, [&](std::int64_t task) {
    for (auto s = static_cast<std::int32_t>(task); s < batch_.shards();
         s += static_cast<std::int32_t>(tasks)) {
      Shard shard = batch_.shard(s);
      work(shard, *workspaces_[static_cast<std::size_t>(task)]);
    }
  });
}

}  // namespace veer::bench
