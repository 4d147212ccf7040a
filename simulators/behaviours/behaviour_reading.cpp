// From histories to queries: the forward pass of behaviour::Tables.
#include <algorithm>
#include <cmath>

#include "env/dropout_mask.h"
#include "env/nn/kernels/head_attention.h"
#include "simulators/behaviours/behaviour_tables.h"

namespace veer::behaviour {
namespace {

/// People whose places are multiplied together: 200 rows of 100 places fill whole tiles, and what they read
/// and write stays in the second-level cache.
constexpr std::int32_t side_by_side = 2;

void grow(std::vector<float>& values, std::size_t size) {
  if (values.size() < size) values.resize(size);
}

}  // namespace

MaskPlan::MaskPlan(const BehaviourSizes& s) {
  std::uint32_t next = 0;
  const auto take = [&](std::int64_t values) {
    const std::uint32_t first = next;
    next += dropout_blocks(values);
    return first;
  };
  const std::int64_t h = s.history;
  places = take(h * s.encoding);
  for (std::int32_t l = 0; l < s.layers; ++l) {
    Layer layer;
    layer.attention = take(s.heads * h * h);
    layer.out = take(h * s.width());
    layer.inner = take(h * s.inner);
    layer.end = take(h * s.width());
    layers.push_back(layer);
  }
  person = take(s.encoding);
  hidden = take(s.hidden);
}

void fill_mask(const StepKey& key, std::uint32_t block, std::int64_t first, float rate,
               std::vector<float>& scratch, std::span<float> out) {
  constexpr std::int64_t group = 256;  // values whose blocks belong together
  const std::int64_t before = first % group;
  const auto start = block + static_cast<std::uint32_t>(first / group * 32);
  if (before == 0) {
    fill_dropout_mask(key, start, rate, out);
    return;
  }
  grow(scratch, at(before) + out.size());
  fill_dropout_mask(key, start, rate, std::span(scratch).first(at(before) + out.size()));
  std::copy_n(scratch.begin() + before, out.size(), out.begin());
}

Scratch::Scratch(const BehaviourSizes& s) {
  const std::size_t rows = at(side_by_side) * at(s.history), d = at(s.width());
  x.resize(rows * d);
  qkv.resize(rows * 3 * d);
  context.resize(rows * d);
  y.resize(rows * d);
  inner.resize(rows * at(s.inner));
  state.resize(at(side_by_side) * (d + at(s.encoding)));
  hidden.resize(at(side_by_side) * at(s.hidden));
  last.resize(at(side_by_side) * d * (3 + 2 * at(s.heads)));
  weights.resize(at(s.heads) * at(s.history));
  items.resize(at(s.history));
  first.resize(at(side_by_side));
}

void Tables::read(std::span<const Reader> people, float dropout, Scratch& scratch, float* out) const {
  for (std::size_t i = 0; i < people.size(); i += at(side_by_side)) {
    const std::span<const Reader> few = people.subspan(i, std::min(at(side_by_side), people.size() - i));
    for (std::size_t p = 0; p < few.size(); ++p) {
      build_places(few[p], static_cast<std::int32_t>(p), dropout, scratch);
    }
    for (std::int32_t l = 0; l + 1 < sizes_.layers; ++l) whole_layer(l, few, dropout, scratch);
    last_layer(few, dropout, scratch);
    read_state(few, dropout, scratch, out + i * at(query_width()));
  }
}

void Tables::build_places(const Reader& reader, std::int32_t number, float dropout, Scratch& scratch) const {
  const std::int32_t h = sizes_.history, e = sizes_.encoding, d = sizes_.width();
  const auto filled = static_cast<std::int32_t>(reader.history.size());
  std::fill(scratch.items.begin(), scratch.items.end(), no_item);
  std::ranges::copy(reader.history, scratch.items.begin() + (h - filled));
  const float* mask = nullptr;
  if (dropout > 0.0F) {
    grow(scratch.mask, at(h) * at(e));
    fill_mask(reader.key, plan_.places, 0, dropout, scratch.part,
              std::span(scratch.mask).first(at(h) * at(e)));
    mask = scratch.mask.data();
  }
  float* x = scratch.x.data() + std::int64_t{number} * h * d;
  normalise_sum(encodings_.data(), scratch.items.data(), positions_, mask, h, e, encoding_norm_, x, d);
  const bool known = mask == nullptr && !empty_places_.empty();
  scratch.first[at(number)] = known ? h - filled : 0;
  const std::int64_t width = std::int64_t{3} * d;
  float* qkv = scratch.qkv.data() + number * h * width;
  for (std::int32_t t = 0; t < h; ++t) {
    const std::int32_t answer = t < h - filled ? 0 : static_cast<std::int32_t>(reader.done[t]);
    const std::int64_t set = set_of_[at(answer & 255)];
    std::copy_n(set_places_.data() + set * e, e, x + t * d + e);
    if (sizes_.layers == 1) continue;
    if (mask != nullptr || item_first_.empty()) {
      std::copy_n(set_first_.data() + set * width, width, qkv + t * width);
      continue;
    }
    const std::int64_t item = scratch.items[at(t)];
    const Moments moments = moments_of_sum(encodings_.data() + item * e, positions_ + t * e, e);
    combine(item_first_.data() + item * width, position_first_.data() + t * width, gain_first_.data(),
            set_plain_first_.data() + set * width, moments.mean, moments.scale, 3 * d, qkv + t * width);
  }
}

void Tables::whole_layer(std::int32_t l, std::span<const Reader> people, float dropout,
                         Scratch& scratch) const {
  const Layer& layer = layers_[at(l)];
  const MaskPlan::Layer& plan = plan_.layers[at(l)];
  const std::int32_t h = sizes_.history, d = sizes_.width(), head = sizes_.head();
  const std::int32_t rows = static_cast<std::int32_t>(people.size()) * h;
  float *x = scratch.x.data(), *qkv = scratch.qkv.data(), *y = scratch.y.data();
  if (l == 0 && (dropout > 0.0F || item_first_.empty())) {
    nn::multiply(x, d, 1, rows, first_, {.add = true}, qkv, 3 * d);
  } else if (l > 0) {
    nn::multiply(x, d, 1, rows, layer.in.weight, {.bias = layer.in.offset}, qkv, 3 * d);
  }
  // From here on only places that are not the same for everybody, person by person where there are such.
  const bool all = std::ranges::all_of(std::span(scratch.first).first(people.size()),
                                       [](std::int32_t first) { return first == 0; });
  const auto for_stretches = [&](const auto& work) {
    if (all) return work(0, rows);
    for (std::size_t p = 0; p < people.size(); ++p) {
      const std::int32_t first = scratch.first[p];
      work(static_cast<std::int32_t>(p) * h + first, h - first);
    }
  };
  const auto product = [&](const float* from, std::int32_t inputs, const Map& map, bool relu, float* to,
                           std::int32_t outputs) {
    for_stretches([&](std::int32_t first, std::int32_t count) {
      nn::multiply(from + std::int64_t{first} * inputs, inputs, 1, count, map.weight,
                   {.bias = map.offset, .relu = relu}, to + std::int64_t{first} * outputs, outputs);
    });
  };
  const auto masks = [&](std::size_t p, std::uint32_t block, std::int32_t width) {
    grow(scratch.mask, at(h) * at(width));
    fill_mask(people[p].key, block, 0, dropout, scratch.part,
              std::span(scratch.mask).first(at(h) * at(width)));
    return scratch.mask.data();
  };
  for (std::size_t p = 0; p < people.size(); ++p) {
    const float* mask = nullptr;
    if (dropout > 0.0F) mask = masks(p, plan.attention, sizes_.heads * h);
    for (std::int32_t k = 0; k < sizes_.heads; ++k) {
      const float* from = qkv + static_cast<std::int64_t>(p) * h * 3 * d + k * head;
      nn::attend_head({.length = h,
                       .first = scratch.first[p],
                       .width = head,
                       .stride = 3 * d,
                       .out_stride = d,
                       .mask = mask == nullptr ? nullptr : mask + std::int64_t{k} * h * h,
                       .mask_stride = h},
                      from, from + d, from + 2 * d, scratch.attention,
                      scratch.context.data() + static_cast<std::int64_t>(p) * h * d + k * head);
    }
  }
  product(scratch.context.data(), d, layer.out, false, y, d);
  const auto end_block = [&](std::uint32_t block, const Norm& norm) {
    for (std::size_t p = 0; p < people.size(); ++p) {
      const float* mask = dropout > 0.0F ? masks(p, block, d) : nullptr;
      const std::int32_t skipped = scratch.first[p];
      const std::int64_t first = (static_cast<std::int64_t>(p) * h + skipped) * d;
      add_block(y + first, mask, h - skipped, d, norm, x + first);
    }
  };
  end_block(plan.out, layer.norm1);
  product(x, d, layer.inner1, true, scratch.inner.data(), sizes_.inner);
  for (std::size_t p = 0; dropout > 0.0F && p < people.size(); ++p) {
    const std::int64_t size = std::int64_t{h} * sizes_.inner;
    drop(masks(p, plan.inner, sizes_.inner), size,
         scratch.inner.data() + static_cast<std::int64_t>(p) * size);
  }
  product(scratch.inner.data(), sizes_.inner, layer.inner2, false, y, d);
  end_block(plan.end, layer.norm2);
  for (std::size_t p = 0; !all && p < people.size(); ++p) {
    std::copy_n(empty_places_.begin(), std::int64_t{scratch.first[p]} * d,
                x + static_cast<std::int64_t>(p) * h * d);
  }
}

void Tables::last_layer(std::span<const Reader> people, float dropout, Scratch& scratch) const {
  const Layer& layer = layers_.back();
  const MaskPlan::Layer& plan = plan_.layers.back();
  const std::int32_t h = sizes_.history, d = sizes_.width(), head = sizes_.head(), heads = sizes_.heads;
  const auto n = static_cast<std::int32_t>(people.size());
  const std::int64_t newest = std::int64_t{h - 1} * d;
  float* query = scratch.last.data();  // [n, D], then what attention makes of it
  float* value = query + std::int64_t{side_by_side} * d;
  float* now = value + std::int64_t{side_by_side} * d;      // [n, D] the newest places
  float* direction = now + std::int64_t{side_by_side} * d;  // [heads, D]
  float* pooled = direction + std::int64_t{heads} * d;      // [heads, D]
  for (std::int32_t p = 0; p < n; ++p) {
    std::copy_n(scratch.x.data() + std::int64_t{p} * h * d + newest, d, now + std::int64_t{p} * d);
  }
  nn::multiply(now, d, 1, n, layer.in.weight, {.bias = layer.in.offset}, query, d);
  const float scale = 1.0F / std::sqrt(static_cast<float>(head));
  float* weights = scratch.weights.data();
  const auto mask = [&](std::int32_t p, std::uint32_t block, std::int64_t first, std::int32_t count) {
    grow(scratch.mask, at(count));
    fill_mask(people[at(p)].key, block, first, dropout, scratch.part,
              std::span(scratch.mask).first(at(count)));
    return scratch.mask.data();
  };
  for (std::int32_t p = 0; p < n; ++p) {
    const float* x = scratch.x.data() + std::int64_t{p} * h * d;
    for (std::int32_t k = 0; k < heads; ++k) {
      nn::multiply(query + std::int64_t{p} * d + k * head, d, 1, 1, layer.keys[at(k)], {},
                   direction + std::int64_t{k} * d, d);
      float* w = weights + std::int64_t{k} * h;
      nn::multiply_vector(x, h, d, direction + std::int64_t{k} * d, 0.0F, w);
      soften(w, h, scale);
      if (dropout > 0.0F) {
        const float* m = mask(p, plan.attention, (std::int64_t{k} * h + h - 1) * h, h);
        for (std::int32_t t = 0; t < h; ++t) w[t] *= m[t];
      }
    }
    pool_rows(weights, heads, h, x, h, d, pooled);
    for (std::int32_t k = 0; k < heads; ++k) {
      float* out = value + std::int64_t{p} * d + k * head;
      nn::multiply(pooled + std::int64_t{k} * d, d, 1, 1, layer.values[at(k)], {}, out, d);
      float total = 0.0F;
      for (std::int32_t t = 0; t < h; ++t) total += weights[std::int64_t{k} * h + t];
      for (std::int32_t c = 0; c < head; ++c) out[c] += total * layer.value_offset[k * head + c];
    }
  }
  const auto end_block = [&](std::uint32_t block, const Norm& norm) {
    for (std::int32_t p = 0; p < n; ++p) {
      const float* m = dropout > 0.0F ? mask(p, block, newest, d) : nullptr;
      add_block(query + std::int64_t{p} * d, m, 1, d, norm, now + std::int64_t{p} * d);
    }
  };
  nn::multiply(value, d, 1, n, layer.out.weight, {.bias = layer.out.offset}, query, d);
  end_block(plan.out, layer.norm1);
  nn::multiply(now, d, 1, n, layer.inner1.weight, {.bias = layer.inner1.offset, .relu = true},
               scratch.inner.data(), sizes_.inner);
  for (std::int32_t p = 0; dropout > 0.0F && p < n; ++p) {
    drop(mask(p, plan.inner, std::int64_t{h - 1} * sizes_.inner, sizes_.inner), sizes_.inner,
         scratch.inner.data() + std::int64_t{p} * sizes_.inner);
  }
  nn::multiply(scratch.inner.data(), sizes_.inner, 1, n, layer.inner2.weight, {.bias = layer.inner2.offset},
               query, d);
  end_block(plan.end, layer.norm2);
  const std::int32_t width = d + sizes_.encoding;
  for (std::int32_t p = 0; p < n; ++p) {
    std::copy_n(now + std::int64_t{p} * d, d, scratch.state.data() + std::int64_t{p} * width);
  }
}

void Tables::read_state(std::span<const Reader> people, float dropout, Scratch& scratch, float* out) const {
  const std::int32_t d = sizes_.width(), e = sizes_.encoding, width = d + e;
  const auto n = static_cast<std::int32_t>(people.size());
  const auto mask = [&](std::int32_t p, std::uint32_t block, std::int32_t count) -> const float* {
    if (!(dropout > 0.0F)) return nullptr;
    grow(scratch.mask, at(count));
    fill_mask(people[at(p)].key, block, 0, dropout, scratch.part, std::span(scratch.mask).first(at(count)));
    return scratch.mask.data();
  };
  for (std::int32_t p = 0; p < n; ++p) {
    normalise_sum(people[at(p)].person, nullptr, nullptr, mask(p, plan_.person, e), 1, e, encoding_norm_,
                  scratch.state.data() + std::int64_t{p} * width + d, e);
  }
  nn::multiply(scratch.state.data(), width, 1, n, state1_.weight, {.bias = state1_.offset, .relu = true},
               scratch.hidden.data(), sizes_.hidden);
  for (std::int32_t p = 0; p < n; ++p) {
    float* hidden = scratch.hidden.data() + std::int64_t{p} * sizes_.hidden;
    normalise_sum(hidden, nullptr, nullptr, mask(p, plan_.hidden, sizes_.hidden), 1, sizes_.hidden,
                  state_norm_, hidden, sizes_.hidden);
  }
  const std::int32_t queries = query_width();
  nn::multiply(scratch.hidden.data(), sizes_.hidden, 1, n, state2_.weight, {.bias = state2_.offset}, out,
               queries);
  normalise_sum(out, nullptr, nullptr, nullptr, n * queries / e, e, query_norm_, out, e);
  // The mean over the values of a product.
  const float share = 1.0F / static_cast<float>(e);
  for (std::int64_t i = 0; i < std::int64_t{n} * queries; ++i) out[i] *= share;
}

}  // namespace veer::behaviour
