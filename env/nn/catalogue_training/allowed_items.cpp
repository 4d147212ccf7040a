#include "env/nn/catalogue_training/allowed_items.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "env/nn/catalogue_training/catalogue_tiles_net.h"
#include "env/nn/kernels/score_kernels.h"
#include "env/runtime.h"

namespace veer::nn {
namespace {

/// How far others lie below the least allowed value in allowed_scores().
constexpr float gap_to_others = 1000.0F;

struct BestAllowed {
  float value = -std::numeric_limits<float>::infinity();
  std::int32_t row = -1;
};

/// The greatest imitation score of every packed row.
std::vector<float> greatest_imitation(const CatalogueWeights& head, const torch::Tensor& states,
                                      std::int32_t count) {
  const auto groups = at(catalogue::groups_of(head.rows()));
  std::vector<float> found(groups * at(count), -std::numeric_limits<float>::infinity());
  catalogue::score_rows(
      head, states,
      [&](std::int64_t group, const catalogue::Tile& tile, const float* z, std::ptrdiff_t stride) {
        float* best = found.data() + group * count;
        const float* bias = catalogue::bias_at(head, tile.first);
        for (std::int32_t r = 0; r < count; ++r, z += stride) {
          for (std::int32_t j = 0; j < tile.count; ++j) {
            best[r] = std::max(best[r], z[j] + (bias == nullptr ? 0.0F : bias[j]));
          }
        }
      });
  std::vector<float> out(found.begin(), found.begin() + count);
  for (std::size_t g = 1; g < groups; ++g) {
    for (std::int32_t r = 0; r < count; ++r) out[at(r)] = std::max(out[at(r)], found[g * at(count) + at(r)]);
  }
  return out;
}

/// Scores of a tile under both heads, biases added: visit(group, tile, row, imitation, values).
template <class Visit>
void score_both(const ImitatedValues& heads, const torch::Tensor& states, std::int32_t count,
                const Visit& visit) {
  parallel_for(catalogue::groups_of(heads.values.rows()), [&](std::int64_t group) {
    const c10::InferenceMode guard;
    catalogue::for_each_tile(heads.values.rows(), group, [&](const catalogue::Tile& tile) {
      const auto scored = [&](const CatalogueWeights& head) {
        torch::Tensor z = at::mm(states, catalogue::padded_vectors(head, tile).t());
        if (head.bias.empty()) return z;
        float* row = z.data_ptr<float>();
        for (std::int32_t r = 0; r < count; ++r, row += z.size(1)) {
          for (std::int32_t j = 0; j < tile.count; ++j) row[j] += head.bias[at(tile.first + j)];
        }
        return z;
      };
      const torch::Tensor imitation = scored(heads.imitation), values = scored(heads.values);
      for (std::int32_t r = 0; r < count; ++r) {
        visit(group, tile, r, imitation.data_ptr<float>() + r * imitation.size(1),
              values.data_ptr<float>() + r * values.size(1));
      }
    });
  });
}

}  // namespace

float ImitatedValues::bound(float greatest) const noexcept {
  return threshold > 0.0F ? greatest + std::log(threshold) : -std::numeric_limits<float>::infinity();
}

void best_allowed_items(const ImitatedValues& heads, View<const float> states, std::span<ItemId> out) {
  const auto groups = at(catalogue::groups_of(heads.values.rows()));
  catalogue::for_each_block_of_rows(
      states, [&](std::int32_t first, std::int32_t count, const torch::Tensor& packed) {
        const std::vector<float> greatest = greatest_imitation(heads.imitation, packed, count);
        std::vector<BestAllowed> best(groups * at(count));
        score_both(heads, packed, count,
                   [&](std::int64_t group, const catalogue::Tile& tile, std::int32_t r,
                       const float* imitation, const float* values) {
                     BestAllowed& found = best[at(group) * at(count) + at(r)];
                     const float bound = heads.bound(greatest[at(r)]);
                     for (std::int32_t j = 0; j < tile.count; ++j) {
                       if (imitation[j] > bound && values[j] > found.value)
                         found = {values[j], tile.first + j};
                     }
                   });
        for (std::int32_t r = 0; r < count; ++r) {
          BestAllowed top = best[at(r)];
          for (std::size_t g = 1; g < groups; ++g) {
            const BestAllowed& other = best[g * at(count) + at(r)];
            if (other.value > top.value) top = other;
          }
          out[at(first + r)] = heads.values.first_item + std::max(top.row, 0);
        }
      });
}

void allowed_target_ranks(const ImitatedValues& heads, View<const float> states,
                          std::span<const ItemId> targets, std::span<std::int32_t> ranks) {
  const auto groups = at(catalogue::groups_of(heads.values.rows()));
  struct Own {
    float imitation = 0.0F, value = 0.0F;
  };
  catalogue::for_each_block_of_rows(
      states, [&](std::int32_t first, std::int32_t count, const torch::Tensor& packed) {
        const std::vector<float> greatest = greatest_imitation(heads.imitation, packed, count);
        // The target's own scores come out of the very tiles that the others are compared in.
        std::vector<Own> own(at(count));
        const auto place = [&](std::int32_t r) { return heads.values.row_of(targets[at(first + r)]); };
        score_both(heads, packed, count,
                   [&](std::int64_t, const catalogue::Tile& tile, std::int32_t r, const float* imitation,
                       const float* values) {
                     const std::int32_t j = place(r) - tile.first;
                     if (j >= 0 && j < tile.count) own[at(r)] = {imitation[j], values[j]};
                   });
        std::vector<std::int32_t> before(groups * at(count), 0);
        score_both(heads, packed, count,
                   [&](std::int64_t group, const catalogue::Tile& tile, std::int32_t r,
                       const float* imitation, const float* values) {
                     const float bound = heads.bound(greatest[at(r)]);
                     const Own& mine = own[at(r)];
                     const bool allowed = mine.imitation > bound;
                     const std::int32_t self = place(r) - tile.first;
                     std::int32_t& counted = before[at(group) * at(count) + at(r)];
                     for (std::int32_t j = 0; j < tile.count; ++j) {
                       if (j == self) continue;
                       const bool other = imitation[j] > bound;
                       if (other != allowed) {
                         counted += other ? 1 : 0;
                         continue;
                       }
                       const float theirs = allowed ? values[j] : imitation[j];
                       const float wanted = allowed ? mine.value : mine.imitation;
                       counted += theirs > wanted || (theirs == wanted && j < self) ? 1 : 0;
                     }
                   });
        for (std::int32_t r = 0; r < count; ++r) {
          std::int32_t rank = 1;
          for (std::size_t g = 0; g < groups; ++g) rank += before[g * at(count) + at(r)];
          // Nothing compares with a score that is no number: it must not come first.
          const bool finite = std::isfinite(own[at(r)].imitation) && std::isfinite(own[at(r)].value);
          ranks[at(first + r)] = finite ? rank : heads.values.rows();
        }
      });
}

void allowed_scores(const ImitatedValues& heads, std::span<const float> state, std::span<float> out) {
  const auto score = [&](const CatalogueWeights& head, std::int32_t row) {
    return dot(&head.weight(row), state.data(), head.width()) +
           (head.bias.empty() ? 0.0F : head.bias[at(row)]);
  };
  const std::int32_t rows = heads.values.rows();
  std::vector<float> imitation(at(rows));
  for (std::int32_t row = 0; row < rows; ++row) imitation[at(row)] = score(heads.imitation, row);
  const float greatest = *std::max_element(imitation.begin(), imitation.end());
  const float bound = heads.bound(greatest);
  float least = std::numeric_limits<float>::infinity();
  for (std::int32_t row = 0; row < rows; ++row) {
    if (!(imitation[at(row)] > bound)) continue;
    out[at(row)] = score(heads.values, row);
    least = std::min(least, out[at(row)]);
  }
  for (std::int32_t row = 0; row < rows; ++row) {
    if (!(imitation[at(row)] > bound)) out[at(row)] = least - gap_to_others + (imitation[at(row)] - greatest);
  }
}

double add_square_penalty(CatalogueTable& head, View<const float> states, float weight,
                          View<float> state_gradient) {
  const c10::InferenceMode guard;
  const CatalogueWeights weights = head.weights();
  const std::int64_t n = weights.rows(), width = weights.width(), batch = states.rows();
  torch::Tensor h = torch::empty({batch, width}, torch::kFloat32);
  for (std::int32_t r = 0; r < batch; ++r) {
    std::copy_n(states.row(r).data(), width, h.data_ptr<float>() + r * width);
  }
  const torch::Tensor w = catalogue::matrix(weights.weight.row(0).data(), n, width);
  const torch::Tensor b = weights.bias.empty() ? torch::zeros({n}, torch::kFloat32)
                                               : catalogue::matrix(weights.bias.data(), 1, n).view({n});
  const torch::Tensor states_gram = at::mm(h.t(), h), states_sum = h.sum(0), weights_gram = at::mm(w.t(), w),
                      mixed = at::mv(w.t(), b);
  const double squares = (states_gram * weights_gram).sum().item<double>() +
                         2.0 * at::dot(mixed, states_sum).item<double>() +
                         static_cast<double>(batch) * at::dot(b, b).item<double>();
  const double cells = static_cast<double>(n) * static_cast<double>(batch);
  const auto scale = static_cast<float>(2.0 * double{weight} / cells);
  const torch::Tensor by_head = (at::mm(w, states_gram) + at::outer(b, states_sum)) * scale;
  const torch::Tensor by_bias = (at::mv(w, states_sum) + b * static_cast<float>(batch)) * scale;
  const torch::Tensor by_state = (at::mm(h, weights_gram) + mixed) * scale;
  for (std::int64_t group = 0; group < catalogue::groups_of(static_cast<std::int32_t>(n)); ++group) {
    catalogue::for_each_tile(static_cast<std::int32_t>(n), group, [&](const catalogue::Tile& tile) {
      const bool adds = head.open_gradient(tile.first, tile.count);
      for (std::int32_t row = tile.first; row < tile.first + tile.count; ++row) {
        const float* from = by_head.data_ptr<float>() + row * width;
        const std::span<float> to = head.gradient().row(row);
        for (std::size_t c = 0; c < to.size(); ++c) to[c] = (adds ? to[c] : 0.0F) + from[c];
        if (weights.bias.empty()) continue;
        float& bias = head.bias_gradient()[at(row)];
        bias = (adds ? bias : 0.0F) + by_bias.data_ptr<float>()[row];
      }
    });
  }
  for (std::int32_t r = 0; r < batch; ++r) {
    const float* from = by_state.data_ptr<float>() + r * width;
    for (std::int32_t c = 0; c < width; ++c) state_gradient(r, c) += from[c];
  }
  return squares / cells;
}

}  // namespace veer::nn
