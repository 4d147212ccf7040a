// The contract of simulated people: given a history and a shown item, do they accept it, and what then?
//
// Thread-safety: a UserModel is immutable and shared by all workers; everything that changes is in the rows
// of the shard and in the worker's Workspace. Ownership: callers own shards, workspaces and output spans.
// Determinism: results of a row depend on that row alone and on the shard size, never on other rows or
// threads.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "env/batch.h"
#include "env/spec.h"
#include "env/workspace.h"

namespace veer {

/// Histories and the paths shown after them. Item ids are catalogue indices. A path may have gaps: where
/// no_item stands before its end nothing was shown, so acceptance is 0, whatever `accepted` says, the state
/// stays as it was, and interest and rank are those after the step before.
struct PathQuery {
  std::uint64_t seed = 0;                      ///< with `episode`, keys the noise of stochastic judges
  View<const ItemId> history;                  ///< [prompts, H], oldest first, right-padded
  std::span<const std::int32_t> history_size;  ///< [prompts]
  std::span<const UserId> user;                ///< [prompts]; models without personal parameters ignore it
  std::span<const ItemId> target;              ///< [prompts]; no_item: interest 0 and rank 0 are returned
  std::span<const EpisodeId> episode;          ///< [prompts]; may be empty: prompt numbers are used
  std::span<const std::int32_t> prompt;        ///< [paths], ascending: the prompt each path follows
  View<const ItemId> items;                    ///< [paths, L], right-padded
  View<const std::uint8_t> accepted;           ///< [paths, L]; 0: the item was refused. Empty: all accepted
  std::span<const std::int32_t> length;        ///< [paths], 0..L
  /// [paths, (L + 1) * M], path by path M values per step: the world's run-time knobs in the order of
  /// EnvSpec::modifiers. Block k holds while item k is shown and answered, block k + 1 while the answer has
  /// its consequences and after. Empty: none, all knobs at 1. Models read the knobs they read in a shard.
  View<const float> modifiers{};

  /// M
  std::int32_t knobs() const noexcept {
    return modifiers.empty() ? 0 : modifiers.width() / (items.width() + 1);
  }
};

/// Where the scores go. Values past a path's length are left untouched. What is empty is not wanted: nothing
/// is written there, and what only it needs is not computed.
struct PathScores {
  View<float> acceptance;           ///< [paths, L] probability of accepting item k after the items before it
  View<float> interest;             ///< [paths, L] natural log p(target) after step k
  View<std::int32_t> rank;          ///< [paths, L] rank of the target after step k, 1 = best
  std::span<float> start_interest;  ///< [prompts] before the first step
  std::span<std::int32_t> start_rank;  ///< [prompts]
  /// How far the members of an ensemble are apart: the standard deviation over them (dividing by their
  /// number) of what `acceptance` and `interest` are means of. Models that are none write nothing here; see
  /// UserModelSpec::members.
  View<float> acceptance_deviation{};  ///< [paths, L] of the probability
  View<float> interest_deviation{};    ///< [paths, L] of ln p(target), nats
};

class UserModel {
 public:
  virtual ~UserModel() = default;

  virtual const UserModelSpec& spec() const noexcept = 0;

  /// Scratch for one shard. Never null.
  virtual std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const {
    return std::make_unique<Workspace>();
  }
  /// Bytes one such workspace keeps between steps; 0: nothing worth keeping. The engine keeps as many as
  /// `cache_mb` allows, and lends scratch ones to the other shards.
  virtual std::size_t cache_bytes(const WorkspaceShape&) const noexcept { return 0; }

  /// Encodes history and user of `rows` into user_state. Other rows keep theirs.
  virtual void begin(Rows rows, Shard&, Workspace&) const = 0;

  /// Answers what `rows` are shown: writes probability and draws feedback (Stream::choice), per slot. State
  /// and history are untouched.
  virtual void choose(Rows rows, Shard&, Workspace&) const = 0;

  /// Moves the state by the feedback that stands in the columns, whoever decided it. The history column
  /// already holds the items accepted in this step.
  virtual void advance(Rows rows, Shard&, Workspace&) const = 0;

  /// Writes interest and rank of the target for the state as it is. Judges and planners need it; a model
  /// without an item distribution throws ConfigError when a scenario asks for it.
  virtual void measure(Rows rows, Shard&, Workspace&) const = 0;

  /// Copies what the model keeps about row from[i] (user_state and workspace) to row to[i]. A row may be
  /// copied to several others: `from` need not be distinct. REQUIRES: no row is both read and written.
  virtual void copy_state(Rows from, Rows to, Shard&, Workspace&) const = 0;

  /// Up to `out.width()` distinct items per row that a planner should try next towards the row's target, most
  /// promising first, right-padded with no_item; all items when the width is the catalogue size. A proxy, not
  /// a score: planners score what they expand exactly. `out` has one row per entry of `rows`.
  virtual void propose(Rows rows, Shard&, Workspace&, View<ItemId> out) const = 0;

  /// Scores whole paths with the given answers (teacher-forced), all prefixes at once, on the calling thread.
  /// Callers with much to score use score_paths_parallel (env/path_scoring.h).
  virtual void score_paths(const PathQuery&, const PathScores& out, Workspace&) const = 0;

  /// Bytes of key/value caches that one such call takes for `paths` paths, each after a history of its own.
  virtual std::size_t scoring_bytes(std::int32_t /*paths*/, std::int32_t /*history*/,
                                    std::int32_t /*path_length*/) const noexcept {
    return 0;
  }
};

}  // namespace veer
