#include "env/nn/inference/catalogue_scorer.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "env/nn/inference/catalogue_portable_net.h"
#include "env/nn/kernels/score_kernels.h"
#include "env/nn/sequence_net.h"

namespace veer::nn {
namespace {

constexpr std::int32_t tile_items = 512;
constexpr std::int32_t block_rows = 512;  // 512 x 512 logits are 1 MB and stay in a core's second-level cache
constexpr std::int32_t pick_rows = 128;   // pick() keeps one number per row and 64 items besides
constexpr std::int32_t target_group = 32;
constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

std::int32_t padded(std::int32_t rows) { return (rows + 31) / 32 * 32; }

/// Candidates for the best few of one row: collects what beats a bound and, when full, raises the bound.
class BestFew {
 public:
  explicit BestFew(std::int32_t wanted) : wanted_(static_cast<std::size_t>(wanted)) {}

  void clear() {
    found_.clear();
    bound_ = minus_infinity;
  }
  float bound() const noexcept { return bound_; }
  /// Only what is greater than `bound` is wanted from now on.
  void raise(float bound) noexcept { bound_ = std::max(bound_, bound); }
  void add(float logit, ItemId item) {
    found_.push_back({logit, item});
    if (found_.size() >= 2 * wanted_ + 64) keep();
  }
  /// Best first; equal logits by ascending id.
  void write(std::span<ItemId> out) {
    std::sort(found_.begin(), found_.end(), better);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = i < found_.size() ? found_[i].item : no_item;
  }

 private:
  struct Candidate {
    float logit;
    ItemId item;
  };
  static bool better(const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.item < b.item;
  }
  void keep() {
    const auto last = found_.begin() + static_cast<std::ptrdiff_t>(wanted_);
    std::nth_element(found_.begin(), last - 1, found_.end(), better);
    found_.erase(last, found_.end());
    // Later items have greater ids, so one that only equals the bound can no longer get in.
    bound_ = (last - 1)->logit;
  }

  std::size_t wanted_;
  std::vector<Candidate> found_;
  float bound_ = minus_infinity;
};

}  // namespace

struct CatalogueScorer::Impl {
  std::int32_t items = 0;
  std::int32_t width = 0;
  torch::Tensor host_table;  ///< [N + 1, d] on the host
  torch::Tensor table;       ///< [N + 1, d] on the model's device
  /// [d, tile] each, on the CPU only. Columns are padded to a multiple of 32 with zeros: matrix libraries may
  /// round the last odd columns unlike the others, and equal vectors must get equal logits.
  std::vector<torch::Tensor> tiles;
  bool portable = false;

  const float* vector(ItemId item) const {
    return host_table.data_ptr<float>() + std::ptrdiff_t{item} * width;
  }

  /// Rows [first, first + count) of `readouts`, packed and padded with zero rows to a multiple of 32.
  torch::Tensor pack(View<const float> readouts, std::int32_t first, std::int32_t count) const {
    torch::Tensor block =
        torch::empty({padded(count), width}, torch::dtype(torch::kFloat32).device(torch::kCPU));
    float* to = block.data_ptr<float>();
    for (std::int32_t r = 0; r < count; ++r, to += width) {
      std::copy_n(readouts.row(first + r).data(), width, to);
    }
    std::fill(to, block.data_ptr<float>() + block.numel(), 0.0F);
    return block;
  }

  /// Calls visit(first item, items in the tile, logits of row 0, distance between rows) tile by tile.
  template <class Visit>
  void for_each_tile(const torch::Tensor& block, Visit&& visit) const {
    const std::int64_t rows = block.size(0);
    torch::Tensor scratch = torch::empty({rows * tiles.front().size(1)}, block.options());
    std::int32_t first = 0;
    torch::Tensor logits;
    for (const torch::Tensor& tile : tiles) {
      const std::int64_t stride = tile.size(1);
      if (!logits.defined() || logits.size(1) != stride)
        logits = scratch.narrow(0, 0, rows * stride).view({rows, stride});
      at::mm_out(logits, block, tile);
      const std::int32_t count = std::min(tile_items, items + 1 - first);
      visit(first, count, logits.data_ptr<float>(), static_cast<std::ptrdiff_t>(stride));
      first += count;
    }
  }

  /// The targets' logits by the same matrix product as the tiles', so that equal vectors get equal logits:
  /// groups of 32 rows against the vectors of their own 32 targets, of which the diagonal is kept.
  std::vector<float> target_logits(const torch::Tensor& block, std::span<const ItemId> target) const {
    std::vector<float> result(static_cast<std::size_t>(block.size(0)));
    torch::Tensor vectors = torch::empty({width, target_group}, block.options());
    torch::Tensor logits = torch::empty({target_group, target_group}, block.options());
    float* to = vectors.data_ptr<float>();
    for (std::size_t first = 0; first < target.size(); first += target_group) {
      for (std::size_t j = 0; j < target_group; ++j) {
        const float* from = vector(first + j < target.size() ? target[first + j] : no_item);
        for (std::int32_t c = 0; c < width; ++c)
          to[std::ptrdiff_t{c} * target_group + static_cast<std::ptrdiff_t>(j)] = from[c];
      }
      at::mm_out(logits, block.narrow(0, static_cast<std::int64_t>(first), target_group), vectors);
      for (std::size_t j = 0; j < target_group; ++j) {
        result[first + j] = logits.data_ptr<float>()[j * target_group + j];
      }
    }
    return result;
  }

  void measure(View<const float> readouts, std::int32_t first_row, std::int32_t rows,
               std::span<const ItemId> target, std::span<float> interest,
               std::span<std::int32_t> rank) const {
    const torch::Tensor block = pack(readouts, first_row, rows);
    const std::vector<float> wanted = target_logits(block, target);
    std::vector<LogSum> sums(static_cast<std::size_t>(rows));
    std::fill(rank.begin(), rank.end(), 1);
    for_each_tile(block,
                  [&](std::int32_t first, std::int32_t count, const float* logits, std::ptrdiff_t stride) {
                    for (std::size_t r = 0; r < sums.size(); ++r, logits += stride) {
                      rank[r] += reduce_tile(logits, count, wanted[r], sums[r]);
                      // A target never outranks itself, should another matrix library round the two products
                      // differently.
                      const std::int32_t own = target[r] - first;
                      if (own >= 0 && own < count && logits[own] > wanted[r]) --rank[r];
                    }
                  });
    for (std::size_t r = 0; r < sums.size(); ++r) {
      interest[r] = static_cast<float>(wanted[r] - sums[r].value());
      if (target[r] == no_item) {
        interest[r] = 0.0F;
        rank[r] = 0;
      }
    }
  }

  static void exclude(View<const ItemId> excluded, std::int32_t row, std::int32_t first, std::int32_t count,
                      float* logits) {
    if (first == 0) logits[0] = minus_infinity;  // nobody recommends padding
    if (excluded.empty()) return;
    for (const ItemId item : excluded.row(row)) {
      if (item >= first && item < first + count) logits[item - first] = minus_infinity;
    }
  }

  void best(View<const float> readouts, View<const ItemId> excluded, std::int32_t first_row,
            std::int32_t rows, View<ItemId> out) const {
    std::vector<BestFew> found(static_cast<std::size_t>(rows), BestFew(out.width()));
    std::vector<std::int32_t> above(tile_items);
    for_each_tile(pack(readouts, first_row, rows),
                  [&](std::int32_t first, std::int32_t count, float* logits, std::ptrdiff_t stride) {
                    for (std::int32_t r = 0; r < rows; ++r, logits += stride) {
                      exclude(excluded, first_row + r, first, count, logits);
                      BestFew& few = found[static_cast<std::size_t>(r)];
                      if (first == 0) few.raise(below_best(logits, count, out.width()));
                      const std::int32_t hits = indices_above(logits, count, few.bound(), above);
                      for (std::int32_t i = 0; i < hits; ++i) {
                        const std::int32_t index = above[static_cast<std::size_t>(i)];
                        if (logits[index] > few.bound()) few.add(logits[index], first + index);
                      }
                    }
                  });
    for (std::int32_t r = 0; r < rows; ++r) found[static_cast<std::size_t>(r)].write(out.row(first_row + r));
  }

  void pick(View<const float> readouts, View<const ItemId> excluded, std::int32_t first_row,
            std::int32_t rows, std::span<const float> uniforms, std::span<ItemId> out,
            std::span<float> log_prob) const {
    struct Row {
      LogSum sum;
      ItemId item = no_item;
      float logit = minus_infinity;
    };
    const auto blocks = static_cast<std::size_t>((items + mass_block) / mass_block);
    constexpr std::size_t tile_blocks = tile_items / mass_block;
    std::vector<Row> state(static_cast<std::size_t>(rows));
    std::vector<float> masses(state.size() * blocks);
    std::vector<float> largest(state.size() * tiles.size());
    for_each_tile(pack(readouts, first_row, rows),
                  [&](std::int32_t first, std::int32_t count, float* logits, std::ptrdiff_t stride) {
                    const auto tile = static_cast<std::size_t>(first / tile_items);
                    const auto here = static_cast<std::size_t>((count + mass_block - 1) / mass_block);
                    for (std::size_t r = 0; r < state.size(); ++r, logits += stride) {
                      exclude(excluded, first_row + static_cast<std::int32_t>(r), first, count, logits);
                      const std::span<float> mass(masses.data() + r * blocks + tile * tile_blocks, here);
                      const float top = block_masses(logits, count, mass);
                      largest[r * tiles.size() + tile] = top;
                      double sum = 0.0;
                      for (const float m : mass) sum += m;
                      state[r].sum.add(top, sum);
                      if (uniforms.empty() && sum > 0.0 && top > state[r].logit) {
                        state[r].logit = top;
                        state[r].item = first + argmax(logits, count);
                      }
                    }
                  });
    for (std::size_t r = 0; r < state.size(); ++r) {
      Row& row = state[r];
      if (!uniforms.empty() && row.sum.sum > 0.0) {
        draw(readouts, excluded, first_row + static_cast<std::int32_t>(r), uniforms[r], row.sum,
             {masses.data() + r * blocks, blocks}, {largest.data() + r * tiles.size(), tiles.size()},
             row.item, row.logit);
      }
      out[r] = row.item;
      log_prob[r] = row.item == no_item ? 0.0F : static_cast<float>(row.logit - row.sum.value());
    }
  }

  /// Walks the blocks' masses to the one that holds u, scores that block again and walks its items.
  void draw(View<const float> readouts, View<const ItemId> excluded, std::int32_t row, float u,
            const LogSum& sum, std::span<const float> masses, std::span<const float> largest, ItemId& item,
            float& logit) const {
    constexpr std::size_t tile_blocks = tile_items / mass_block;
    const double wanted = u * sum.sum;
    double passed = 0.0;
    double before = 0.0;
    std::size_t chosen = 0;
    for (std::size_t b = 0; b < masses.size(); ++b) {
      if (masses[b] == 0.0F) continue;
      chosen = b;
      before = passed;
      passed += masses[b] * std::exp(static_cast<double>(largest[b / tile_blocks]) - sum.largest);
      if (passed > wanted)
        break;  // rounding may leave u past the end: then the last block with mass is meant
    }
    const std::int32_t first = static_cast<std::int32_t>(chosen) * mass_block;
    const std::int32_t count = std::min(mass_block, items + 1 - first);
    float logits[mass_block];
    for (std::int32_t j = 0; j < count; ++j)
      logits[j] = dot(readouts.row(row).data(), vector(first + j), width);
    exclude(excluded, row, first, count, logits);
    passed = before;
    for (std::int32_t j = 0; j < count; ++j) {
      if (logits[j] == minus_infinity) continue;
      item = first + j;
      logit = logits[j];
      passed += std::exp(static_cast<double>(logits[j]) - sum.largest);
      if (passed > wanted) break;
    }
  }
};

CatalogueScorer::CatalogueScorer(const SequenceModel& model, Kernels kernels)
    : impl_(std::make_unique<Impl>()) {
  const c10::InferenceMode guard;
  impl_->items = model.config().items;
  impl_->width = model.config().hidden;
  impl_->table = model.net().at("item_embedding").detach().contiguous();
  impl_->host_table = impl_->table.to(torch::kCPU).contiguous();
  impl_->portable = kernels == Kernels::portable || !impl_->table.is_cpu();
  if (impl_->portable) return;
  for (std::int32_t first = 0; first <= impl_->items; first += tile_items) {
    const std::int32_t count = std::min(tile_items, impl_->items + 1 - first);
    torch::Tensor tile = torch::zeros({impl_->width, padded(count)}, impl_->host_table.options());
    tile.narrow(1, 0, count).copy_(impl_->host_table.narrow(0, first, count).t());
    impl_->tiles.push_back(tile);
  }
}

CatalogueScorer::~CatalogueScorer() = default;
CatalogueScorer::CatalogueScorer(CatalogueScorer&&) noexcept = default;

std::int32_t CatalogueScorer::items() const noexcept { return impl_->items; }
std::int32_t CatalogueScorer::width() const noexcept { return impl_->width; }

std::span<const float> CatalogueScorer::item_vector(ItemId item) const noexcept {
  return {impl_->vector(item), static_cast<std::size_t>(impl_->width)};
}

float CatalogueScorer::logit(std::span<const float> readout, ItemId item) const noexcept {
  return dot(readout.data(), impl_->vector(item), impl_->width);
}

void CatalogueScorer::measure(View<const float> readouts, std::span<const ItemId> target,
                              std::span<float> interest, std::span<std::int32_t> rank) const {
  const c10::InferenceMode guard;
  if (impl_->portable) return portable::measure(impl_->table, readouts, target, interest, rank);
  for (std::int32_t first = 0; first < readouts.rows(); first += block_rows) {
    const std::int32_t rows = std::min(block_rows, readouts.rows() - first);
    const auto from = static_cast<std::size_t>(first), count = static_cast<std::size_t>(rows);
    impl_->measure(readouts, first, rows, target.subspan(from, count), interest.subspan(from, count),
                   rank.subspan(from, count));
  }
}

void CatalogueScorer::best(View<const float> readouts, View<const ItemId> excluded, View<ItemId> out) const {
  const c10::InferenceMode guard;
  if (impl_->portable) return portable::best(impl_->table, readouts, excluded, out);
  for (std::int32_t first = 0; first < readouts.rows(); first += block_rows) {
    impl_->best(readouts, excluded, first, std::min(block_rows, readouts.rows() - first), out);
  }
}

void CatalogueScorer::pick(View<const float> readouts, View<const ItemId> excluded,
                           std::span<const float> uniforms, std::span<ItemId> out,
                           std::span<float> log_prob) const {
  const c10::InferenceMode guard;
  if (impl_->portable) return portable::pick(impl_->table, readouts, excluded, uniforms, out, log_prob);
  for (std::int32_t first = 0; first < readouts.rows(); first += pick_rows) {
    const std::int32_t rows = std::min(pick_rows, readouts.rows() - first);
    const auto from = static_cast<std::size_t>(first), count = static_cast<std::size_t>(rows);
    impl_->pick(readouts, excluded, first, rows, uniforms.empty() ? uniforms : uniforms.subspan(from, count),
                out.subspan(from, count), log_prob.subspan(from, count));
  }
}

}  // namespace veer::nn
