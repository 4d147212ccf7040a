#include "simulators/response/response_tables.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace veer::response {
namespace {

/// Products in double: the folded maps are rounded once.
struct Matrix {
  std::int32_t rows = 0, columns = 0;
  std::vector<double> values;

  Matrix(std::int32_t r, std::int32_t c) : rows(r), columns(c), values(at(r) * at(c), 0.0) {}
  Matrix(std::span<const float> from, std::int32_t r, std::int32_t c)
      : rows(r), columns(c), values(from.begin(), from.end()) {}
  double& operator()(std::int32_t r, std::int32_t c) { return values[at(r) * at(columns) + at(c)]; }
  double operator()(std::int32_t r, std::int32_t c) const { return values[at(r) * at(columns) + at(c)]; }

  Matrix slice(std::int32_t first_row, std::int32_t count, std::int32_t first_column,
               std::int32_t width) const {
    Matrix out(count, width);
    for (std::int32_t r = 0; r < count; ++r) {
      for (std::int32_t c = 0; c < width; ++c) out(r, c) = (*this)(first_row + r, first_column + c);
    }
    return out;
  }
  Matrix transposed() const {
    Matrix out(columns, rows);
    for (std::int32_t r = 0; r < rows; ++r) {
      for (std::int32_t c = 0; c < columns; ++c) out(c, r) = (*this)(r, c);
    }
    return out;
  }
};

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix out(a.rows, b.columns);
  for (std::int32_t r = 0; r < a.rows; ++r) {
    for (std::int32_t k = 0; k < a.columns; ++k) {
      for (std::int32_t c = 0; c < b.columns; ++c) out(r, c) += a(r, k) * b(k, c);
    }
  }
  return out;
}
Matrix operator+(Matrix a, const Matrix& b) {
  for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] += b.values[i];
  return a;
}

/// Column j of `m` becomes row `first + j` of a table whose rows are `stride` wide, from place `column` on.
void put_columns(const Matrix& m, std::int32_t first, std::int32_t stride, std::int32_t column,
                 std::vector<float>& out) {
  for (std::int32_t j = 0; j < m.columns; ++j) {
    for (std::int32_t r = 0; r < m.rows; ++r) {
      out[at(first + j) * at(stride) + at(column + r)] = static_cast<float>(m(r, j));
    }
  }
}

}  // namespace

Scratch::Scratch(const ResponseSizes& sizes)
    : rows(at(sizes.history)),
      queries(at(width) * at(padded(sizes.history))),
      contexts(queries.size()),
      weights(at(padded(sizes.history))),
      hidden(at(sizes.hidden)),
      mask(at(sizes.hidden)) {}

Tables::Tables(const ResponseModel& model) : sizes_(model.sizes), items_(model.features.items()) {
  constexpr std::int32_t head = width / heads;
  const double scale = 1.0 / std::sqrt(static_cast<double>(head));
  const auto matrix = [&](const char* name, std::int32_t rows, std::int32_t columns) {
    return Matrix(model.part(name), rows, columns);
  };
  profile1_.resize(at(sizes_.profile) * at(sizes_.hidden));
  put_columns(matrix("profile1/weight", sizes_.hidden, sizes_.profile), 0, sizes_.hidden, 0, profile1_);
  profile2_.resize(at(sizes_.hidden) * at(width));
  put_columns(matrix("profile2/weight", width, sizes_.hidden), 0, width, 0, profile2_);
  const auto copy = [&](const char* name) {
    const std::span<const float> values = model.part(name);
    return std::vector<float>(values.begin(), values.end());
  };
  offset1_ = copy("profile1/offset");
  offset2_ = copy("profile2/offset");

  const Matrix item = matrix("item/weight", width, sizes_.features), shift = matrix("item/offset", width, 1);
  const Matrix in = matrix("self_in/weight", row_width, width),
               in_shift = matrix("self_in/offset", row_width, 1);
  const std::int32_t blocks = padded(items_ + 1) / width;
  rows_.resize(at(items_ + 1) * at(row_width));
  embeddings_.resize(at(items_ + 1) * at(width));
  blocks_.assign(at(blocks) * at(width) * at(width), 0.0F);
  std::array<double, heads> longest_query{}, longest_key{};
  for (ItemId i = 0; i <= items_; ++i) {
    const Matrix e = item * Matrix(model.features.of(i), sizes_.features, 1) + shift;
    Matrix row = in * e + in_shift;
    for (std::int32_t d = 0; d < width; ++d) {
      row(d, 0) *= scale * std::numbers::log2e;
      embeddings_[at(i) * at(width) + at(d)] = static_cast<float>(e(d, 0));
      blocks_[at(i / width) * at(width * width) + at(d * width + i % width)] = static_cast<float>(e(d, 0));
    }
    for (std::int32_t d = 0; d < row_width; ++d) {
      rows_[at(i) * at(row_width) + at(d)] = static_cast<float>(row(d, 0));
    }
    for (std::int32_t h = 0; h < heads; ++h) {
      double query = 0.0, key = 0.0;
      for (std::int32_t d = h * head; d < (h + 1) * head; ++d) {
        query += row(d, 0) * row(d, 0);
        key += row(width + d, 0) * row(width + d, 0);
      }
      longest_query[at(h)] = std::max(longest_query[at(h)], std::sqrt(query));
      longest_key[at(h)] = std::max(longest_key[at(h)], std::sqrt(key));
    }
  }
  // Where no product can leave 2^x's range by far, there is no need for the largest one.
  constexpr double harmless = 60.0;
  for (std::int32_t h = 0; h < heads; ++h) {
    shifted_ = shifted_ || !(longest_query[at(h)] * longest_key[at(h)] <= harmless);
  }

  const Matrix self_out = matrix("self_out/weight", width, width),
               self_shift = matrix("self_out/offset", width, 1);
  const Matrix cross_in = matrix("cross_in/weight", row_width, width),
               cross_in_shift = matrix("cross_in/offset", row_width, 1);
  const Matrix cross_out = matrix("cross_out/weight", width, width);
  Matrix constant = matrix("cross_out/offset", width, 1);
  // q = left * (attention's output) + right * u + constant
  Matrix left(width, width), right(width, width);
  for (std::int32_t d = 0; d < width; ++d) left(d, d) = 1.0;
  if (sizes_.merges_profile) {
    const Matrix merge = matrix("merge/weight", width, 2 * width);
    left = merge.slice(0, width, 0, width);
    right = merge.slice(0, width, width, width);
    constant = left * constant + matrix("merge/offset", width, 1);
  }
  direction_.resize(at(width) * at(heads * width));
  direction_offset_.resize(at(heads * width));
  output_.resize(at(width + heads * width) * at(width));
  put_columns(right, 0, width, 0, output_);
  for (std::int32_t h = 0; h < heads; ++h) {
    const Matrix query = cross_in.slice(h * head, head, 0, width);
    const Matrix key = cross_in.slice(width + h * head, head, 0, width);
    const Matrix value = cross_in.slice(2 * width + h * head, head, 0, width);
    Matrix back = self_out.transposed() * key.transposed();
    for (double& x : back.values) x *= scale;
    put_columns(back * query, 0, heads * width, h * width, direction_);
    put_columns(back * cross_in_shift.slice(h * head, head, 0, 1), 0, heads * width, h * width,
                direction_offset_);
    const Matrix out = left * cross_out.slice(0, width, h * head, head);
    put_columns(out * value * self_out, width + h * width, width, 0, output_);
    constant = constant + out * (value * self_shift + cross_in_shift.slice(2 * width + h * head, head, 0, 1));
  }
  output_offset_.resize(at(width));
  put_columns(constant, 0, width, 0, output_offset_);
}

void Tables::read_hidden(std::span<const float> profile, float* hidden) const {
  affine(profile1_.data(), offset1_.data(), profile.data(), sizes_.profile, sizes_.hidden / width, hidden);
  rectify(hidden, sizes_.hidden);
}

void Tables::read_person(const float* hidden, const float* mask, Scratch& scratch, float* u) const {
  if (mask != nullptr) {
    multiply(hidden, mask, sizes_.hidden, scratch.hidden.data());
    hidden = scratch.hidden.data();
  }
  affine(profile2_.data(), offset2_.data(), hidden, sizes_.hidden, 1, u);
}

void Tables::read_profile(std::span<const float> profile, Scratch& scratch, float* u) const {
  read_hidden(profile, scratch.hidden.data());
  read_person(scratch.hidden.data(), nullptr, scratch, u);
}

void Tables::read_history(const float* u, std::span<const ItemId> history, Scratch& scratch, float* q) const {
  const auto size = static_cast<std::int32_t>(history.size());
  const std::int32_t count = std::min(size, sizes_.history), empty = sizes_.history - count;
  for (std::int32_t t = 0; t < count; ++t) {
    scratch.rows[at(t)] = rows_.data() + at(history[at(size - count + t)]) * at(row_width);
  }
  // All places that nothing fills hold the same item: one entry stands for them.
  if (empty > 0) scratch.rows[at(count)] = rows_.data();
  const Entries entries{.rows = scratch.rows.data(),
                        .count = count + (empty > 0 ? 1 : 0),
                        .last_weight = empty > 0 ? static_cast<float>(empty) : 1.0F,
                        .shifted = shifted_};
  self_attention(entries, scratch.queries.data(), scratch.contexts.data());
  std::array<float, heads * width> direction{};
  std::array<float, width + heads * width> read{};
  affine(direction_.data(), direction_offset_.data(), u, width, heads, direction.data());
  std::copy_n(u, width, read.begin());
  pool_contexts(scratch.contexts.data(), entries, direction.data(), scratch.weights.data(),
                read.data() + width);
  affine(output_.data(), output_offset_.data(), read.data(), width + heads * width, 1, q);
}

void Tables::all_scores(const float* q, std::span<float> out) const noexcept {
  block_products(blocks_.data(), padded(items_ + 1) / width, q, out.data());
}

}  // namespace veer::response
