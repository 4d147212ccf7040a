// Semantic ids: each item of a catalogue is a short tuple of tokens that a network can read and write one by
// one. Similar items share their first tokens; the last one tells apart those that share all others. A table,
// exact in both directions; where the tuples come from says residual_codebooks.h (item vectors) and
// published_ids.h (files). Thread-safety: values, immutable once built; safe to share. Source: Hou et al.,
// "ProRL" (arXiv 2605.28293), whose token numbers these are; Rajput et al., "Recommender systems with
// generative retrieval", NeurIPS 2023, for the last digit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/named_arrays.h"
#include "env/types.h"

namespace veer::nn {

/// Numbers of tokens. Each digit has a block of its own, so that a token says which digit it is:
/// pad, `codes` tokens of digit 0, `codes` of digit 1, ..., the user token, the end.
struct SemanticIdLayout {
  std::int32_t digits = 4;   ///< per item, the one that tells apart included; 1..most_digits
  std::int32_t codes = 256;  ///< per digit; 1..most_codes

  static constexpr std::int32_t pad = 0;  ///< also what a decoder starts with
  static constexpr std::int32_t most_digits = 16;
  static constexpr std::int32_t most_codes = 1 << 16;

  /// REQUIRES: 0 <= digit < digits and 0 <= code < codes.
  constexpr std::int32_t token(std::int32_t digit, std::int32_t code) const noexcept {
    return codes * digit + 1 + code;
  }
  /// The code of a token of that digit; negative or at least `codes` for a token of another digit.
  constexpr std::int32_t code(std::int32_t digit, std::int32_t token) const noexcept {
    return token - 1 - codes * digit;
  }
  constexpr std::int32_t user() const noexcept {
    return codes * digits + 1;
  }                                                                           ///< 1025 at the published sizes
  constexpr std::int32_t end() const noexcept { return codes * digits + 2; }  ///< 1026
  constexpr std::int32_t vocabulary() const noexcept { return codes * digits + 3; }  ///< 1027

  bool operator==(const SemanticIdLayout&) const = default;
};

/// An exact bijection between the items that have an id and their tuples.
class SemanticIds {
 public:
  /// `tokens`: [N+1, digits]; row 0, and the row of an item without an id, are all pad. Throws DataError when
  /// the layout is out of range, a row holds a token that is none of its digit, or two items share a tuple.
  SemanticIds(const SemanticIdLayout& layout, std::vector<std::int32_t> tokens);

  const SemanticIdLayout& layout() const noexcept { return layout_; }
  std::int32_t items() const noexcept { return items_; }  ///< N; items 1..N
  std::int32_t with_id() const noexcept { return static_cast<std::int32_t>(by_tokens_.size()); }

  /// `digits` tokens; all pad for an item without an id (removed, or not in the source).
  /// REQUIRES: 0 <= item <= items().
  std::span<const std::int32_t> tokens(ItemId item) const noexcept {
    return std::span(tokens_).subspan(at(item) * at(layout_.digits), at(layout_.digits));
  }
  bool has(ItemId item) const noexcept { return tokens(item).front() != SemanticIdLayout::pad; }
  /// The item of a tuple; no_item when there is none, whatever the tokens and however many.
  ItemId item(std::span<const std::int32_t> tokens) const noexcept;
  /// The items with an id in the lexicographic order of their tuples.
  std::span<const ItemId> by_tokens() const noexcept { return by_tokens_; }

  /// "layout" i32 [2] = {digits, codes}; "tokens" i32 [N+1, digits].
  NamedArrays to_arrays() const;
  /// Throws FormatError when an array is missing, has another type or shape, or holds no bijection.
  static SemanticIds from_arrays(const NamedArrays& arrays);

  bool operator==(const SemanticIds&) const = default;

 private:
  SemanticIdLayout layout_;
  std::int32_t items_ = 0;
  std::vector<std::int32_t> tokens_;
  std::vector<ItemId> by_tokens_;
};

}  // namespace veer::nn
