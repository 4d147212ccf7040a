#include "simulators/shift/shift_items.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "env/error.h"
#include "env/nn/kernels/score_kernels.h"

namespace veer::shift {
namespace {

constexpr float never = -1e9F;  ///< score of the padding item

/// Indices of the commonest attributes by number of items, ties by index; in order of index.
std::vector<std::int32_t> commonest(const Catalogue& catalogue) {
  const std::size_t count = catalogue.attribute_names.size();
  std::vector<std::int64_t> items(count, 0);
  for (const std::int32_t a : catalogue.attributes) ++items[static_cast<std::size_t>(a)];
  std::vector<std::int32_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return items[static_cast<std::size_t>(a)] > items[static_cast<std::size_t>(b)];
  });
  while (!order.empty() && items[static_cast<std::size_t>(order.back())] == 0) order.pop_back();
  if (order.size() > most_attributes) order.resize(most_attributes);
  std::ranges::sort(order);
  return order;
}

}  // namespace

ItemFacts item_facts(const Catalogue& catalogue, std::span<const std::int64_t> counts) {
  ItemFacts facts;
  facts.items = catalogue.size();
  const auto rows = static_cast<std::size_t>(facts.items) + 1;
  const bool known = catalogue.attribute_offsets.size() == rows + 1;
  std::vector<std::int32_t> place(catalogue.attribute_names.size(), -1);
  if (known) {
    for (const std::int32_t attribute : commonest(catalogue)) {
      place[static_cast<std::size_t>(attribute)] = facts.attributes++;
    }
  }
  facts.attribute_offsets.assign(2, 0);
  for (ItemId item = 1; item <= facts.items; ++item) {
    if (known) {
      for (const std::int32_t a : catalogue.attributes_of(item)) {
        if (place[static_cast<std::size_t>(a)] >= 0)
          facts.attribute_list.push_back(place[static_cast<std::size_t>(a)]);
      }
    }
    facts.attribute_offsets.push_back(static_cast<std::int64_t>(facts.attribute_list.size()));
  }
  facts.log_popularity.assign(rows, 0.0F);
  double sum = 0.0;
  for (std::size_t i = 1; i < rows; ++i) sum += std::log1p(static_cast<double>(counts[i]));
  const double mean = sum / static_cast<double>(facts.items);
  for (std::size_t i = 1; i < rows; ++i) {
    facts.log_popularity[i] = static_cast<float>(std::log1p(static_cast<double>(counts[i])) - mean);
  }
  return facts;
}

void check_facts(const ItemFacts& facts) {
  const auto refuse = [](const char* field, const std::string& found, const std::string& expected) {
    throw FormatError(Where{{}, 0, field}, Problem{found, expected, "the model file is damaged"});
  };
  const auto rows = static_cast<std::size_t>(facts.items) + 1;
  if (facts.attributes < 0 || facts.attributes > most_attributes) {
    refuse("attributes", std::to_string(facts.attributes), "0 to " + std::to_string(most_attributes));
  }
  if (facts.log_popularity.size() != rows) {
    refuse("items/log_popularity", std::to_string(facts.log_popularity.size()) + " values",
           std::to_string(rows));
  }
  if (facts.attribute_offsets.size() != rows + 1 || facts.attribute_offsets.front() != 0 ||
      !std::ranges::is_sorted(facts.attribute_offsets) ||
      facts.attribute_offsets.back() != static_cast<std::int64_t>(facts.attribute_list.size())) {
    refuse("items/attribute_offsets", "offsets that do not fit the list", "ascending from 0 to its size");
  }
  for (const std::int32_t a : facts.attribute_list) {
    if (a < 0 || a >= facts.attributes) {
      refuse("items/attributes", std::to_string(a), "0 to " + std::to_string(facts.attributes - 1));
    }
  }
}

Items::Items(ItemFacts facts, std::span<const float> vectors, std::int32_t width)
    : facts_(std::move(facts)),
      width_(width),
      augmented_((width + facts_.attributes + 2 + 15) / 16 * 16),
      table_((static_cast<std::size_t>(facts_.items) + 1) * static_cast<std::size_t>(augmented_), 0.0F),
      inverse_square_(static_cast<std::size_t>(facts_.items) + 1, 0.0F) {
  const auto d = static_cast<std::size_t>(width);
  const std::size_t last = d + 1 + static_cast<std::size_t>(facts_.attributes);
  table_[last] = never;
  std::vector<double> mean(d, 0.0);
  double squares = 0.0;
  for (ItemId item = 1; item <= facts_.items; ++item) {
    const auto i = static_cast<std::size_t>(item);
    float* row = table_.data() + i * static_cast<std::size_t>(augmented_);
    std::copy_n(vectors.data() + i * d, d, row);
    row[d] = facts_.log_popularity[i];
    const auto attributes = facts_.attributes_of(item);
    for (const std::int32_t a : attributes) {
      row[d + 1 + static_cast<std::size_t>(a)] = 1.0F / static_cast<float>(attributes.size());
    }
    double square = 0.0;
    for (std::size_t c = 0; c < d; ++c) {
      mean[c] += double{row[c]};
      square += double{row[c]} * row[c];
    }
    squares += square;
    inverse_square_[i] = square > 0.0 ? static_cast<float>(1.0 / square) : 0.0F;
  }
  const double n = facts_.items;
  double of_mean = 0.0;
  for (const double m : mean) of_mean += m / n * (m / n);
  length_ = static_cast<float>(std::sqrt(squares / n));
  spread_ = static_cast<float>(std::sqrt(std::max(0.0, squares / n - of_mean)));
}

void Items::augment(const Rates& rates, std::span<const float> taste, std::span<const float> boredom,
                    float softening, float* out) const noexcept {
  for (std::size_t c = 0; c < taste.size(); ++c) out[c] = softening * taste[c];
  out += taste.size();
  *out++ = rates.popularity;
  for (const float b : boredom) *out++ = -rates.boredom_weight * b;
  *out++ = 1.0F;
  std::fill_n(out, augmented_ - width_ - facts_.attributes - 2, 0.0F);
}

std::vector<float> Items::targets(const Parameters& parameters) const {
  const auto d = static_cast<std::size_t>(width_);
  const std::vector<float> map = parameters.target_map(), offset = parameters.target_offset();
  std::vector<float> out((static_cast<std::size_t>(facts_.items) + 1) * d, 0.0F);
  for (ItemId item = 1; item <= facts_.items; ++item) {
    const float* v = row(item);
    float* to = out.data() + static_cast<std::size_t>(item) * d;
    for (std::size_t c = 0; c < d; ++c) to[c] = nn::dot(map.data() + c * d, v, width_) + offset[c];
  }
  return out;
}

std::vector<float> item_vectors(const nn::SequenceModel& model) {
  const NamedArrays arrays = model.to_arrays();
  const auto table = arrays.get<float>("item_embedding");
  return {table.begin(), table.end()};
}

}  // namespace veer::shift
