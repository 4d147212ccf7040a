// Episodes of several policies as methods: policies that differ in their training seed belong to one. What
// `veer compare` reads from runs and `veer evaluate` collects while playing sessions.
// Thread-safety: built on the main thread, immutable afterwards.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "rewards/crossed.h"
#include "tools/veer/figures/methods/episode_figures.h"
#include "tools/veer/figures/methods/method_table.h"

namespace veer::tools {

class MethodScores {
 public:
  /// `lengths`: episodes are also measured cut to so many steps. `data` and `item_vectors` as for
  /// FigureSet, which throws.
  MethodScores(const std::string& scenario, std::vector<std::string> judges, const std::vector<int>& lengths,
               const Dataset& data, View<const float> item_vectors = {});

  /// Measures a policy's episodes under every judge, whole and cut. Throws DataError, naming `source`, when
  /// they are not those of the policies before, ConfigError when the policy stands here already.
  void add(const std::string& policy, const Trajectories& paths, const std::string& source);
  /// Policies that stand in no method become methods of their own, after the others. Throws ConfigError for a
  /// policy that was not added. Call once, after all of them.
  void group(std::vector<Method> methods);

  const FigureSet& figures() const noexcept { return figures_; }
  std::span<const Method> methods() const noexcept { return methods_; }
  /// One name where figures do not depend on judges.
  std::span<const std::string> judges() const noexcept { return judges_; }
  /// 0, for whole episodes, then the lengths asked for.
  std::span<const std::int32_t> lengths() const noexcept { return lengths_; }
  std::span<const UserId> people() const noexcept { return people_; }  ///< per episode
  /// Whether both measured the same episodes of the same people, by number, person and target.
  bool same_episodes(const MethodScores& other) const noexcept {
    return episodes_ == other.episodes_ && people_ == other.people_ && targets_ == other.targets_;
  }

  /// One span per training seed. `length`: place in lengths().
  SeedValues values(std::size_t method, std::size_t judge, std::size_t length, std::size_t figure) const;
  /// Mean over training seeds of FigureSet::whole().
  double whole(std::size_t method, std::size_t judge, std::size_t length, std::size_t figure) const;

 private:
  struct Played {
    std::string policy;
    std::vector<EpisodeFigures> figures;  ///< [lengths, judges]
  };
  const EpisodeFigures& of(const std::string& policy, std::size_t judge, std::size_t length) const;

  FigureSet figures_;
  std::vector<Method> methods_;
  std::vector<std::string> judges_;
  std::vector<std::int32_t> lengths_{0};
  std::vector<EpisodeId> episodes_;
  std::vector<UserId> people_;
  std::vector<ItemId> targets_;
  std::vector<Played> played_;
};

/// Called once per policy, in order.
using OnEpisodes = std::function<void(const std::string& policy, const Trajectories& paths)>;

/// Every policy of every run; `on_episodes`, where given, sees each as it is read. Throws ConfigError for a
/// policy that no run or more than one holds, DataError when runs do not hold the same scenario, episodes and
/// judges or belong to another data set, and what reading throws.
MethodScores read_methods(const std::vector<std::string>& runs, std::vector<Method> methods,
                          const std::vector<int>& lengths, const Dataset& data,
                          const OnEpisodes& on_episodes = {});

}  // namespace veer::tools
