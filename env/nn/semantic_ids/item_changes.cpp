#include "env/nn/semantic_ids/item_changes.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "env/error.h"

namespace veer::nn {
namespace {

/// Last digits in use, by the tokens before them. Not thread-safe.
class LastDigits {
 public:
  LastDigits(const SemanticIdLayout& layout, std::int32_t first) : layout_(layout), first_(first) {
    if (first >= 0 && first < layout.codes) return;
    throw ConfigError(Where{{}, 0, "first digit"},
                      Problem{std::to_string(first), "0 to " + std::to_string(layout.codes - 1), ""});
  }
  void use(std::span<const std::int32_t> tokens) {
    taken_[prefix_of(tokens)].insert(layout_.code(layout_.digits - 1, tokens.back()));
  }
  /// Writes the lowest free last token behind the others.
  void complete(ItemId item, std::span<std::int32_t> tokens) {
    std::set<std::int32_t>& taken = taken_[prefix_of(tokens)];
    std::int32_t digit = first_;
    for (auto it = taken.lower_bound(first_); it != taken.end() && *it == digit; ++it) ++digit;
    if (digit >= layout_.codes) {
      throw DataError(Where{{}, 0, "semantic id of item " + std::to_string(item)},
                      Problem{std::to_string(taken.size()) + " other items with the same codes",
                              "at most " + std::to_string(layout_.codes - first_) +
                                  " items that agree, as many as the "
                                  "last digit can tell apart",
                              "take more levels or more codes, or vectors that differ between these items"});
    }
    taken.insert(digit);
    tokens.back() = layout_.token(layout_.digits - 1, digit);
  }

 private:
  std::vector<std::int32_t> prefix_of(std::span<const std::int32_t> tokens) const {
    return {tokens.begin(), tokens.end() - 1};
  }
  SemanticIdLayout layout_;
  std::int32_t first_;
  std::map<std::vector<std::int32_t>, std::set<std::int32_t>> taken_;
};

std::vector<std::int32_t> table_of(const SemanticIds& ids, std::int32_t items) {
  std::vector<std::int32_t> table;
  for (ItemId item = 0; item <= ids.items(); ++item) {
    table.insert(table.end(), ids.tokens(item).begin(), ids.tokens(item).end());
  }
  table.resize((at(items) + 1) * at(ids.layout().digits), SemanticIdLayout::pad);
  return table;
}

std::span<std::int32_t> row_of(std::vector<std::int32_t>& table, ItemId item, std::int32_t digits) {
  return std::span(table).subspan(at(item) * at(digits), at(digits));
}

void write_codes(const SemanticIdLayout& layout, std::span<const std::int32_t> codes,
                 std::span<std::int32_t> tokens) {
  for (std::int32_t digit = 0; digit + 1 < layout.digits; ++digit) {
    tokens[at(digit)] = layout.token(digit, codes[at(digit)]);
  }
}

[[noreturn]] void reject_change(const std::string& field, const std::string& found,
                                const std::string& expected) {
  throw ConfigError(Where{{}, 0, field}, Problem{found, expected, ""});
}

}  // namespace

SemanticIds assign_ids(View<const std::int32_t> codes, std::int32_t codes_per_digit,
                       std::int32_t first_digit) {
  const SemanticIdLayout layout{codes.width() + 1, codes_per_digit};
  LastDigits last(layout, first_digit);
  std::vector<std::int32_t> table(at(codes.rows()) * at(layout.digits), SemanticIdLayout::pad);
  for (ItemId item = 1; item < codes.rows(); ++item) {
    const auto row = row_of(table, item, layout.digits);
    write_codes(layout, codes.row(item), row);
    last.complete(item, row);
  }
  return {layout, std::move(table)};
}

SemanticIds add_items(const SemanticIds& ids, const SemanticIdCodebooks& codebooks,
                      std::span<const ItemId> items, View<const float> vectors, std::int32_t first_digit) {
  const SemanticIdLayout& layout = ids.layout();
  if (codebooks.levels() + 1 != layout.digits || codebooks.codes() != layout.codes) {
    reject_change(
        "codebooks",
        std::to_string(codebooks.levels()) + " levels of " + std::to_string(codebooks.codes()) + " codes",
        std::to_string(layout.digits - 1) + " levels of " + std::to_string(layout.codes) +
            ", as the ids have");
  }
  if (vectors.width() != codebooks.width() || at(vectors.rows()) != items.size()) {
    reject_change("vectors of new items",
                  std::to_string(vectors.rows()) + " of " + std::to_string(vectors.width()) + " values",
                  std::to_string(items.size()) + " of " + std::to_string(codebooks.width()));
  }
  std::int32_t largest = ids.items();
  for (const ItemId item : items) {
    if (item < 1) reject_change("new item", std::to_string(item), "numbers from 1 on");
    largest = std::max(largest, item);
  }
  std::vector<std::int32_t> table = table_of(ids, largest);
  LastDigits last(layout, first_digit);
  for (const ItemId item : ids.by_tokens()) last.use(ids.tokens(item));
  std::vector<std::int32_t> codes(at(codebooks.levels()));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto row = row_of(table, items[i], layout.digits);
    if (row.front() != SemanticIdLayout::pad) {
      reject_change("new item", std::to_string(items[i]) + ", which has an id", "an item without one");
    }
    const auto vector = vectors.row(static_cast<std::int32_t>(i));
    if (!std::all_of(vector.begin(), vector.end(), [](float value) { return std::isfinite(value); })) {
      throw DataError(Where{{}, 0, "vector of item " + std::to_string(items[i])},
                      Problem{"a number that is not finite", "finite numbers", ""});
    }
    codebooks.encode(vector, codes);
    write_codes(layout, codes, row);
    last.complete(items[i], row);
  }
  return {layout, std::move(table)};
}

SemanticIds remove_items(const SemanticIds& ids, std::span<const ItemId> items) {
  std::vector<std::int32_t> table = table_of(ids, ids.items());
  for (const ItemId item : items) {
    if (item < 1 || item > ids.items()) {
      reject_change("item to remove", std::to_string(item), "1 to " + std::to_string(ids.items()));
    }
    const auto row = row_of(table, item, ids.layout().digits);
    std::fill(row.begin(), row.end(), SemanticIdLayout::pad);
  }
  return {ids.layout(), std::move(table)};
}

}  // namespace veer::nn
