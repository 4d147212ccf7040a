// People under stress: a user model whose answers are changed while a perturbation lasts. What they would
// have answered and what they answer come from the same uniforms, so that episodes with and without stress
// differ by the stress alone.
//
// People who answer out of a state that policies do not see (taste_shock, short_history, other_people) carry
// two states: that of the visible history, and a hidden one, moved by the same answers, which began with
// another history or is another model's. Interest, ranks and paths are those of the visible one.
//
// Thread-safety and ownership as in env/user_model.h.
#pragma once

#include <memory>
#include <vector>

#include "env/data/attribute_table.h"
#include "env/data/dataset.h"
#include "env/scenario.h"
#include "env/user_model.h"
#include "scenarios/stress/lots.h"
#include "scenarios/stress/suite.h"

namespace veer::stress {

class PerturbedUsers final : public UserModel {
 public:
  /// `base`: whose people these are and whose episodes begin hidden histories; `others`: who answers in
  /// other_people, over the same items, else null; both must outlive this.
  PerturbedUsers(const Scenario& base, std::vector<Perturbation> perturbations, const Catalogue& catalogue,
                 const UserModel* others);

  const UserModelSpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  std::size_t cache_bytes(const WorkspaceShape&) const noexcept override;
  void begin(Rows, Shard&, Workspace&) const override;
  void choose(Rows, Shard&, Workspace&) const override;
  void advance(Rows, Shard&, Workspace&) const override;
  void measure(Rows, Shard&, Workspace&) const override;
  void copy_state(Rows from, Rows to, Shard&, Workspace&) const override;
  void propose(Rows, Shard&, Workspace&, View<ItemId> out) const override;
  void score_paths(const PathQuery&, const PathScores& out, Workspace&) const override;
  std::size_t scoring_bytes(std::int32_t paths, std::int32_t history,
                            std::int32_t path_length) const noexcept override;

 private:
  struct Scratch;
  Scratch& claim(Workspace&, const Shard&) const;
  Shard visible(const Shard&) const;
  Shard hidden(const Shard&, Scratch&) const;
  /// Of `rows` those that have a hidden state.
  std::vector<std::int32_t> hiding(Rows, const Shard&) const;
  void write_hidden_histories(Rows, const Shard&, Shard& hidden) const;
  float changed(float p, float hidden_p, const Shard&, std::int32_t row, std::int32_t slot) const;

  const Scenario& base_;
  std::vector<Perturbation> perturbations_;
  std::ptrdiff_t hides_ = -1;  ///< place of the perturbation with a hidden state; -1: none
  AttributeTable attributes_;
  std::vector<float> fame_;                  ///< [N+1] standard score of ln(1 + popularity)
  const UserModel* hidden_users_ = nullptr;  ///< who has the hidden state; null: nobody
  std::int32_t inner_width_ = 0, hidden_width_ = 0;
  std::int32_t history_length_ = 0;
  UserModelSpec spec_;
};

}  // namespace veer::stress
