#include "env/nn/semantic_ids/k_means.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "env/error.h"
#include "env/nn/semantic_ids/balanced_assignment.h"
#include "env/nn/semantic_ids/centre_blocks.h"
#include "env/random.h"
#include "env/runtime.h"

namespace veer::nn {
namespace {

using Points = View<const float>;

/// Points per task: fixed, so that sums over shards have the same order for any number of threads.
constexpr std::int32_t points_per_task = 128;

std::int32_t shards(std::int32_t points) { return (points + points_per_task - 1) / points_per_task; }

/// body(shard, first, last) for every shard of the points.
void over_shards(std::int32_t points,
                 const std::function<void(std::int32_t, std::int32_t, std::int32_t)>& body) {
  parallel_for(shards(points), [&](std::int64_t s) {
    const auto shard = static_cast<std::int32_t>(s);
    const std::int32_t first = shard * points_per_task;
    body(shard, first, std::min(first + points_per_task, points));
  });
}

void check_options(const KMeansOptions& options) {
  const auto check = [](const char* field, std::int32_t value, std::int32_t most) {
    if (value >= 1 && value <= most) return;
    throw ConfigError(Where{{}, 0, field},
                      Problem{std::to_string(value), "1 to " + std::to_string(most), ""});
  };
  check("clusters", options.clusters,
        options.balanced ? KMeansOptions::most_balanced_clusters : std::int32_t{1} << 16);
  check("restarts", options.restarts, 10'000);
  check("iterations", options.iterations, 1'000'000);
}

/// Centres drawn one by one from the points, each with a probability proportional to the squared distance to
/// those before; of a few candidates the one that leaves the least. Not thread-safe.
class Seeding {
 public:
  Seeding(Points points, std::int32_t centres, StepKey key)
      : points_(points),
        centres_(centres),
        key_(key),
        candidates_(2 + static_cast<std::int32_t>(std::log(centres))),
        distance_(at(points.rows()), std::numeric_limits<float>::infinity()),
        to_candidates_(at(points.rows()) * at(padded())),
        cumulative_(at(points.rows())) {}

  /// Row-major centres; fewer than asked for where every point already is one, unless `repeat`.
  std::vector<float> draw(bool repeat) {
    std::vector<float> chosen;
    take(pick_evenly(1), chosen);
    for (std::int32_t c = 1; c < centres_; ++c) {
      key_.step = static_cast<std::uint32_t>(c);
      double total = 0.0;
      for (std::size_t p = 0; p < cumulative_.size(); ++p) cumulative_[p] = total += distance_[p];
      if (total > 0.0) {
        take(pick_by_distance(total), chosen);
      } else if (repeat) {
        take(pick_evenly(1), chosen);
      } else {
        break;
      }
    }
    return chosen;
  }

 private:
  std::int32_t padded() const { return (candidates_ + 15) / 16 * 16; }

  std::vector<std::int32_t> pick_evenly(std::uint32_t count) const {
    std::vector<std::int32_t> picks;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto n = static_cast<std::uint32_t>(points_.rows());
      picks.push_back(static_cast<std::int32_t>(uniform_below(n, key_, Stream::initialise, i)));
    }
    return picks;
  }
  std::vector<std::int32_t> pick_by_distance(double total) const {
    std::vector<std::int32_t> picks;
    for (std::int32_t i = 0; i < candidates_; ++i) {
      const double where = total * uniform(key_, Stream::initialise, static_cast<std::uint32_t>(i));
      // The first point whose sum is above: never one at distance zero.
      const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), where);
      picks.push_back(std::min(static_cast<std::int32_t>(found - cumulative_.begin()), points_.rows() - 1));
    }
    return picks;
  }

  /// Makes the best of the picked points a centre.
  void take(const std::vector<std::int32_t>& picks, std::vector<float>& chosen) {
    const auto count = static_cast<std::int32_t>(picks.size());
    std::vector<float> rows;
    for (const std::int32_t p : picks) rows.insert(rows.end(), points_.row(p).begin(), points_.row(p).end());
    const CentreBlocks candidates(Points(rows.data(), count, points_.width()));
    const std::size_t stride = at(candidates.padded());
    std::vector<double> left(at(shards(points_.rows())) * at(count));
    over_shards(points_.rows(), [&](std::int32_t shard, std::int32_t first, std::int32_t last) {
      double* sums = left.data() + at(shard) * at(count);
      for (std::int32_t p = first; p < last; ++p) {
        float* to = to_candidates_.data() + at(p) * stride;
        candidates.measure(points_.row(p).data(), to);
        for (std::int32_t c = 0; c < count; ++c) sums[c] += std::min(distance_[at(p)], to[c]);
      }
    });
    for (std::size_t i = at(count); i < left.size(); ++i) left[i % at(count)] += left[i];
    const auto best = std::min_element(left.begin(), left.begin() + count) - left.begin();
    for (std::size_t p = 0; p < distance_.size(); ++p) {
      distance_[p] = std::min(distance_[p], to_candidates_[p * stride + static_cast<std::size_t>(best)]);
    }
    const auto row = points_.row(picks[static_cast<std::size_t>(best)]);
    chosen.insert(chosen.end(), row.begin(), row.end());
  }

  Points points_;
  std::int32_t centres_;
  StepKey key_;
  std::int32_t candidates_;
  std::vector<float> distance_;       // [n] squared, to the nearest centre so far
  std::vector<float> to_candidates_;  // [n, candidates, padded]
  std::vector<double> cumulative_;    // [n]
};

/// Which point belongs to which centre, and how far from it.
struct Partition {
  std::vector<std::int32_t> label;
  std::vector<float> distance;  // squared
};

Partition assign(Points points, Points centres, std::int32_t capacity) {
  const std::int32_t n = points.rows();
  const CentreBlocks blocks(centres);
  Partition partition{std::vector<std::int32_t>(at(n)), std::vector<float>(at(n))};
  if (capacity == 0) {
    over_shards(n, [&](std::int32_t, std::int32_t first, std::int32_t last) {
      std::vector<float> scratch(at(blocks.padded()));
      for (std::int32_t p = first; p < last; ++p) {
        const auto nearest = blocks.nearest(points.row(p).data(), scratch.data());
        partition.label[at(p)] = nearest.centre;
        partition.distance[at(p)] = nearest.distance;
      }
    });
    return partition;
  }
  std::vector<float> cost(at(n) * at(blocks.padded()));
  const View<float> costs(cost.data(), n, centres.rows(), blocks.padded());
  over_shards(n, [&](std::int32_t, std::int32_t first, std::int32_t last) {
    for (std::int32_t p = first; p < last; ++p) blocks.measure(points.row(p).data(), costs.row(p).data());
  });
  partition.label = assign_balanced(costs, capacity).label;
  for (std::int32_t p = 0; p < n; ++p) partition.distance[at(p)] = costs(p, partition.label[at(p)]);
  return partition;
}

/// Members of every cluster in index order: those of c stand at offset[c]..offset[c + 1].
struct Members {
  std::vector<std::int32_t> offset;
  std::vector<std::int32_t> point;
};

Members members_of(const std::vector<std::int32_t>& label, std::int32_t clusters) {
  Members members{std::vector<std::int32_t>(at(clusters) + 1), std::vector<std::int32_t>(label.size())};
  for (const std::int32_t c : label) ++members.offset[at(c) + 1];
  std::partial_sum(members.offset.begin(), members.offset.end(), members.offset.begin());
  std::vector<std::int32_t> next(members.offset.begin(), members.offset.end() - 1);
  for (std::size_t p = 0; p < label.size(); ++p) {
    members.point[at(next[at(label[p])]++)] = static_cast<std::int32_t>(p);
  }
  return members;
}

/// Gives every empty cluster the point that is farthest from its centre and not alone there. No balanced
/// cluster grows.
void fill_empty(Partition& partition, std::int32_t clusters) {
  std::vector<std::int32_t> size(at(clusters));
  for (const std::int32_t c : partition.label) ++size[at(c)];
  for (std::int32_t empty = 0; empty < clusters; ++empty) {
    if (size[at(empty)] > 0) continue;
    std::size_t farthest = 0;
    float distance = 0.0F;
    for (std::size_t p = 0; p < partition.label.size(); ++p) {
      if (partition.distance[p] <= distance || size[at(partition.label[p])] < 2) continue;
      farthest = p;
      distance = partition.distance[p];
    }
    if (distance == 0.0F) return;  // every point sits on its centre
    --size[at(partition.label[farthest])];
    ++size[at(empty)];
    partition.label[farthest] = empty;
    partition.distance[farthest] = 0.0F;
  }
}

/// Centres become the means of their members; those without members stay.
void move_to_means(Points points, const std::vector<std::int32_t>& label, View<float> centres) {
  const Members members = members_of(label, centres.rows());
  parallel_for(centres.rows(), [&](std::int64_t index) {
    const auto c = static_cast<std::int32_t>(index);
    const std::int32_t first = members.offset[at(c)], last = members.offset[at(c) + 1];
    if (first == last) return;
    std::vector<double> sum(at(points.width()));
    for (std::int32_t m = first; m < last; ++m) {
      const auto row = points.row(members.point[at(m)]);
      for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += row[j];
    }
    const auto centre = centres.row(c);
    for (std::size_t j = 0; j < sum.size(); ++j) centre[j] = static_cast<float>(sum[j] / (last - first));
  });
}

double distortion_of(Points points, const KMeansResult& result) {
  double sum = 0.0;
  for (std::int32_t p = 0; p < points.rows(); ++p) {
    const float* centre = result.centres.data() + at(result.label[at(p)]) * at(points.width());
    for (std::int32_t j = 0; j < points.width(); ++j) {
      const double difference = static_cast<double>(points(p, j)) - centre[j];
      sum += difference * difference;
    }
  }
  return sum;
}

/// Leaves out centres without a point; the others keep their order.
void drop_unused(KMeansResult& result, std::int32_t width) {
  std::vector<std::int32_t> number(result.centres.size() / at(width), -1);
  for (const std::int32_t c : result.label) number[at(c)] = 0;
  std::vector<float> kept;
  for (std::size_t c = 0; c < number.size(); ++c) {
    if (number[c] < 0) continue;
    number[c] = result.used++;
    const auto row = std::span(result.centres).subspan(c * at(width), at(width));
    kept.insert(kept.end(), row.begin(), row.end());
  }
  for (std::int32_t& c : result.label) c = number[at(c)];
  result.centres = std::move(kept);
}

KMeansResult run_start(Points points, const KMeansOptions& options, std::int32_t restart) {
  const std::int32_t wanted = std::min(options.clusters, points.rows());
  const EpisodeId start = (EpisodeId{options.salt} << 32) | static_cast<std::uint32_t>(restart);
  Seeding seeding(points, wanted, {options.seed, start, 0});
  KMeansResult result = k_means_from(points, seeding.draw(options.balanced), options);
  result.restart = restart;
  return result;
}

}  // namespace

KMeansResult k_means_from(View<const float> points, std::vector<float> first_centres,
                          const KMeansOptions& options) {
  KMeansResult result;
  result.centres = std::move(first_centres);
  const auto clusters = static_cast<std::int32_t>(result.centres.size() / at(points.width()));
  const std::int32_t capacity = options.balanced ? (points.rows() + clusters - 1) / clusters : 0;
  const View<float> centres(result.centres.data(), clusters, points.width());
  Partition partition = assign(points, centres, capacity);
  while (!result.converged && result.iterations < options.iterations) {
    if (interrupted()) throw Interrupted("interrupted while fitting codebooks; nothing was written");
    ++result.iterations;
    fill_empty(partition, clusters);
    move_to_means(points, partition.label, centres);
    Partition next = assign(points, centres, capacity);
    result.converged = next.label == partition.label;
    partition = std::move(next);
  }
  result.label = std::move(partition.label);
  drop_unused(result, points.width());
  result.distortion = distortion_of(points, result);
  return result;
}

KMeansResult k_means(View<const float> points, const KMeansOptions& options) {
  check_options(options);
  std::vector<KMeansResult> results(at(options.restarts));
  parallel_for(options.restarts, [&](std::int64_t restart) {
    results[at(restart)] = run_start(points, options, static_cast<std::int32_t>(restart));
  });
  const auto best = std::min_element(results.begin(), results.end(), [](const auto& a, const auto& b) {
    return a.distortion < b.distortion;
  });
  return std::move(*best);
}

}  // namespace veer::nn
