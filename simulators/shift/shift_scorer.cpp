#include "simulators/shift/shift_scorer.h"

#include <torch/types.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "env/nn/kernels/score_kernels.h"

namespace veer::shift {
namespace {

constexpr std::int32_t block_rows = 32;

}  // namespace

struct Scorer::Impl {
  std::shared_ptr<const Items> items;
  std::int32_t columns =
      0;  ///< N + 1, padded to a multiple of 32: odd last columns may be rounded unlike others
  torch::Tensor transposed;  ///< [augmented, columns]

  /// Calls visit(first row, rows, logits, stride) for blocks of at most block_rows rows.
  template <class Visit>
  void for_each_block(View<const float> rows, Visit&& visit) const {
    const c10::InferenceMode guard;
    const std::int32_t width = items->augmented();
    torch::Tensor block = torch::zeros({block_rows, width});
    torch::Tensor logits = torch::empty({block_rows, columns});
    for (std::int32_t first = 0; first < rows.rows(); first += block_rows) {
      const std::int32_t count = std::min(block_rows, rows.rows() - first);
      float* to = block.data_ptr<float>();
      for (std::int32_t r = 0; r < count; ++r, to += width)
        std::copy_n(rows.row(first + r).data(), width, to);
      std::fill_n(to, std::ptrdiff_t{block_rows - count} * width, 0.0F);
      at::mm_out(logits, block, transposed);
      visit(first, count, logits.data_ptr<float>(), std::ptrdiff_t{columns});
    }
  }
};

Scorer::Scorer(std::shared_ptr<const Items> items) {
  const c10::InferenceMode guard;
  auto impl = std::make_unique<Impl>();
  const std::int64_t n = items->items() + 1, width = items->augmented();
  impl->columns = static_cast<std::int32_t>((n + 31) / 32 * 32);
  impl->transposed = torch::zeros({width, impl->columns});
  impl->transposed.narrow(1, 0, n).copy_(
      torch::from_blob(const_cast<float*>(items->table().data()), {n, width}).t());
  impl->items = std::move(items);
  impl_ = std::move(impl);
}
Scorer::~Scorer() = default;
const std::shared_ptr<const Items>& Scorer::items() const noexcept { return impl_->items; }

void Scorer::measure(View<const float> rows, View<const ItemId> recent, float exposure,
                     std::span<const ItemId> target, std::span<float> interest,
                     std::span<std::int32_t> rank) const {
  const std::int32_t n = impl_->items->items() + 1;
  impl_->for_each_block(rows,
                        [&](std::int32_t first, std::int32_t count, float* logits, std::ptrdiff_t stride) {
                          for (std::int32_t r = 0; r < count; ++r, logits += stride) {
                            const auto i = static_cast<std::size_t>(first + r);
                            if (target[i] == no_item) {
                              interest[i] = 0.0F;
                              rank[i] = 0;
                              continue;
                            }
                            if (!recent.empty() && exposure != 0.0F) {
                              for (const ItemId item : recent.row(first + r)) {
                                if (item != no_item) logits[item] -= exposure;
                              }
                            }
                            const float own = logits[target[i]];
                            nn::LogSum sum;
                            rank[i] = 1 + nn::reduce_tile(logits, n, own, sum);
                            interest[i] = std::min(0.0F, static_cast<float>(own - sum.value()));
                          }
                        });
}

void Scorer::best(View<const float> rows, View<ItemId> out) const {
  const std::int32_t n = impl_->items->items();
  const auto wanted = static_cast<std::ptrdiff_t>(std::min(out.width(), n));
  std::vector<ItemId> order(static_cast<std::size_t>(n));
  impl_->for_each_block(
      rows, [&](std::int32_t first, std::int32_t count, const float* logits, std::ptrdiff_t stride) {
        for (std::int32_t r = 0; r < count; ++r, logits += stride) {
          std::iota(order.begin(), order.end(), 1);
          std::partial_sort(order.begin(), order.begin() + wanted, order.end(), [&](ItemId a, ItemId b) {
            return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
          });
          const std::span<ItemId> to = out.row(first + r);
          std::ranges::fill(to, no_item);
          std::copy_n(order.begin(), wanted, to.begin());
        }
      });
}

}  // namespace veer::shift
