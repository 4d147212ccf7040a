// The model of behaviours written down as it is defined, in double, place by place and all places in every
// layer: what tables and kernels have to reproduce.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "env/dropout_mask.h"
#include "simulators/behaviours/behaviour_model.h"

namespace veer::plain {

/// Dropout masks in the order of the forward pass, each from the next blocks; without a key all ones.
class Masks {
 public:
  Masks(const StepKey* key, float rate) : key_(key), rate_(rate) {}
  std::vector<float> next(std::size_t size) {
    std::vector<float> mask(size, 1.0F);
    if (key_ == nullptr || rate_ == 0.0F) return mask;
    fill_dropout_mask(*key_, block_, rate_, mask);
    block_ += dropout_blocks(static_cast<std::int64_t>(size));
    return mask;
  }

 private:
  const StepKey* key_;
  float rate_;
  std::uint32_t block_ = 0;
};

class Behaviours {
 public:
  using Row = std::vector<double>;
  using Rows = std::vector<Row>;

  explicit Behaviours(const BehaviourModel& model) : m_(model) {}

  /// [items, behaviours]
  Rows scores(UserId user, std::span<const float> profile, std::span<const ItemId> history,
              std::span<const std::uint8_t> done, std::span<const ItemId> items, Masks masks) const {
    const BehaviourSizes& s = m_.sizes;
    const auto h = static_cast<std::size_t>(s.history), e = static_cast<std::size_t>(s.encoding);
    Rows x(h);
    const std::vector<float> place_mask = masks.next(h * e);
    const std::span<const float> positions = m_.part("positions");
    for (std::size_t t = 0; t < h; ++t) {
      const std::size_t before = h - std::min(h, history.size());
      const std::size_t entry = history.size() - (h - before) + t - before;
      const bool filled = t >= before;
      Row place = encode_item(filled ? history[entry] : no_item);
      for (std::size_t d = 0; d < e; ++d) {
        place[d] = (place[d] + double{positions[t * e + d]}) * double{place_mask[t * e + d]};
      }
      place = norm(place, "encoding_norm");
      Row flags;
      for (const Behaviour b : s.behaviours) flags.push_back(filled && did(done[entry], b) ? 1.0 : 0.0);
      const Row mapped = linear(flags, "behaviour_map");
      place.insert(place.end(), mapped.begin(), mapped.end());
      x[t] = place;
    }
    for (std::int32_t l = 0; l < s.layers; ++l) x = layer(x, "layer" + std::to_string(l) + "/", masks);
    Row state = x.back();
    Row person = encode_person(user, profile);
    const std::vector<float> person_mask = masks.next(e);
    for (std::size_t d = 0; d < e; ++d) person[d] *= double{person_mask[d]};
    person = norm(person, "encoding_norm");
    state.insert(state.end(), person.begin(), person.end());
    Row hidden = linear(state, "state1");
    const std::vector<float> hidden_mask = masks.next(hidden.size());
    for (std::size_t d = 0; d < hidden.size(); ++d)
      hidden[d] = std::max(hidden[d], 0.0) * double{hidden_mask[d]};
    const Row queries = linear(norm(hidden, "state_norm"), "state2");
    Rows out;
    for (const ItemId item : items) {
      const Row encoded = encode_item(item);
      Row row;
      for (std::size_t b = 0; b < s.behaviours.size(); ++b) {
        double best = -1e300;
        for (std::size_t q = 0; q < static_cast<std::size_t>(s.queries); ++q) {
          const std::size_t first = (b * static_cast<std::size_t>(s.queries) + q) * e;
          const Row query = norm(Row(queries.begin() + static_cast<std::ptrdiff_t>(first),
                                     queries.begin() + static_cast<std::ptrdiff_t>(first + e)),
                                 "query_norm");
          double sum = 0.0;
          for (std::size_t d = 0; d < e; ++d) sum += query[d] * encoded[d];
          best = std::max(best, sum / static_cast<double>(e));
        }
        row.push_back(best + double{m_.offsets[b]});
      }
      out.push_back(row);
    }
    return out;
  }

  Row encode_item(ItemId item) const {
    Rows vectors;
    if (m_.sizes.item_ids) vectors.push_back(row_of("item_ids", item));
    const float* x = m_.features.of(item).data();
    for (std::size_t b = 0; b < m_.sizes.feature_blocks.size(); ++b) {
      const auto width = static_cast<std::size_t>(m_.sizes.feature_blocks[b]);
      vectors.push_back(linear(Row(x, x + width), "feature" + std::to_string(b)));
      x += width;
    }
    return norm(sum_of(vectors, "item"), "encoding_norm");
  }

 private:
  Row encode_person(UserId user, std::span<const float> profile) const {
    Rows vectors;
    if (user < m_.sizes.people) vectors.push_back(row_of("user_ids", user));
    const float* x = profile.data();
    for (std::size_t b = 0; b < m_.sizes.profile_blocks.size(); ++b) {
      const auto width = static_cast<std::size_t>(m_.sizes.profile_blocks[b]);
      vectors.push_back(linear(Row(x, x + width), "profile" + std::to_string(b)));
      x += width;
    }
    return sum_of(vectors, "user");
  }

  Row row_of(const char* table, std::int32_t row) const {
    const auto width = static_cast<std::size_t>(m_.sizes.latent);
    const std::span<const float> values =
        m_.part(table).subspan(static_cast<std::size_t>(row) * width, width);
    return {values.begin(), values.end()};
  }

  Row sum_of(const Rows& vectors, const std::string& who) const {
    Row sum(static_cast<std::size_t>(m_.sizes.encoding), 0.0);
    for (const Row& v : vectors) {
      const Row mapped = linear(norm(v, who + "_norm"), who + "_map");
      for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += mapped[d];
    }
    return sum;
  }

  Row linear(const Row& x, const std::string& name) const {
    const std::span<const float> weight = m_.part(name + "/weight"), offset = m_.part(name + "/offset");
    Row out;
    for (std::size_t r = 0; r < offset.size(); ++r) {
      double sum = double{offset[r]};
      for (std::size_t c = 0; c < x.size(); ++c) sum += double{weight[r * x.size() + c]} * x[c];
      out.push_back(sum);
    }
    return out;
  }

  Row norm(const Row& x, const std::string& name) const {
    const std::span<const float> gain = m_.part(name + "/gain"), offset = m_.part(name + "/offset");
    const auto n = static_cast<double>(x.size());
    double mean = 0.0, square = 0.0;
    for (const double v : x) mean += v / n;
    for (const double v : x) square += (v - mean) * (v - mean) / n;
    Row out;
    for (std::size_t i = 0; i < x.size(); ++i) {
      out.push_back((x[i] - mean) / std::sqrt(square + 1e-5) * double{gain[i]} + double{offset[i]});
    }
    return out;
  }

  Rows layer(const Rows& x, const std::string& name, Masks& masks) const {
    const std::size_t h = x.size(), d = x[0].size(), heads = static_cast<std::size_t>(m_.sizes.heads);
    const std::size_t head = d / heads;
    const std::vector<float> attention = masks.next(heads * h * h), out_mask = masks.next(h * d);
    const std::vector<float> inner_mask = masks.next(h * static_cast<std::size_t>(m_.sizes.inner));
    const std::vector<float> end_mask = masks.next(h * d);
    Rows qkv;
    for (const Row& row : x) qkv.push_back(linear(row, name + "in"));
    Rows result;
    for (std::size_t t = 0; t < h; ++t) {
      Row joined(d, 0.0);
      for (std::size_t k = 0; k < heads; ++k) {
        Row weight;
        double total = 0.0;
        for (std::size_t s = 0; s <= t; ++s) {
          double product = 0.0;
          for (std::size_t c = k * head; c < (k + 1) * head; ++c) product += qkv[t][c] * qkv[s][d + c];
          weight.push_back(std::exp(product / std::sqrt(static_cast<double>(head))));
          total += weight.back();
        }
        for (std::size_t s = 0; s <= t; ++s) {
          const double w = weight[s] / total * double{attention[(k * h + t) * h + s]};
          for (std::size_t c = k * head; c < (k + 1) * head; ++c) joined[c] += w * qkv[s][2 * d + c];
        }
      }
      const auto add = [&](Row to, const Row& from, const std::vector<float>& mask) {
        for (std::size_t c = 0; c < d; ++c) to[c] += from[c] * double{mask[t * d + c]};
        return to;
      };
      const Row middle = norm(add(x[t], linear(joined, name + "out"), out_mask), name + "norm1");
      Row inner = linear(middle, name + "inner1");
      for (std::size_t c = 0; c < inner.size(); ++c) {
        inner[c] = std::max(inner[c], 0.0) * double{inner_mask[t * inner.size() + c]};
      }
      result.push_back(norm(add(middle, linear(inner, name + "inner2"), end_mask), name + "norm2"));
    }
    return result;
  }

  const BehaviourModel& m_;
};

}  // namespace veer::plain
