#include "agents/guidance/intents.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

/// A copy with the padding row that ItemSpace has: row k becomes item k + 1.
ItemSpace centre_space(View<const float> centres) {
  const std::size_t width = at(centres.width());
  std::vector<float> table(width, 0.0F);
  for (std::int32_t k = 0; k < centres.rows(); ++k) {
    const auto centre = centres.row(k);
    table.insert(table.end(), centre.begin(), centre.end());
  }
  return {{table.data(), centres.rows() + 1, centres.width()}, false};
}

/// k-means++: the first seed any item, each further one drawn with probability proportional to the squared
/// distance to the nearest seed so far.
std::vector<float> seeds_of(const ItemSpace& items, std::int32_t clusters, std::uint64_t seed) {
  const auto half_squares = items.half_squares(1, items.items());
  std::vector<float> centres;
  std::vector<double> distance(half_squares.size(), HUGE_VAL);
  std::vector<float> scores(half_squares.size());
  std::size_t next =
      uniform_below(static_cast<std::uint32_t>(items.items()), {seed, 0, 0}, Stream::initialise);
  for (std::int32_t k = 0;; ++k) {
    const auto chosen = items.vector(static_cast<ItemId>(next) + 1);
    centres.insert(centres.end(), chosen.begin(), chosen.end());
    if (k + 1 == clusters) return centres;
    std::ranges::copy(half_squares, scores.begin());
    items.add_products(-1.0F, chosen, 1, scores);
    double total = 0.0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double away = double{scores[i]} + double{half_squares[next]};
      distance[i] = i == next ? 0.0 : std::min(distance[i], std::max(0.0, away));
      total += distance[i];
    }
    const double drawn =
        total * double{uniform({seed, 0, static_cast<std::uint32_t>(k) + 1}, Stream::initialise)};
    double passed = 0.0;
    std::size_t last = next;
    for (std::size_t i = 0; i < distance.size(); ++i) {
      if (distance[i] <= 0.0) continue;
      last = i;
      passed += distance[i];
      if (passed > drawn) break;
    }
    next = last;
  }
}

}  // namespace

std::vector<float> k_means(View<const float> table, std::int32_t clusters, std::uint64_t seed,
                           std::int32_t iterations) {
  const ItemSpace items(table, false);
  if (clusters < 1 || clusters > items.items()) {
    throw ConfigError("k-means: found " + std::to_string(clusters) + " clusters; expected 1 to " +
                      std::to_string(std::max(0, items.items())) + ", the number of items");
  }
  const std::size_t width = at(items.width());
  std::vector<float> centres = seeds_of(items, clusters, seed);
  std::vector<std::int32_t> cluster(at(items.items()), -1), count(at(clusters));
  std::vector<float> scores(at(clusters)), away(cluster.size());
  for (std::int32_t round = 0; round < iterations; ++round) {
    const ItemSpace space = centre_space({centres.data(), clusters, items.width()});
    std::int32_t moved = 0;
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      const auto half_squares = space.half_squares(1, clusters);
      std::ranges::copy(half_squares, scores.begin());
      space.add_products(-1.0F, items.vector(static_cast<ItemId>(i) + 1), 1, scores);
      const auto nearest = std::ranges::min_element(scores);
      const auto k = static_cast<std::int32_t>(nearest - scores.begin());
      away[i] = *nearest + items.half_squares(static_cast<ItemId>(i) + 1, 1)[0];
      moved += std::exchange(cluster[i], k) != k ? 1 : 0;
    }
    if (moved == 0) break;
    std::vector<double> sums(centres.size(), 0.0);
    std::ranges::fill(count, 0);
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      const auto item = items.vector(static_cast<ItemId>(i) + 1);
      ++count[at(cluster[i])];
      for (std::size_t d = 0; d < width; ++d) sums[at(cluster[i]) * width + d] += double{item[d]};
    }
    for (std::int32_t k = 0; k < clusters; ++k) {
      float* centre = centres.data() + at(k) * width;
      if (count[at(k)] == 0) {
        const auto farthest = std::ranges::max_element(away);
        std::ranges::copy(items.vector(static_cast<ItemId>(farthest - away.begin()) + 1), centre);
        *farthest = -1.0F;  // no second cluster starts there
        continue;
      }
      for (std::size_t d = 0; d < width; ++d) {
        centre[d] = static_cast<float>(sums[at(k) * width + d] / double{static_cast<double>(count[at(k)])});
      }
    }
  }
  return centres;
}

Intents::Intents(View<const float> centres, const ItemSpace& space)
    : centres_(centre_space(centres)), item_intents_(at(space.items()) + 1, 0) {
  const std::int32_t clusters = centres_.items();
  if (clusters < 1 || centres_.width() != space.width()) {
    throw ConfigError("intentions: found " + std::to_string(clusters) + " centres in " +
                      std::to_string(centres_.width()) + " dimensions; expected at least 1 in the items' " +
                      std::to_string(space.width()));
  }
  for (std::int32_t k = 1; k <= clusters; ++k) {
    const float length = centres_.length(k);
    inverse_lengths_.push_back(length > 0.0F ? 1.0F / length : 0.0F);
  }
  for (ItemId item = 1; item <= space.items(); ++item) item_intents_[at(item)] = of(space.vector(item));
  agreement_.assign(at(clusters) * at(clusters), 0.0F);
  for (std::int32_t k = 0; k < clusters; ++k) {
    const std::span<float> row(agreement_.data() + at(k) * at(clusters), at(clusters));
    centres_.add_products(1.0F, centres_.vector(k + 1), 1, row);
    for (float& value : row) value = 1.0F / (1.0F + std::exp(-value));
  }
}

std::int32_t Intents::of(std::span<const float> vector) const {
  std::vector<float> scores(at(size()), 0.0F);
  centres_.add_products(1.0F, vector, 1, scores);
  for (std::size_t k = 0; k < scores.size(); ++k) scores[k] *= inverse_lengths_[k];
  return static_cast<std::int32_t>(std::ranges::max_element(scores) - scores.begin());
}

}  // namespace veer
