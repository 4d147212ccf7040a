// What the dynamics know about items: frozen vectors of the base network, where acceptance draws taste, which
// attributes bore, how popular they are. And the score of every item for many tastes at once.
//
// Scores are inner products of augmented rows: [k z, w, -g b, 1] . [v_i, ln-popularity_i, 1/|A(i)| at its
// attributes, 0], with -1e9 in the last column of the padding item, so that it never takes part.
//
// Thread-safety: immutable after construction. Ownership: owns its arrays. Determinism (CPU): a row's scores
// do not depend on the other rows of a call. Torch-free header.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "env/data/dataset.h"
#include "env/nn/sequence_model.h"
#include "env/types.h"
#include "simulators/shift/shift_layout.h"

namespace veer::shift {

/// Attributes and popularity by item, as a model file keeps them. Items 1..N; index 0 is padding.
struct ItemFacts {
  std::int32_t items = 0;
  std::int32_t attributes = 0;                  ///< A, 0..most_attributes
  std::vector<std::int64_t> attribute_offsets;  ///< [N + 2]
  std::vector<std::int32_t> attribute_list;     ///< 0..A-1, ascending per item
  std::vector<float> log_popularity;            ///< [N + 1] ln(1 + count), less its mean over items

  std::span<const std::int32_t> attributes_of(ItemId item) const noexcept {
    const auto i = static_cast<std::size_t>(item);
    const auto first = static_cast<std::size_t>(attribute_offsets[i]);
    return std::span(attribute_list)
        .subspan(first, static_cast<std::size_t>(attribute_offsets[i + 1]) - first);
  }
  friend bool operator==(const ItemFacts&, const ItemFacts&) = default;
};
inline constexpr std::int32_t most_attributes = 64;

/// The `most_attributes` commonest attributes of the catalogue (all of them where there are fewer), and the
/// popularity counted in `counts` [N + 1].
ItemFacts item_facts(const Catalogue& catalogue, std::span<const std::int64_t> counts);
/// Throws FormatError when sizes or indices do not fit.
void check_facts(const ItemFacts& facts);

class Items {
 public:
  /// `vectors` [N + 1, width], row-major, row 0 ignored.
  Items(ItemFacts facts, std::span<const float> vectors, std::int32_t width);

  const ItemFacts& facts() const noexcept { return facts_; }
  std::int32_t items() const noexcept { return facts_.items; }
  std::int32_t width() const noexcept { return width_; }  ///< d
  /// Floats of an augmented row, padded to a multiple of 16: d + 1 + A + 1 and zeros.
  std::int32_t augmented() const noexcept { return augmented_; }
  /// [N + 1, augmented()], row-major.
  std::span<const float> table() const noexcept { return table_; }
  /// [augmented()]; the first width() are v_i.
  const float* row(ItemId item) const noexcept {
    return table_.data() + static_cast<std::ptrdiff_t>(item) * augmented_;
  }
  /// 1 / |v_i|^2, or 0 for the zero vector.
  float inverse_square(ItemId item) const noexcept { return inverse_square_[static_cast<std::size_t>(item)]; }
  /// Root mean square length of the vectors, and of what they differ from their mean.
  float length() const noexcept { return length_; }
  float spread() const noexcept { return spread_; }

  /// Fills an augmented row. `softening`: k; `boredom` [A].
  void augment(const Rates& rates, std::span<const float> taste, std::span<const float> boredom,
               float softening, float* out) const noexcept;

  /// Where acceptance of each item draws taste: map v_i + offset, [N + 1, d].
  std::vector<float> targets(const Parameters& parameters) const;

 private:
  ItemFacts facts_;
  std::int32_t width_;
  std::int32_t augmented_;
  std::vector<float> table_;
  std::vector<float> inverse_square_;
  float length_ = 0.0F;
  float spread_ = 0.0F;
};

/// The vectors of a network's items, [N + 1, hidden].
std::vector<float> item_vectors(const nn::SequenceModel& model);

}  // namespace veer::shift
