#include "env/nn/semantic_ids/semantic_id_codebooks.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"
#include "env/nn/semantic_ids/semantic_ids.h"

namespace veer::nn {
namespace {

[[noreturn]] void reject_book(const std::string& field, const std::string& found,
                              const std::string& expected) {
  throw DataError(Where{{}, 0, field}, Problem{found, expected, ""});
}

/// The last digit tells items apart, so that there is one level fewer than an id may have digits.
constexpr std::int32_t most_levels = SemanticIdLayout::most_digits - 1;

void subtract(std::span<const float> centre, std::span<float> residual) noexcept {
  for (std::size_t j = 0; j < residual.size(); ++j) residual[j] -= centre[j];
}

double mean_square(View<const float> rows) noexcept {
  double sum = 0.0;
  for (std::int32_t row = 0; row < rows.rows(); ++row) {
    for (const float value : rows.row(row)) sum += static_cast<double>(value) * value;
  }
  return sum / rows.rows();
}

void check_finite_vectors(View<const float> vectors) {
  if (vectors.rows() < 2 || vectors.width() < 1) {
    reject_book("item vectors",
                std::to_string(vectors.rows()) + " rows of " + std::to_string(vectors.width()) + " values",
                "a row of padding, then at least one item of at least one value");
  }
  for (ItemId item = 1; item < vectors.rows(); ++item) {
    for (const float value : vectors.row(item)) {
      if (std::isfinite(value)) continue;
      reject_book("vector of item " + std::to_string(item), std::to_string(value), "finite numbers");
    }
  }
}

}  // namespace

SemanticIdCodebooks::SemanticIdCodebooks(std::int32_t codes, std::int32_t width,
                                         std::vector<std::vector<float>> levels)
    : codes_(codes), width_(width), books_(std::move(levels)) {
  if (books_.empty() || books_.size() > at(most_levels)) {
    reject_book("levels", std::to_string(books_.size()), "1 to " + std::to_string(most_levels));
  }
  if (width_ < 1) reject_book("width of item vectors", std::to_string(width_), "at least 1");
  if (codes_ < 1 || codes_ > SemanticIdLayout::most_codes) {
    reject_book("codes", std::to_string(codes_), "1 to " + std::to_string(SemanticIdLayout::most_codes));
  }
  for (std::size_t level = 0; level < books_.size(); ++level) {
    const std::vector<float>& book = books_[level];
    const std::string name = "centres of level " + std::to_string(level);
    if (book.empty() || book.size() % at(width_) != 0 || book.size() / at(width_) > at(codes_)) {
      reject_book(name, std::to_string(book.size()) + " values",
                  "1 to " + std::to_string(codes_) + " rows of " + std::to_string(width_));
    }
    if (!std::all_of(book.begin(), book.end(), [](float value) { return std::isfinite(value); })) {
      reject_book(name, "a number that is not finite", "finite numbers");
    }
    blocks_.emplace_back(centres(static_cast<std::int32_t>(level)));
  }
}

View<const float> SemanticIdCodebooks::centres(std::int32_t level) const noexcept {
  const std::vector<float>& book = books_[at(level)];
  return {book.data(), static_cast<std::int32_t>(book.size() / at(width_)), width_};
}

void SemanticIdCodebooks::encode(std::span<const float> vector, std::span<std::int32_t> codes) const {
  std::vector<float> residual(vector.begin(), vector.end()), scratch;
  for (std::size_t level = 0; level < blocks_.size(); ++level) {
    scratch.resize(at(blocks_[level].padded()));
    codes[level] = blocks_[level].nearest(residual.data(), scratch.data()).centre;
    subtract(centres(static_cast<std::int32_t>(level)).row(codes[level]), residual);
  }
}

void SemanticIdCodebooks::decode(std::span<const std::int32_t> codes, std::span<float> sum) const {
  std::fill(sum.begin(), sum.end(), 0.0F);
  for (std::int32_t level = 0; level < levels(); ++level) {
    const auto centre = centres(level).row(codes[at(level)]);
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += centre[j];
  }
}

NamedArrays SemanticIdCodebooks::to_arrays() const {
  std::vector<std::int32_t> used;
  for (std::int32_t level = 0; level < levels(); ++level) used.push_back(centres(level).rows());
  const std::int32_t rows = *std::max_element(used.begin(), used.end());
  std::vector<float> values(at(levels()) * at(rows) * at(width_));
  for (std::size_t level = 0; level < books_.size(); ++level) {
    std::copy(books_[level].begin(), books_[level].end(),
              values.begin() + static_cast<std::ptrdiff_t>(level * at(rows) * at(width_)));
  }
  NamedArrays arrays;
  arrays.set_scalar<std::int32_t>("codes", codes_);
  arrays.set<std::int32_t>("used", used);
  arrays.set<float>("centres", values, {levels(), rows, width_});
  return arrays;
}

SemanticIdCodebooks SemanticIdCodebooks::from_arrays(const NamedArrays& arrays) {
  const auto codes = arrays.scalar<std::int32_t>("codes");
  const auto used = arrays.get<std::int32_t>("used");
  const auto values = arrays.get<float>("centres");
  const std::vector<std::int64_t>& shape = arrays.at("centres").shape;
  const auto bad = [](const std::string& found, const std::string& expected) {
    return FormatError(Where{{}, 0, "centres"}, Problem{found, expected, ""});
  };
  if (shape.size() != 3 || shape[0] != static_cast<std::int64_t>(used.size()) || shape[2] < 1 ||
      shape[2] > std::int64_t{1} << 20) {
    throw bad("an array of another shape", "levels x codes x width, as many levels as \"used\" has");
  }
  std::vector<std::vector<float>> books;
  for (std::size_t level = 0; level < used.size(); ++level) {
    if (used[level] < 1 || used[level] > shape[1]) {
      throw bad(std::to_string(used[level]) + " used at level " + std::to_string(level),
                "1 to " + std::to_string(shape[1]));
    }
    const auto book = values.subspan(level * at(shape[1]) * at(shape[2]), at(used[level]) * at(shape[2]));
    books.emplace_back(book.begin(), book.end());
  }
  try {
    return {codes, static_cast<std::int32_t>(shape[2]), std::move(books)};
  } catch (const DataError& error) {
    throw FormatError(error.what());
  }
}

CodebookFit fit_codebooks(View<const float> vectors, const CodebookOptions& options) {
  if (options.levels < 1 || options.levels > most_levels) {
    throw ConfigError(Where{{}, 0, "levels"},
                      Problem{std::to_string(options.levels), "1 to " + std::to_string(most_levels), ""});
  }
  check_finite_vectors(vectors);
  const std::int32_t items = vectors.rows() - 1, width = vectors.width(), levels = options.levels;
  std::vector<float> left;
  for (ItemId item = 1; item <= items; ++item) {
    left.insert(left.end(), vectors.row(item).begin(), vectors.row(item).end());
  }
  const View<float> residual(left.data(), items, width);
  std::vector<double> energy{mean_square(residual)};
  std::vector<std::int32_t> codes(at(items + 1) * at(levels));
  std::vector<std::vector<float>> books;
  for (std::int32_t level = 0; level < levels; ++level) {
    KMeansOptions k_means_options = options.k_means;
    k_means_options.salt = static_cast<std::uint32_t>(level);
    KMeansResult result = k_means(residual, k_means_options);
    for (ItemId item = 1; item <= items; ++item) {
      const std::int32_t code = result.label[at(item - 1)];
      codes[at(item) * at(levels) + at(level)] = code;
      subtract(std::span(result.centres).subspan(at(code) * at(width), at(width)), residual.row(item - 1));
    }
    energy.push_back(mean_square(residual));
    if (options.progress) options.progress(level, result);
    books.push_back(std::move(result.centres));
  }
  return {SemanticIdCodebooks(options.k_means.clusters, width, std::move(books)), std::move(codes),
          std::move(energy)};
}

}  // namespace veer::nn
