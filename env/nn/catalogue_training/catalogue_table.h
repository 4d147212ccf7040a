// A trainable table with one row per item: item vectors, or the output layer of a head with one bias per
// item, with its gradient and Adam's moments. Torch-free header.
//
// Thread-safety: one thread calls, inside the arena whose workers shall help; const members are safe to share
// between updates. Determinism: values after any number of steps do not depend on the number of threads.
// Ownership: owns all its memory, four arrays of the table's size (values, two moments, gradient).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "env/named_arrays.h"
#include "env/nn/parameter_layout.h"
#include "env/nn/training/adam.h"
#include "env/types.h"

namespace veer::nn {

/// What a table is called and how it begins. Items first_item..last_item have a row each.
struct CatalogueLayout {
  std::string name;       ///< parameters are "<name>.weight" [rows, width] and "<name>.bias" [rows]
  ItemId first_item = 0;  ///< no_item: padding has a row too, an ordinary trainable one; 1: it has none
  ItemId last_item = 0;
  std::int32_t width = 64;
  bool bias = false;  ///< starts at zero
  Initial initial = Initial::zeros;
  float scale = 0.0F;

  std::int32_t rows() const noexcept { return last_item - first_item + 1; }
  std::vector<ParameterLayout> parameters() const;
};

/// Item vectors with a padding row, N(0, 0.01^2).
CatalogueLayout item_vectors(std::int32_t items, std::int32_t width);
/// An output layer over items 1..items: Glorot-uniform weights (limit sqrt(6 / (width + items))), zero bias.
CatalogueLayout catalogue_head(const std::string& name, std::int32_t items, std::int32_t width);

/// The weights of a table somebody else owns: what readers of a table take, in training or from a file.
struct CatalogueWeights {
  ItemId first_item = 0;
  View<const float> weight;     ///< [rows, width], contiguous
  std::span<const float> bias;  ///< [rows], or empty

  std::int32_t rows() const noexcept { return weight.rows(); }
  std::int32_t width() const noexcept { return weight.width(); }
  std::int32_t row_of(ItemId item) const noexcept { return item - first_item; }
};

class CatalogueTable {
 public:
  /// Draws fresh values; `index` is the number of the weight among the parameters of the network (see
  /// draw_initial). Throws ConfigError naming what makes no table.
  CatalogueTable(CatalogueLayout layout, std::uint64_t seed, std::uint32_t index);
  ~CatalogueTable();
  CatalogueTable(CatalogueTable&&) noexcept;

  const CatalogueLayout& layout() const noexcept;
  CatalogueWeights weights() const noexcept;

  /// Adds row i of `gradient` to the gradient of items[i]'s weights, in the order of i for every item.
  /// REQUIRES: as many rows as items, ids of this table.
  void add_gradient(std::span<const ItemId> items, View<const float> gradient);
  /// Adds coefficients(r, j) * rows(r) to the gradient of items(r, j), and coefficients(r, j) to its bias's,
  /// in the order of (r, j): the gradient of a few scores per row. REQUIRES: ids of this table.
  void add_gradient(View<const ItemId> items, View<const float> coefficients, View<const float> rows);
  /// Writing whole tiles, as the heads of catalogue_head.h do: call before writing to rows [first, first +
  /// count) of gradient(). True: the rows hold a sum to add to. False: nobody has written them since the last
  /// update, their memory is to be overwritten. Rows are marked as written. Safe for disjoint rows at a time.
  bool open_gradient(std::int32_t first, std::int32_t count) noexcept;
  View<float> gradient() noexcept;            ///< [rows, width]; rows that were never opened hold anything
  std::span<float> bias_gradient() noexcept;  ///< [rows], or empty

  /// One step of dense Adam: every row's moments decay and every row moves, with a gradient of zero where
  /// nothing was added, as TensorFlow 1 and a dense gradient in LibTorch do it. One pass over memory; the
  /// gradient is empty afterwards.
  void update(const AdamOptions& options);
  /// Forgets what was added since the last update.
  void clear_gradient() noexcept;
  /// Moments of zero and a step count of zero: a new optimiser over the same weights.
  void restart_optimiser() noexcept;
  std::int64_t steps() const noexcept;

  NamedArrays values() const;
  /// "parameters/...", "first_moment/...", "second_moment/..." and "adam_steps", as FlatParameters writes
  /// them.
  NamedArrays state() const;
  /// Throws FormatError when names or shapes do not fit.
  void restore(const NamedArrays& state);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veer::nn
