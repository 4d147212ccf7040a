#include "env/nn/semantic_ids/semantic_ids.h"

#include <algorithm>
#include <string>
#include <utility>

#include "env/error.h"

namespace veer::nn {
namespace {

using Tokens = std::span<const std::int32_t>;

bool comes_before(Tokens a, Tokens b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

std::string tuple_text(Tokens tokens) {
  std::string text;
  for (const std::int32_t token : tokens) text += (text.empty() ? "(" : ", ") + std::to_string(token);
  return text + ")";
}

[[noreturn]] void reject(const std::string& field, const std::string& found, const std::string& expected) {
  throw DataError(Where{{}, 0, field}, Problem{found, expected, ""});
}

void check_layout(const SemanticIdLayout& layout) {
  if (layout.digits < 1 || layout.digits > SemanticIdLayout::most_digits) {
    reject("digits of a semantic id", std::to_string(layout.digits),
           "1 to " + std::to_string(SemanticIdLayout::most_digits));
  }
  if (layout.codes < 1 || layout.codes > SemanticIdLayout::most_codes) {
    reject("codes of a digit", std::to_string(layout.codes),
           "1 to " + std::to_string(SemanticIdLayout::most_codes));
  }
}

void check_row(const SemanticIdLayout& layout, ItemId item, Tokens tokens) {
  for (std::int32_t digit = 0; digit < layout.digits; ++digit) {
    const std::int32_t code = layout.code(digit, tokens[at(digit)]);
    if (code >= 0 && code < layout.codes) continue;
    reject("tokens of item " + std::to_string(item), tuple_text(tokens),
           "at digit " + std::to_string(digit) + " a token from " + std::to_string(layout.token(digit, 0)) +
               " to " + std::to_string(layout.token(digit, layout.codes - 1)));
  }
}

}  // namespace

SemanticIds::SemanticIds(const SemanticIdLayout& layout, std::vector<std::int32_t> tokens)
    : layout_(layout), tokens_(std::move(tokens)) {
  check_layout(layout_);
  if (tokens_.empty() || tokens_.size() % at(layout_.digits) != 0) {
    reject("tokens", std::to_string(tokens_.size()) + " values",
           "rows of " + std::to_string(layout_.digits) + ", the first one of padding");
  }
  items_ = static_cast<std::int32_t>(tokens_.size() / at(layout_.digits)) - 1;
  for (ItemId item = 0; item <= items_; ++item) {
    const Tokens row = this->tokens(item);
    if (std::all_of(row.begin(), row.end(), [](std::int32_t t) { return t == SemanticIdLayout::pad; })) {
      continue;
    }
    if (item == no_item) reject("tokens of the padding item", tuple_text(row), "all pad");
    check_row(layout_, item, row);
    by_tokens_.push_back(item);
  }
  std::sort(by_tokens_.begin(), by_tokens_.end(),
            [this](ItemId a, ItemId b) { return comes_before(this->tokens(a), this->tokens(b)); });
  for (std::size_t i = 1; i < by_tokens_.size(); ++i) {
    const Tokens a = this->tokens(by_tokens_[i - 1]), b = this->tokens(by_tokens_[i]);
    if (!std::equal(a.begin(), a.end(), b.begin())) continue;
    const auto [low, high] = std::minmax(by_tokens_[i - 1], by_tokens_[i]);
    reject("tokens of items " + std::to_string(low) + " and " + std::to_string(high),
           tuple_text(a) + " twice", "a tuple for each item alone");
  }
}

ItemId SemanticIds::item(Tokens tokens) const noexcept {
  if (tokens.size() != at(layout_.digits)) return no_item;
  const auto found =
      std::lower_bound(by_tokens_.begin(), by_tokens_.end(), tokens,
                       [this](ItemId a, Tokens b) { return comes_before(this->tokens(a), b); });
  if (found == by_tokens_.end()) return no_item;
  const Tokens row = this->tokens(*found);
  return std::equal(row.begin(), row.end(), tokens.begin()) ? *found : no_item;
}

NamedArrays SemanticIds::to_arrays() const {
  NamedArrays arrays;
  const std::int32_t layout[] = {layout_.digits, layout_.codes};
  arrays.set<std::int32_t>("layout", layout);
  arrays.set<std::int32_t>("tokens", tokens_, {std::int64_t{items_} + 1, layout_.digits});
  return arrays;
}

SemanticIds SemanticIds::from_arrays(const NamedArrays& arrays) {
  const auto layout = arrays.get<std::int32_t>("layout");
  if (layout.size() != 2) {
    throw FormatError(Where{{}, 0, "layout"},
                      Problem{std::to_string(layout.size()) + " values", "two: digits and codes", ""});
  }
  const auto tokens = arrays.get<std::int32_t>("tokens");
  const std::vector<std::int64_t>& shape = arrays.at("tokens").shape;
  if (shape.size() != 2 || shape[0] < 1 || shape[1] != layout[0]) {
    throw FormatError(Where{{}, 0, "tokens"},
                      Problem{"an array of another shape",
                              "items + 1 rows of " + std::to_string(layout[0]) + " tokens", ""});
  }
  try {
    return SemanticIds({layout[0], layout[1]}, {tokens.begin(), tokens.end()});
  } catch (const DataError& error) {
    throw FormatError(error.what());
  }
}

}  // namespace veer::nn
