#include "env/nn/semantic_ids/balanced_assignment.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace veer::nn {
namespace {

/// The cheapest way to move one point from a full cluster to another.
struct Move {
  double extra = std::numeric_limits<double>::infinity();  // cost there minus cost here
  std::int32_t point = -1;
};

class Assigner {
 public:
  Assigner(View<const float> cost, std::int32_t capacity)
      : cost_(cost),
        clusters_(cost.width()),
        capacity_(at(capacity)),
        members_(at(clusters_)),
        moves_(at(clusters_) * at(clusters_)),
        reach_(at(clusters_)) {
    result_.label.assign(at(cost.rows()), -1);
    result_.price.assign(at(clusters_), 0.0);
  }

  BalancedAssignment run() {
    for (std::int32_t point = 0; point < cost_.rows(); ++point) add(point);
    for (std::int32_t p = 0; p < cost_.rows(); ++p) result_.cost += cost_(p, result_.label[at(p)]);
    return std::move(result_);
  }

 private:
  /// How cheaply the new point's displacement gets to a cluster, prices included.
  struct Reach {
    double distance = 0.0;
    std::int32_t from = -1;  // the full cluster that gives a point away; -1: the new point itself comes here
    bool settled = false;
  };

  Move& move(std::int32_t from, std::int32_t to) { return moves_[at(from) * at(clusters_) + at(to)]; }
  bool full(std::int32_t cluster) const { return members_[at(cluster)].size() == capacity_; }
  double extra(std::int32_t point, std::int32_t from, std::int32_t to) const {
    return static_cast<double>(cost_(point, to)) - static_cast<double>(cost_(point, from));
  }

  void add(std::int32_t point) {
    const std::int32_t last = search(point);
    const double distance = reach_[at(last)].distance;
    for (std::int32_t c = 0; c < clusters_; ++c) {
      if (reach_[at(c)].settled) result_.price[at(c)] += distance - reach_[at(c)].distance;
    }
    // Backwards along the path: each cluster hands one point on, the first one takes the new point.
    std::int32_t to = last;
    while (reach_[at(to)].from >= 0) {
      const std::int32_t from = reach_[at(to)].from;
      const std::int32_t moved = move(from, to).point;
      auto& members = members_[at(from)];
      members.erase(std::find(members.begin(), members.end(), moved));
      enter(to, moved);
      for (std::int32_t c = 0; c < clusters_; ++c) {
        if (move(from, c).point == moved) move(from, c) = Move{};  // found anew when the next point enters
      }
      to = from;
    }
    enter(to, point);
  }

  /// Dijkstra's algorithm over full clusters; returns the first cluster with room.
  std::int32_t search(std::int32_t point) {
    for (std::int32_t c = 0; c < clusters_; ++c) {
      reach_[at(c)] = {static_cast<double>(cost_(point, c)) + result_.price[at(c)], -1, false};
    }
    for (;;) {
      std::int32_t next = -1;
      for (std::int32_t c = 0; c < clusters_; ++c) {
        if (reach_[at(c)].settled) continue;
        if (next < 0 || reach_[at(c)].distance < reach_[at(next)].distance) next = c;
      }
      if (!full(next)) return next;
      reach_[at(next)].settled = true;
      const double base = reach_[at(next)].distance - result_.price[at(next)];
      for (std::int32_t c = 0; c < clusters_; ++c) {
        if (reach_[at(c)].settled) continue;
        const double distance = base + move(next, c).extra + result_.price[at(c)];
        if (distance < reach_[at(c)].distance) reach_[at(c)] = {distance, next, false};
      }
    }
  }

  /// The moves out of a cluster are kept once it is full, and those that are not known are then found.
  void enter(std::int32_t cluster, std::int32_t point) {
    members_[at(cluster)].push_back(point);
    result_.label[at(point)] = cluster;
    if (!full(cluster)) return;
    for (std::int32_t to = 0; to < clusters_; ++to) {
      Move& best = move(cluster, to);
      if (best.point >= 0) {
        take_if_better(best, point, cluster, to);
      } else {
        for (const std::int32_t member : members_[at(cluster)]) take_if_better(best, member, cluster, to);
      }
    }
  }
  void take_if_better(Move& best, std::int32_t point, std::int32_t from, std::int32_t to) const {
    const double found = extra(point, from, to);
    if (found < best.extra) best = {found, point};
  }

  View<const float> cost_;
  std::int32_t clusters_;
  std::size_t capacity_;
  std::vector<std::vector<std::int32_t>> members_;
  std::vector<Move> moves_;  // [from, to]
  std::vector<Reach> reach_;
  BalancedAssignment result_;
};

}  // namespace

BalancedAssignment assign_balanced(View<const float> cost, std::int32_t capacity) {
  return Assigner(cost, capacity).run();
}

}  // namespace veer::nn
