// Recorded runs as methods: policies that differ in their training seed belong to one. What `veer compare`
// works on. Thread-safety: built on the main thread, immutable afterwards.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "rewards/crossed.h"
#include "rewards/path_score.h"
#include "tools/veer/method_table.h"

namespace veer::tools {

class MethodScores {
 public:
  /// Reads every policy of every run and scores it under every judge, whole and cut to each of `lengths`.
  /// Policies that stand in no method become methods of their own, after the others. Throws ConfigError for a
  /// policy that no run or more than one holds, DataError when runs do not hold the same episodes and judges
  /// or belong to another data set, and what reading throws.
  MethodScores(const std::vector<std::string>& runs, std::vector<Method> methods,
               const std::vector<int>& lengths, const Dataset& data);

  std::span<const Method> methods() const noexcept { return methods_; }
  std::span<const std::string> judges() const noexcept { return judges_; }
  /// 0, for whole paths, then the lengths asked for.
  std::span<const std::int32_t> lengths() const noexcept { return lengths_; }
  std::span<const UserId> people() const noexcept { return people_; }  ///< per episode

  /// One span per training seed.
  SeedValues values(std::size_t method, std::size_t judge, std::int32_t length, PathMetric metric) const;

 private:
  struct Played {
    std::string policy;
    std::vector<EpisodeScores> scores;  ///< [judges, lengths]
  };
  void add_run(const std::string& directory, const Dataset& data, const AttributeTable& attributes);

  std::vector<Method> methods_;
  std::vector<std::string> judges_;
  std::vector<std::int32_t> lengths_{0};
  std::vector<EpisodeId> episodes_;
  std::vector<UserId> people_;
  std::vector<ItemId> targets_;
  std::vector<Played> played_;
};

}  // namespace veer::tools
