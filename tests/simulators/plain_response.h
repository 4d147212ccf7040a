// The response model written down as it is defined, in double and place by place: what the tables and kernels
// have to reproduce.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "simulators/response/response_model.h"

namespace veer::plain {

using Vector = std::vector<double>;

inline Vector linear(const ResponseModel& model, const char* name, const Vector& x, std::size_t first = 0,
                     std::size_t count = 0) {
  const std::span<const float> weight = model.part(std::string(name) + "/weight");
  const std::span<const float> offset = model.part(std::string(name) + "/offset");
  if (count == 0) count = offset.size();
  Vector out(count);
  for (std::size_t r = 0; r < count; ++r) {
    out[r] = double{offset[first + r]};
    for (std::size_t c = 0; c < x.size(); ++c) out[r] += double{weight[(first + r) * x.size() + c]} * x[c];
  }
  return out;
}

/// One query over keys and values that are rows of the same source.
inline Vector attend(const ResponseModel& model, const char* in, const char* out, const Vector& query,
                     const std::vector<Vector>& source) {
  const Vector q = linear(model, in, query, 0, 16);
  Vector joined(16, 0.0);
  for (std::size_t h = 0; h < 2; ++h) {
    Vector score;
    for (const Vector& s : source) {
      const Vector k = linear(model, in, s, 16, 16);
      double product = 0.0;
      for (std::size_t d = 8 * h; d < 8 * h + 8; ++d) product += q[d] * k[d];
      score.push_back(product / std::sqrt(8.0));
    }
    double largest = score[0], total = 0.0;
    for (const double s : score) largest = std::max(largest, s);
    for (double& s : score) total += s = std::exp(s - largest);
    for (std::size_t t = 0; t < source.size(); ++t) {
      const Vector v = linear(model, in, source[t], 32, 16);
      for (std::size_t d = 8 * h; d < 8 * h + 8; ++d) joined[d] += score[t] / total * v[d];
    }
  }
  return linear(model, out, joined);
}

inline Vector embedding(const ResponseModel& model, ItemId item) {
  const std::span<const float> x = model.features.of(item);
  return linear(model, "item", Vector(x.begin(), x.end()));
}

/// Scores of `items`. `mask` of the hidden layer; empty: no dropout.
inline Vector scores(const ResponseModel& model, std::span<const float> profile,
                     std::span<const ItemId> history, std::span<const ItemId> items,
                     std::span<const float> mask = {}) {
  Vector hidden = linear(model, "profile1", Vector(profile.begin(), profile.end()));
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    hidden[i] = std::max(hidden[i], 0.0) * (mask.empty() ? 1.0 : double{mask[i]});
  }
  const Vector u = linear(model, "profile2", hidden);
  std::vector<Vector> places;
  const std::size_t length = at(model.sizes.history);
  const std::size_t used = std::min(history.size(), length);
  for (std::size_t t = 0; t < length - used; ++t) places.push_back(embedding(model, no_item));
  for (const ItemId item : history.last(used)) places.push_back(embedding(model, item));
  std::vector<Vector> self;
  for (const Vector& place : places) self.push_back(attend(model, "self_in", "self_out", place, places));
  Vector q = attend(model, "cross_in", "cross_out", u, self);
  if (model.sizes.merges_profile) {
    q.insert(q.end(), u.begin(), u.end());
    q = linear(model, "merge", q);
  }
  Vector out;
  for (const ItemId item : items) {
    const Vector e = embedding(model, item);
    double product = 0.0;
    for (std::size_t d = 0; d < 16; ++d) product += e[d] * q[d];
    out.push_back(product);
  }
  return out;
}

}  // namespace veer::plain
