#include "simulators/behaviours/behaviour_tables.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace veer::behaviour {
namespace {

/// y [outputs] = W x + b as it is defined; for what is done once.
void apply_map(std::span<const float> weight, std::span<const float> offset, const float* x, float* y) {
  const std::size_t outputs = offset.size(), inputs = weight.size() / outputs;
  for (std::size_t r = 0; r < outputs; ++r) {
    float sum = offset[r];
    for (std::size_t c = 0; c < inputs; ++c) sum += weight[r * inputs + c] * x[c];
    y[r] = sum;
  }
}

/// x = norm(x) for any width.
void normalise_any(std::span<float> x, const Norm& norm) {
  double mean = 0.0, square = 0.0;
  for (const float v : x) mean += double{v} / static_cast<double>(x.size());
  for (const float v : x) {
    square += (double{v} - mean) * (double{v} - mean) / static_cast<double>(x.size());
  }
  const double scale = 1.0 / std::sqrt(square + 1e-5);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>((double{x[i]} - mean) * scale) * norm.gain[i] + norm.offset[i];
  }
}

}  // namespace

const float* Tables::at_part(const BehaviourModel& model, const std::string& name) const {
  return weights_.data() + (model.part(name).data() - model.weights.data());
}

Tables::Map Tables::map_of(const BehaviourModel& model, const std::string& name) const {
  Map map;
  map.offset = at_part(model, name + "/offset");
  const std::span<const float> weight = model.part(name + "/weight");
  const auto outputs = static_cast<std::int32_t>(model.part(name + "/offset").size());
  const auto inputs = static_cast<std::int32_t>(weight.size()) / outputs;
  map.weight.pack(weight.data(), 1, inputs, inputs, outputs);
  return map;
}

Norm Tables::norm_of(const BehaviourModel& model, const std::string& name) const {
  return {at_part(model, name + "/gain"), at_part(model, name + "/offset")};
}

Tables::Tables(const BehaviourModel& model)
    : sizes_(model.sizes), plan_(model.sizes), weights_(model.weights), offsets_(model.offsets) {
  user_norm_ = norm_of(model, "user_norm");
  item_norm_ = norm_of(model, "item_norm");
  encoding_norm_ = norm_of(model, "encoding_norm");
  state_norm_ = norm_of(model, "state_norm");
  query_norm_ = norm_of(model, "query_norm");
  user_map_ = at_part(model, "user_map/weight");
  positions_ = at_part(model, "positions");
  state1_ = map_of(model, "state1");
  state2_ = map_of(model, "state2");
  const std::int32_t d = sizes_.width(), head = sizes_.head();
  layers_.resize(at(sizes_.layers));
  for (std::int32_t l = 0; l < sizes_.layers; ++l) {
    const std::string name = "layer" + std::to_string(l) + "/";
    Layer& layer = layers_[at(l)];
    layer.in = map_of(model, name + "in");
    layer.out = map_of(model, name + "out");
    layer.inner1 = map_of(model, name + "inner1");
    layer.inner2 = map_of(model, name + "inner2");
    layer.norm1 = norm_of(model, name + "norm1");
    layer.norm2 = norm_of(model, name + "norm2");
  }
  // The last layer: of queries the whole map, of keys and values head by head.
  Layer& last = layers_.back();
  const std::string name = "layer" + std::to_string(sizes_.layers - 1) + "/in";
  const float* in = model.part(name + "/weight").data();
  last.in.weight.pack(in, 1, d, d, d);
  last.keys.resize(at(sizes_.heads));
  last.values.resize(at(sizes_.heads));
  for (std::int32_t h = 0; h < sizes_.heads; ++h) {
    last.keys[at(h)].pack(in + (std::int64_t{d} + h * head) * d, d, 1, head, d);
    last.values[at(h)].pack(in + (std::int64_t{2} * d + h * head) * d, 1, d, d, head);
  }
  last.value_offset = last.in.offset + 2 * d;
  encode_items(model);
  tabulate_sets(model);
  if (sizes_.layers > 1) tabulate_first_layer(model);
  if (sizes_.layers == 2) {
    // While the table is empty all places are computed.
    Scratch scratch(sizes_);
    const std::vector<float> person(at(sizes_.encoding), 0.0F);
    const Reader nobody{.person = person.data(), .history = {}, .done = nullptr};
    build_places(nobody, 0, 0.0F, scratch);
    whole_layer(0, std::span(&nobody, 1), 0.0F, scratch);
    empty_places_.assign(scratch.x.begin(), scratch.x.begin() + sizes_.history * d);
  }
}

void Tables::tabulate_first_layer(const BehaviourModel& model) {
  /// A table of more would cost more to read than the products it saves, and memory.
  constexpr std::size_t most_bytes = std::size_t{256} << 20;
  const std::int32_t e = sizes_.encoding, d = sizes_.width(), sets = 1 << sizes_.count();
  const std::size_t width = at(3 * d);
  if (at(items() + 1) * width * sizeof(float) > most_bytes) return;
  // The half of the map that reads items and positions, behind the norm's gain: [E, 3 D].
  const std::span<const float> weight = model.part("layer0/in/weight");
  std::vector<float> scaled(at(e) * width);
  gain_first_.assign(width, 0.0F);
  std::vector<float> offset(width, 0.0F);
  for (std::size_t r = 0; r < width; ++r) {
    for (std::int32_t c = 0; c < e; ++c) {
      const float w = weight[r * at(d) + at(c)];
      scaled[at(c) * width + r] = w * encoding_norm_.gain[c];
      gain_first_[r] += w * encoding_norm_.gain[c];
      offset[r] += w * encoding_norm_.offset[c];
    }
  }
  nn::Panels panels;
  panels.pack(scaled.data(), 3 * d, 1, e, 3 * d);
  item_first_.resize(at(items() + 1) * width);
  position_first_.resize(at(sizes_.history) * width);
  nn::multiply(encodings_.data(), e, 1, items() + 1, panels, {}, item_first_.data(), 3 * d);
  nn::multiply(positions_, e, 1, sizes_.history, panels, {}, position_first_.data(), 3 * d);
  set_plain_first_ = set_first_;
  for (std::int32_t set = 0; set < sets; ++set) {
    for (std::size_t r = 0; r < width; ++r) set_plain_first_[at(set) * width + r] += offset[r];
  }
}

void Tables::encode_items(const BehaviourModel& model) {
  const std::int32_t e = sizes_.encoding;
  encodings_.assign(at(items() + 1) * at(e), 0.0F);
  struct Weights {
    std::span<const float> weight, offset;
  };
  const auto weights_of = [&](const std::string& name) {
    return Weights{model.part(name + "/weight"), model.part(name + "/offset")};
  };
  const Weights map = weights_of("item_map");
  std::vector<Weights> blocks;
  for (std::size_t b = 0; b < sizes_.feature_blocks.size(); ++b) {
    blocks.push_back(weights_of("feature" + std::to_string(b)));
  }
  std::span<const float> ids;
  if (sizes_.item_ids) ids = model.part("item_ids");
  std::vector<float> latent(at(sizes_.latent)), mapped(at(e));
  for (ItemId i = 0; i <= items(); ++i) {
    const std::span<float> out = std::span(encodings_).subspan(at(i) * at(e), at(e));
    const auto add = [&] {
      normalise_any(latent, item_norm_);
      apply_map(map.weight, map.offset, latent.data(), mapped.data());
      for (std::size_t d = 0; d < out.size(); ++d) out[d] += mapped[d];
    };
    if (!ids.empty()) {
      std::ranges::copy(ids.subspan(at(i) * latent.size(), latent.size()), latent.begin());
      add();
    }
    const float* x = model.features.of(i).data();
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      apply_map(blocks[b].weight, blocks[b].offset, x, latent.data());
      add();
      x += sizes_.feature_blocks[b];
    }
    normalise_any(out, encoding_norm_);
  }
}

void Tables::tabulate_sets(const BehaviourModel& model) {
  const std::int32_t e = sizes_.encoding, d = sizes_.width(), count = sizes_.count();
  for (const Behaviour b : sizes_.behaviours) known_ = static_cast<std::uint8_t>(known_ | bit_of(b));
  const std::int32_t sets = 1 << count;
  set_places_.resize(at(sets) * at(e));
  set_first_.resize(at(sets) * at(3 * d));
  const std::span<const float> weight = model.part("layer0/in/weight");
  const std::span<const float> offset = model.part("layer0/in/offset");
  std::vector<float> flags(at(count));
  for (std::int32_t set = 0; set < sets; ++set) {
    for (std::int32_t b = 0; b < count; ++b) flags[at(b)] = (set >> b & 1) != 0 ? 1.0F : 0.0F;
    float* place = set_places_.data() + at(set) * at(e);
    apply_map(model.part("behaviour_map/weight"), model.part("behaviour_map/offset"), flags.data(), place);
    for (std::int32_t r = 0; r < 3 * d; ++r) {
      float sum = offset[at(r)];
      for (std::int32_t c = 0; c < e; ++c) sum += weight[at(r) * at(d) + at(e + c)] * place[c];
      set_first_[at(set) * at(3 * d) + at(r)] = sum;
    }
  }
  for (std::int32_t answer = 0; answer < 256; ++answer) {
    std::int32_t set = 0;
    for (std::int32_t b = 0; b < count; ++b) {
      if (did(static_cast<std::uint8_t>(answer), sizes_.behaviours[at(b)])) set |= 1 << b;
    }
    set_of_[at(answer)] = set;
  }
  first_.pack(weight.data(), 1, d, e, 3 * d);
}

void Tables::encode_person(UserId user, std::span<const float> profile, float* out) const {
  const std::int32_t latent_width = sizes_.latent, e = sizes_.encoding;
  const BehaviourSizes& s = sizes_;
  std::fill(out, out + e, 0.0F);
  std::vector<float> latent(at(latent_width));
  // The parts lie in the order of behaviour_parts(): ids, then one map per block.
  const float* from = weights_.data();
  const float* map = user_map_;
  const auto add = [&] {
    normalise_any(latent, user_norm_);
    for (std::int32_t r = 0; r < e; ++r) {
      float sum = map[at(e) * at(latent_width) + at(r)];
      for (std::int32_t c = 0; c < latent_width; ++c)
        sum += map[at(r) * at(latent_width) + at(c)] * latent[at(c)];
      out[r] += sum;
    }
  };
  if (s.people > 0) {
    // Who has no vector is known by the profile alone.
    if (user < s.people) {
      std::copy_n(from + at(user) * at(latent_width), latent_width, latent.begin());
      add();
    }
    from += at(s.people) * at(latent_width);
  }
  const float* x = profile.data();
  for (const std::int32_t width : s.profile_blocks) {
    const std::size_t size = at(latent_width) * at(width);
    apply_map({from, size}, {from + size, at(latent_width)}, x, latent.data());
    add();
    x += width;
    from += size + at(latent_width);
  }
}

float Tables::score(ItemId which, std::int32_t b, const float* queries) const noexcept {
  const std::int32_t e = sizes_.encoding;
  const float* query = queries + std::int64_t{b} * sizes_.queries * e;
  float best = inner(query, item(which), e);
  for (std::int32_t q = 1; q < sizes_.queries; ++q)
    best = std::max(best, inner(query + q * e, item(which), e));
  return best + offsets_[at(b)];
}

void Tables::click_scores(const float* queries, std::span<float> out, std::vector<float>& scratch) const {
  const std::int32_t e = sizes_.encoding, rows = items() + 1;
  nn::multiply_vector(encodings_.data(), rows, e, queries, offsets_[0], out.data());
  scratch.resize(at(rows));
  for (std::int32_t q = 1; q < sizes_.queries; ++q) {
    nn::multiply_vector(encodings_.data(), rows, e, queries + q * e, offsets_[0], scratch.data());
    for (std::size_t i = 0; i < scratch.size(); ++i) out[i] = std::max(out[i], scratch[i]);
  }
}

}  // namespace veer::behaviour
