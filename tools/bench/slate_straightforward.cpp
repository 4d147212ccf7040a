#include "tools/bench/slate_straightforward.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/dropout_mask.h"
#include "env/random.h"
#include "env/runtime.h"
#include "simulators/response/response_user.h"

namespace veer::bench {
namespace {

constexpr std::int32_t plain_width = ResponseSizes::width, plain_heads = ResponseSizes::heads;
constexpr std::int64_t rows_per_task = 16;

/// y [n, outputs] = x [n, inputs] W' + b
std::vector<float> linear(std::span<const float> weight, std::span<const float> offset,
                          std::span<const float> x) {
  const std::size_t outputs = offset.size(), inputs = weight.size() / outputs, n = x.size() / inputs;
  std::vector<float> y(n * outputs);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t r = 0; r < outputs; ++r) {
      float sum = offset[r];
      for (std::size_t c = 0; c < inputs; ++c) sum += weight[r * inputs + c] * x[i * inputs + c];
      y[i * outputs + r] = sum;
    }
  }
  return y;
}

/// Multi-head attention of queries [n, 16] over source [m, 16], output map included.
std::vector<float> attend(const ResponseModel& model, const std::string& name, std::span<const float> queries,
                          std::span<const float> source) {
  const std::span<const float> weight = model.part(name + "_in/weight"),
                               offset = model.part(name + "_in/offset");
  const std::size_t w = plain_width, square = w * w, head = w / plain_heads;
  const std::vector<float> q = linear(weight.first(square), offset.first(w), queries);
  const std::vector<float> k = linear(weight.subspan(square, square), offset.subspan(w, w), source);
  const std::vector<float> v = linear(weight.subspan(2 * square, square), offset.subspan(2 * w, w), source);
  const std::size_t n = queries.size() / w, m = source.size() / w;
  std::vector<float> joined(queries.size(), 0.0F), score(m);
  const float scale = 1.0F / std::sqrt(static_cast<float>(head));
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t h = 0; h < w; h += head) {
      float largest = -1e30F, total = 0.0F;
      for (std::size_t j = 0; j < m; ++j) {
        float product = 0.0F;
        for (std::size_t d = h; d < h + head; ++d) product += q[i * w + d] * k[j * w + d];
        score[j] = product * scale;
        largest = std::max(largest, score[j]);
      }
      for (float& s : score) total += s = std::exp(s - largest);
      for (std::size_t j = 0; j < m; ++j) {
        for (std::size_t d = h; d < h + head; ++d) joined[i * w + d] += score[j] / total * v[j * w + d];
      }
    }
  }
  return linear(model.part(name + "_out/weight"), model.part(name + "_out/offset"), joined);
}

}  // namespace

std::vector<ItemId> random_slate(const StepKey& key, std::int32_t items, std::int32_t slots) {
  std::vector<ItemId> slate;
  for (std::int32_t k = 0; k < slots; ++k) {
    auto item = 1 + static_cast<ItemId>(uniform_below(static_cast<std::uint32_t>(items - k), key,
                                                      Stream::policy, static_cast<std::uint32_t>(k)));
    std::vector<ItemId> taken = slate;
    std::ranges::sort(taken);
    for (const ItemId other : taken) item += other <= item ? 1 : 0;
    slate.push_back(item);
  }
  return slate;
}

StraightforwardSlates::StraightforwardSlates(const SlateScenario& world,
                                             std::shared_ptr<const ResponseModel> model, float dropout,
                                             std::int32_t rows, std::uint64_t seed)
    : probability(at(rows) * at(world.spec().slots)),
      world_(world),
      model_(std::move(model)),
      dropout_(dropout),
      seed_(seed),
      rows_(at(rows)) {
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    rows_[r].episode = r;
    begin(rows_[r]);
  }
}

void StraightforwardSlates::begin(Row& row) const {
  const SlateParameters& p = world_.parameters();
  row.step = 0;
  const auto count = static_cast<std::uint32_t>(p.people->starts.size());
  const SlateStart& start =
      p.people->starts[uniform_below(count, {seed_, row.episode, 0}, Stream::begin_episode)];
  row.user = start.user;
  row.patience = p.patience;
  const std::span<const ItemId> liked = p.people->history(start, p.history);
  row.history.assign(liked.begin(), liked.end());
}

std::vector<float> StraightforwardSlates::scores(const Row& row, std::span<const ItemId> items) const {
  const ResponseModel& m = *model_;
  std::vector<float> hidden = linear(m.part("profile1/weight"), m.part("profile1/offset"),
                                     world_.parameters().people->profile(row.user));
  std::vector<float> mask(hidden.size(), 1.0F);
  if (dropout_ > 0.0F) fill_dropout_mask({seed_, row.episode, row.step}, 0, dropout_, mask);
  for (std::size_t i = 0; i < hidden.size(); ++i) hidden[i] = std::max(hidden[i], 0.0F) * mask[i];
  const std::vector<float> u = linear(m.part("profile2/weight"), m.part("profile2/offset"), hidden);
  const auto embed = [&](std::span<const ItemId> ids) {
    std::vector<float> features;
    for (const ItemId item : ids) {
      const std::span<const float> x = m.features.of(item);
      features.insert(features.end(), x.begin(), x.end());
    }
    return linear(m.part("item/weight"), m.part("item/offset"), features);
  };
  std::vector<ItemId> places(at(m.sizes.history) - row.history.size(), no_item);
  places.insert(places.end(), row.history.begin(), row.history.end());
  const std::vector<float> embedded = embed(places);
  std::vector<float> q = attend(m, "cross", u, attend(m, "self", embedded, embedded));
  if (m.sizes.merges_profile) {
    q.insert(q.end(), u.begin(), u.end());
    q = linear(m.part("merge/weight"), m.part("merge/offset"), q);
  }
  return linear(embed(items), std::vector<float>(items.size(), 0.0F), q);
}

std::vector<ItemId> StraightforwardSlates::random_slate(const Row& row) const {
  return bench::random_slate({seed_, row.episode, row.step}, world_.spec().items, world_.parameters().slots);
}

void StraightforwardSlates::step_row(Row& row, std::span<const ItemId> slate, std::span<float> out) const {
  const SlateParameters& p = world_.parameters();
  const StepKey key{seed_, row.episode, row.step};
  const std::vector<float> score = scores(row, slate);
  std::int32_t clicks = 0;
  for (std::int32_t k = 0; k < p.slots; ++k) {
    out[at(k)] = click_probability(ResponseLink::soft, score[at(k)]);
    if (uniform(key, Stream::choice, static_cast<std::uint32_t>(k)) >= out[at(k)]) continue;
    ++clicks;
    row.history.push_back(slate[at(k)]);
  }
  if (std::ssize(row.history) > p.history) {
    row.history.erase(row.history.begin(), row.history.end() - p.history);
  }
  row.patience -= patience_taken(p.patience_cost, slate_reward(p.reward, clicks, p.slots), clicks, p.slots);
  ++row.step;
  if (patience_is_over(row.patience)) {
    row.episode += rows_.size();
    begin(row);
  }
}

void StraightforwardSlates::step() {
  std::vector<ItemId> slates(probability.size());
  parallel_for(std::ssize(rows_), [&](std::int64_t r) {
    const std::vector<ItemId> slate = random_slate(rows_[at(r)]);
    std::copy(slate.begin(), slate.end(), slates.begin() + r * std::ssize(slate));
  });
  show(slates);
}

void StraightforwardSlates::show(std::span<const ItemId> slates) {
  const std::size_t slots = at(world_.spec().slots);
  const auto rows = std::ssize(rows_);
  parallel_for((rows + rows_per_task - 1) / rows_per_task, [&](std::int64_t task) {
    for (std::int64_t r = task * rows_per_task; r < std::min(rows, (task + 1) * rows_per_task); ++r) {
      step_row(rows_[at(r)], slates.subspan(at(r) * slots, slots),
               std::span(probability).subspan(at(r) * slots, slots));
    }
  });
}

}  // namespace veer::bench
