// Paths to score: histories, targets and items drawn uniformly. Not thread-safe. Torch-free.
#pragma once

#include <cstdint>
#include <vector>

#include "env/user_model.h"

namespace veer::bench {

struct RandomPathsShape {
  std::int32_t items = 3706;  ///< catalogue
  std::int32_t users = 64;
  std::int32_t each = 1;  ///< paths per user
  std::int32_t history = 10;
  std::int32_t length = 10;  ///< items per path
};

/// The query's spans and the scores' views point into this object: keep it in place.
class RandomPaths {
 public:
  RandomPaths(const RandomPathsShape& shape, std::uint64_t seed);
  RandomPaths(const RandomPaths&) = delete;
  RandomPaths& operator=(const RandomPaths&) = delete;

  const RandomPathsShape& shape() const noexcept { return shape_; }
  std::int32_t paths() const noexcept { return shape_.users * shape_.each; }
  PathQuery query() const;
  PathScores scores();

  // Where scores() puts its results.
  std::vector<float> acceptance, interest, start_interest;
  std::vector<std::int32_t> rank, start_rank;
  std::vector<std::int32_t> prompt;  ///< [paths]

 private:
  RandomPathsShape shape_;
  std::vector<ItemId> history_, target_, items_;
  std::vector<std::int32_t> size_, length_;
  std::vector<UserId> user_;
};

}  // namespace veer::bench
