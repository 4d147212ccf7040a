#include <torch/types.h>

#include <cmath>
#include <limits>
#include <vector>

#include "env/nn/catalogue_training/catalogue_head.h"
#include "env/nn/catalogue_training/catalogue_tiles_net.h"
#include "env/nn/kernels/catalogue_kernels.h"
#include "env/nn/kernels/score_kernels.h"
#include "env/runtime.h"

// Forward, per task (a group of tiles) and row: with m the greatest score so far, e = exp(z - m), the sum of
// e and the sum of e W; when m grows, both sums shrink by exp(m_old - m_new). The groups are then put
// together in order, which gives the log-sum-exp and the expected item vector under the softmax, all that the
// gradient of the state needs: dL/dh = w (E[W] - W_target). This is attention with the catalogue as keys and
// values (Dao et al., "FlashAttention", NeurIPS 2022, algorithm 1). Backward, the table's gradient is p^T (w
// h) - onehot^T (w h) with p = e exp(m - log-sum-exp), and the factor goes to the rows of h, which are fewer
// than the scores.

namespace veer::nn {
namespace {

constexpr std::int64_t most_kept_bytes = std::int64_t{512} << 20;
constexpr float no_score = -3.4e38F;

}  // namespace

struct CatalogueCrossEntropy::Impl {
  CatalogueTable& head;
  ScoreMemory memory;
  bool keeps = false;
  std::int32_t rows = 0;
  std::int32_t padded = 0;
  torch::Tensor states;              ///< [padded, W]
  std::vector<std::int32_t> target;  ///< [B] rows of the table
  torch::Tensor kept;                ///< tile by tile [padded, items of the tile]; only grows
  std::vector<float> reference;      ///< [tiles, padded] what was subtracted before exp
  std::vector<float> greatest;       ///< [groups, padded]
  std::vector<double> sums;          ///< [groups, padded]
  torch::Tensor weighted;            ///< [groups, padded, W] sums of e W
  std::vector<float> expected;       ///< [B, W]
  std::vector<double> log_sums;      ///< [B]

  Impl(CatalogueTable& given_head, ScoreMemory given_memory) : head(given_head), memory(given_memory) {}

  std::int32_t width() const { return head.layout().width; }
  const float* bias_of(const CatalogueWeights& w, const catalogue::Tile& tile) const {
    return w.bias.empty() ? nullptr : w.bias.data() + tile.first;
  }
  float* reference_of(const catalogue::Tile& tile) {
    return reference.data() + std::ptrdiff_t{tile.first / catalogue::tile_items} * padded;
  }
  /// Calls visit(first row, rows, used rows) for the blocks of rows.
  template <class Visit>
  void for_each_block(const Visit& visit) const {
    for (std::int32_t first = 0; first < padded; first += catalogue::block_rows) {
      const std::int32_t count = std::min(catalogue::block_rows, padded - first);
      visit(first, count, std::min(count, rows - first));
    }
  }
  /// Where the exponentials of a block of rows and a tile are kept, [count, items of the tile].
  torch::Tensor kept_place(const catalogue::Tile& tile, std::int32_t first, std::int32_t count) const {
    const std::int64_t begin = std::int64_t{tile.first} * padded + std::int64_t{first} * tile.count;
    return catalogue::matrix(kept.data_ptr<float>() + begin, count, tile.count);
  }
  static torch::Tensor scratch_of_task() {
    return torch::empty({catalogue::block_rows * catalogue::tile_items}, torch::kFloat32);
  }

  void prepare(View<const float> given, std::span<const ItemId> targets) {
    const CatalogueWeights weights = head.weights();
    rows = given.rows();
    states = catalogue::packed_states(given, 0, rows);
    padded = static_cast<std::int32_t>(states.size(0));
    const std::int64_t scores = std::int64_t{padded} * weights.rows();
    keeps =
        memory == ScoreMemory::keep || (memory == ScoreMemory::automatic && scores * 4 <= most_kept_bytes);
    if (keeps && (!kept.defined() || kept.numel() < scores)) kept = torch::empty({scores}, torch::kFloat32);
    const auto groups = at(catalogue::groups_of(weights.rows()));
    reference.resize(at((weights.rows() + catalogue::tile_items - 1) / catalogue::tile_items) * at(padded));
    greatest.assign(groups * at(padded), no_score);
    sums.assign(groups * at(padded), 0.0);
    if (!weighted.defined() || weighted.size(1) != padded) {
      weighted = torch::empty({static_cast<std::int64_t>(groups), padded, width()}, torch::kFloat32);
    }
    expected.resize(at(rows) * at(width()));
    log_sums.resize(at(rows));
    target.resize(targets.size());
    for (std::size_t r = 0; r < targets.size(); ++r) target[r] = weights.row_of(targets[r]);
  }

  void score_group(std::int64_t group) {
    const c10::InferenceMode guard;
    const CatalogueWeights weights = head.weights();
    float* tops = greatest.data() + group * padded;
    double* totals = sums.data() + group * padded;
    float* all = weighted.data_ptr<float>() + group * padded * width();
    const torch::Tensor scratch = scratch_of_task();
    bool begun = false;
    catalogue::for_each_tile(weights.rows(), group, [&](const catalogue::Tile& tile) {
      const torch::Tensor vectors = catalogue::vectors(weights, tile);
      float* subtracted = reference_of(tile);
      for_each_block([&](std::int32_t first, std::int32_t count, std::int32_t used) {
        torch::Tensor scores = catalogue::matrix(scratch.data_ptr<float>(), count, tile.count);
        at::mm_out(scores, states.narrow(0, first, count), vectors.t());
        // The product is made in cache, where matrix libraries visit it more than once; what is kept is
        // written once.
        torch::Tensor exponentials = keeps ? kept_place(tile, first, count) : scores;
        float* row = scores.data_ptr<float>();
        float* to = exponentials.data_ptr<float>();
        for (std::int32_t r = first; r < first + used; ++r, row += tile.count, to += tile.count) {
          const float top = std::max(tops[r], add_bias(row, bias_of(weights, tile), tile.count));
          if (begun && top > tops[r]) {
            const double shrink = std::exp(static_cast<double>(tops[r]) - static_cast<double>(top));
            totals[r] *= shrink;
            scale_values(all + std::ptrdiff_t{r} * width(), static_cast<float>(shrink), width());
          }
          tops[r] = subtracted[r] = top;
          totals[r] += static_cast<double>(exponentials_below(row, top, tile.count, to));
        }
        std::fill_n(to, std::ptrdiff_t{count - used} * tile.count, 0.0F);
        torch::Tensor sum = catalogue::matrix(all + std::ptrdiff_t{first} * width(), count, width());
        if (begun) {
          sum.addmm_(exponentials, vectors);
        } else {
          at::mm_out(sum, exponentials, vectors);
        }
      });
      begun = true;
    });
  }

  /// Puts the groups of one row together and returns its loss.
  float finish_row(std::int32_t row) {
    const CatalogueWeights weights = head.weights();
    const auto groups = static_cast<std::ptrdiff_t>(catalogue::groups_of(weights.rows()));
    float top = no_score;
    for (std::ptrdiff_t g = 0; g < groups; ++g) top = std::max(top, greatest[at(g * padded + row)]);
    double sum = 0.0;
    float* mean = expected.data() + std::ptrdiff_t{row} * width();
    std::fill_n(mean, width(), 0.0F);
    for (std::ptrdiff_t g = 0; g < groups; ++g) {
      const double share = std::exp(static_cast<double>(greatest[at(g * padded + row)]) - double{top});
      sum += share * sums[at(g * padded + row)];
      add_scaled(mean, static_cast<float>(share), weighted.data_ptr<float>() + (g * padded + row) * width(),
                 width());
    }
    scale_values(mean, static_cast<float>(1.0 / sum), width());
    const double log_sum = double{top} + std::log(sum);
    log_sums[at(row)] = log_sum;
    const std::int32_t own = target[at(row)];
    const float score =
        dot(states.data_ptr<float>() + std::ptrdiff_t{row} * width(), &weights.weight(own), width()) +
        (weights.bias.empty() ? 0.0F : weights.bias[at(own)]);
    return static_cast<float>(log_sum - double{score});
  }

  void table_gradient(std::int64_t group, std::span<const float> row_weights) {
    const c10::InferenceMode guard;
    const CatalogueWeights weights = head.weights();
    const View<float> gradient = head.gradient();
    const std::span<float> bias_gradient = head.bias_gradient();
    const torch::Tensor scratch = keeps ? torch::Tensor() : scratch_of_task();
    torch::Tensor scaled = torch::zeros({catalogue::block_rows, width()}, torch::kFloat32);
    catalogue::for_each_tile(weights.rows(), group, [&](const catalogue::Tile& tile) {
      bool adds = head.open_gradient(tile.first, tile.count);
      torch::Tensor sum = catalogue::matrix(&gradient(tile.first), tile.count, width());
      if (!adds && !bias_gradient.empty()) std::fill_n(bias_gradient.begin() + tile.first, tile.count, 0.0F);
      const float* subtracted = reference_of(tile);
      for_each_block([&](std::int32_t first, std::int32_t count, std::int32_t used) {
        torch::Tensor scores = keeps ? kept_place(tile, first, count)
                                     : catalogue::matrix(scratch.data_ptr<float>(), count, tile.count);
        if (!keeps) {
          at::mm_out(scores, states.narrow(0, first, count), catalogue::vectors(weights, tile).t());
        }
        torch::Tensor rows_of_block = scaled.narrow(0, 0, count).zero_();
        float* score = scores.data_ptr<float>();
        for (std::int32_t r = first; r < first + used; ++r, score += tile.count) {
          float factor = row_weights[at(r)];
          if (keeps) {
            factor *= static_cast<float>(std::exp(double{subtracted[r]} - log_sums[at(r)]));
          } else {
            add_bias(score, bias_of(weights, tile), tile.count);
            exponentials_below(score, static_cast<float>(log_sums[at(r)]), tile.count, score);
          }
          add_scaled(scaled.data_ptr<float>() + std::ptrdiff_t{r - first} * width(), factor,
                     states.data_ptr<float>() + std::ptrdiff_t{r} * width(), width());
          // Here and not after all rows: the row has just been, or is just being, brought into cache.
          if (!bias_gradient.empty()) add_scaled(&bias_gradient[at(tile.first)], factor, score, tile.count);
        }
        if (adds) {
          sum.addmm_(scores.t(), rows_of_block);
        } else {
          at::mm_out(sum, scores.t(), rows_of_block);
        }
        adds = true;
      });
      for (std::int32_t r = 0; r < rows; ++r) {
        const std::int32_t own = target[at(r)];
        if (own < tile.first || own >= tile.first + tile.count) continue;
        add_scaled(&gradient(own), -row_weights[at(r)],
                   states.data_ptr<float>() + std::ptrdiff_t{r} * width(), width());
        if (!bias_gradient.empty()) bias_gradient[at(own)] -= row_weights[at(r)];
      }
    });
  }
};

CatalogueCrossEntropy::CatalogueCrossEntropy(CatalogueTable& head, ScoreMemory memory)
    : impl_(std::make_unique<Impl>(head, memory)) {}
CatalogueCrossEntropy::~CatalogueCrossEntropy() = default;
CatalogueCrossEntropy::CatalogueCrossEntropy(CatalogueCrossEntropy&&) noexcept = default;

void CatalogueCrossEntropy::forward(View<const float> states, std::span<const ItemId> targets,
                                    std::span<float> losses) {
  impl_->prepare(states, targets);
  parallel_for(catalogue::groups_of(impl_->head.layout().rows()),
               [&](std::int64_t group) { impl_->score_group(group); });
  parallel_for((impl_->rows + 31) / 32, [&](std::int64_t block) {
    const auto first = static_cast<std::int32_t>(32 * block);
    for (std::int32_t r = first; r < std::min(first + 32, impl_->rows); ++r) {
      losses[at(r)] = impl_->finish_row(r);
    }
  });
}

void CatalogueCrossEntropy::backward(std::span<const float> weights, View<float> state_gradient) {
  parallel_for(catalogue::groups_of(impl_->head.layout().rows()),
               [&](std::int64_t group) { impl_->table_gradient(group, weights); });
  const CatalogueWeights table = impl_->head.weights();
  const std::int32_t width = impl_->width();
  for (std::int32_t r = 0; r < impl_->rows; ++r) {
    const std::span<float> out = state_gradient.row(r);
    std::fill(out.begin(), out.end(), 0.0F);
    add_scaled(out.data(), weights[at(r)], impl_->expected.data() + std::ptrdiff_t{r} * width, width);
    add_scaled(out.data(), -weights[at(r)], &table.weight(impl_->target[at(r)]), width);
  }
}

}  // namespace veer::nn
