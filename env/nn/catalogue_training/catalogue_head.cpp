#include "env/nn/catalogue_training/catalogue_head.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/nn/catalogue_training/catalogue_tiles_net.h"
#include "env/nn/kernels/catalogue_kernels.h"
#include "env/nn/kernels/score_kernels.h"
#include "env/runtime.h"

namespace veer::nn {
namespace {

constexpr std::int32_t rows_per_score_task = 32;

using catalogue::bias_at;
using catalogue::for_each_block_of_rows;
using catalogue::score_rows;

/// The targets' scores by the same kind of product as the tiles', so that equal vectors get equal scores:
/// 32 rows against the vectors of their own 32 targets, of which the diagonal is kept.
std::vector<float> target_scores(const CatalogueWeights& head, const torch::Tensor& states,
                                 std::span<const ItemId> targets) {
  const c10::InferenceMode guard;
  std::vector<float> out(targets.size());
  torch::Tensor vectors = torch::empty({32, head.width()}, torch::kFloat32);
  torch::Tensor scores = torch::empty({32, 32}, torch::kFloat32);
  for (std::size_t first = 0; first < targets.size(); first += 32) {
    const std::size_t count = std::min<std::size_t>(32, targets.size() - first);
    for (std::size_t j = 0; j < 32; ++j) {
      const std::int32_t row = head.row_of(targets[first + std::min(j, count - 1)]);
      std::copy_n(&head.weight(row), head.width(), vectors.data_ptr<float>() + j * at(head.width()));
    }
    at::mm_out(scores, states.narrow(0, static_cast<std::int64_t>(first), 32), vectors.t());
    for (std::size_t j = 0; j < count; ++j) {
      const float* bias = bias_at(head, head.row_of(targets[first + j]));
      out[first + j] = scores.data_ptr<float>()[33 * j] + (bias == nullptr ? 0.0F : *bias);
    }
  }
  return out;
}

}  // namespace

void best_items(const CatalogueWeights& head, View<const float> states, std::span<ItemId> out) {
  const auto groups = at(catalogue::groups_of(head.rows()));
  std::vector<BestScore> best;
  for_each_block_of_rows(states, [&](std::int32_t first, std::int32_t count, const torch::Tensor& packed) {
    best.assign(groups * at(count), {-3.4e38F, 0});
    score_rows(
        head, packed,
        [&](std::int64_t group, const catalogue::Tile& tile, const float* scores, std::ptrdiff_t stride) {
          BestScore* found = best.data() + group * count;
          for (std::int32_t r = 0; r < count; ++r, scores += stride) {
            const BestScore here = best_score(scores, bias_at(head, tile.first), tile.count);
            if (here.score > found[r].score) found[r] = {here.score, tile.first + here.index};
          }
        });
    for (std::int32_t r = 0; r < count; ++r) {
      BestScore top = best[at(r)];
      for (std::size_t g = 1; g < groups; ++g) {
        const BestScore& other = best[g * at(count) + at(r)];
        if (other.score > top.score) top = other;
      }
      out[at(first + r)] = head.first_item + top.index;
    }
  });
}

void target_ranks(const CatalogueWeights& head, View<const float> states, std::span<const ItemId> targets,
                  std::span<std::int32_t> ranks) {
  std::vector<std::int32_t> counts;
  for_each_block_of_rows(states, [&](std::int32_t first, std::int32_t count, const torch::Tensor& packed) {
    const std::span<const ItemId> wanted = targets.subspan(at(first), at(count));
    const std::vector<float> bounds = target_scores(head, packed, wanted);
    const auto groups = at(catalogue::groups_of(head.rows()));
    counts.assign(groups * at(count), 0);
    score_rows(
        head, packed,
        [&](std::int64_t group, const catalogue::Tile& tile, const float* scores, std::ptrdiff_t stride) {
          std::int32_t* counted = counts.data() + group * count;
          for (std::int32_t r = 0; r < count; ++r, scores += stride) {
            const std::int32_t own = head.row_of(wanted[at(r)]) - tile.first;
            const float* bias = bias_at(head, tile.first);
            // Of the items before the target those that equal it count too.
            const std::int32_t before = std::clamp(own, 0, tile.count);
            counted[r] += count_above(scores, bias, before, bounds[at(r)], true) +
                          count_above(scores + before, bias == nullptr ? nullptr : bias + before,
                                      tile.count - before, bounds[at(r)], false);
            // A target never outranks itself, should a matrix library round the two products differently.
            if (own >= 0 && own < tile.count &&
                scores[own] + (bias == nullptr ? 0.0F : bias[own]) > bounds[at(r)]) {
              --counted[r];
            }
          }
        });
    for (std::int32_t r = 0; r < count; ++r) {
      std::int32_t rank = 1;
      for (std::size_t g = 0; g < groups; ++g) rank += counts[g * at(count) + at(r)];
      // Nothing compares with a score that is no number: it must not come first.
      if (!std::isfinite(bounds[at(r)])) rank = head.rows();
      ranks[at(first + r)] = rank;
    }
  });
}

void scores_of(const CatalogueWeights& head, View<const float> states, View<const ItemId> items,
               View<float> out) {
  parallel_for((states.rows() + rows_per_score_task - 1) / rows_per_score_task, [&](std::int64_t task) {
    const auto first = static_cast<std::int32_t>(task) * rows_per_score_task;
    for (std::int32_t r = first; r < std::min(first + rows_per_score_task, states.rows()); ++r) {
      for (std::int32_t j = 0; j < items.width(); ++j) {
        const std::int32_t row = head.row_of(items(r, j));
        const float* bias = bias_at(head, row);
        out(r, j) = dot(&states(r), &head.weight(row), head.width()) + (bias == nullptr ? 0.0F : *bias);
      }
    }
  });
}

void scores_backward(CatalogueTable& head, View<const float> states, View<const ItemId> items,
                     View<const float> score_gradient, View<float> state_gradient) {
  const CatalogueWeights weights = head.weights();
  parallel_for((states.rows() + rows_per_score_task - 1) / rows_per_score_task, [&](std::int64_t task) {
    const auto first = static_cast<std::int32_t>(task) * rows_per_score_task;
    for (std::int32_t r = first; r < std::min(first + rows_per_score_task, states.rows()); ++r) {
      for (std::int32_t j = 0; j < items.width(); ++j) {
        add_scaled(&state_gradient(r), score_gradient(r, j), &weights.weight(weights.row_of(items(r, j))),
                   weights.width());
      }
    }
  });
  head.add_gradient(items, score_gradient, states);
}

}  // namespace veer::nn
