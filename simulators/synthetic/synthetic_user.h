// Simulated people with a known truth: latent tastes over topics that shift, tire and drift.
//
// A person is a taste vector u and a boredom vector b over T topics. An item v with quality q has the utility
//   U(v) = scale * u.v + q + bias - b.v
// and is accepted with probability sigmoid(U). After every shown item b decays, then grows along v; if v was
// accepted, u moves towards it; then u drifts at random. Interest is softmax(U / temperature) over the
// catalogue.
//
// Thread-safety: immutable, shared by all workers. The world is shared, never copied.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "env/store/model_file.h"
#include "env/user_model.h"
#include "simulators/mechanisms.h"
#include "simulators/next_item.h"
#include "simulators/synthetic/synthetic_user_kernels.h"
#include "simulators/synthetic/synthetic_user_world.h"
#include "simulators/taste_model.h"

namespace veer {

class SyntheticUser final : public UserModel,
                            public NextItemChooser,
                            public NamesMechanisms,
                            public TasteModel {
 public:
  /// Knobs that scale the rates of a row when the scenario has a modifier of that name; 1 otherwise.
  static constexpr std::array<const char*, 4> modifier_names = {"shift_scale", "boredom_scale",
                                                                "recovery_scale", "drift_scale"};

  /// `scenario_modifiers`: EnvSpec::modifiers of the scenario whose shards will be stepped. Names that are no
  /// knob of this model are ignored. REQUIRES: world is not null.
  explicit SyntheticUser(std::shared_ptr<const SyntheticWorld> world,
                         std::span<const std::string> scenario_modifiers = {});

  /// The same people read with the knobs of another scenario.
  SyntheticUser with_modifiers(std::span<const std::string> scenario_modifiers) const {
    return SyntheticUser(world_, scenario_modifiers);
  }

  const SyntheticWorld& world() const noexcept { return *world_; }

  // One person as 2 T floats, taste then boredom: what a row of user_state holds.
  std::int32_t state_width() const noexcept { return 2 * world_->topics(); }
  /// Long-term taste, no boredom.
  void start(UserId user, std::span<float> state) const noexcept;
  /// One shown item. `key` names the step whose drift is drawn; REQUIRES: 1 <= item <= N.
  void show(std::span<float> state, ItemId item, bool accepted, const TasteRates& rates,
            const StepKey& key) const noexcept;
  /// sigmoid(utility), 0..1.
  float acceptance(std::span<const float> state, ItemId item) const noexcept;
  /// Utilities of all items; out[i] is item i + 1.
  void utilities(std::span<const float> state, std::span<float> out) const noexcept;
  /// Natural log p(target) and its rank; zeros for no_item.
  ItemStanding standing(std::span<const float> state, ItemId target) const noexcept;

  // UserModel
  const UserModelSpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  /// The long-term taste, moved through the history by the unmodified rates and without drift.
  void begin(Rows rows, Shard&, Workspace&) const override;
  void choose(Rows rows, Shard&, Workspace&) const override;
  /// A slate counts as one step: boredom decays once, every shown item adds to it, accepted items move the
  /// taste in slot order, drift comes last. A step that shows nothing changes nothing.
  void advance(Rows rows, Shard&, Workspace&) const override;
  /// "recovery" and "boredom" (its decay and growth), "acceptance" and "drift"; those with a rate above 0.
  std::span<const std::string> mechanisms() const noexcept override { return mechanisms_; }
  void advance_told(std::int32_t row, Shard&, const Acted&) const override;
  void measure(Rows rows, Shard&, Workspace&) const override;
  void copy_state(Rows from, Rows to, Shard&, Workspace&) const override;
  /// By acceptance now times similarity to the target; by acceptance alone for rows without a target.
  void propose(Rows rows, Shard&, Workspace&, View<ItemId> out) const override;
  /// From softmax(U / temperature).
  void draw_next(Rows rows, const Shard&, Workspace&, View<const ItemId> excluded,
                 std::span<const float> uniforms, std::span<ItemId> out) const override;
  // A taste is u [T] after the history; new ones are brought to length 1.
  std::int32_t taste_width() const noexcept override { return world_->topics(); }
  void taste_of(UserId user, std::span<const ItemId> history, std::span<float> taste) const override;
  void start_with(std::span<const float> taste, std::span<float> state) const noexcept override;
  void score_next(std::span<const float> state, std::span<float> scores) const noexcept override;
  void take(std::span<float> state, ItemId item, float days, const StepKey& key) const noexcept override;
  /// Steps every path with the rates under the query's modifiers, so scores agree with stepping, bit for bit.
  void score_paths(const PathQuery&, const PathScores& out, Workspace&) const override;

 private:
  struct Knobs {
    std::array<std::int32_t, modifier_names.size()> column;  ///< -1: the scenario has no such modifier
  };
  /// `modifiers`: a row of the scenario's columns; empty: all at 1.
  TasteRates rates_under(std::span<const float> modifiers) const noexcept;
  /// One step. `acted` may be null; the arithmetic is the same either way.
  void step(std::span<float> state, std::span<const ItemId> items, std::span<const std::uint8_t> answers,
            const TasteRates& rates, const StepKey& key, const Acted* acted = nullptr) const noexcept;
  void weigh(std::span<const float> state, std::span<float> weights) const noexcept;
  TasteState split(std::span<float> state) const noexcept;
  void replay(UserId user, std::span<const ItemId> history, std::span<float> state) const noexcept;

  std::shared_ptr<const SyntheticWorld> world_;
  std::shared_ptr<const ItemScorer> scorer_;
  UserModelSpec spec_;
  Knobs knobs_;
  /// What a step is made of, in the order in which it happens.
  enum class Effect : std::uint8_t { recovery, boredom, acceptance, drift };
  std::vector<std::string> mechanisms_;
  std::array<std::int32_t, 4> place_{};  ///< of an Effect in mechanisms_; -1: its rate is 0
};

/// The parameters, the items and a probe. `dataset` fields may be empty when no data set belongs to the
/// model.
ModelFile synthetic_model_file(const SyntheticUser& users, const std::string& dataset_fingerprint,
                               const std::string& dataset_name);

/// Rebuilds the model and recomputes the probe. Throws FormatError when something is missing or of another
/// kind, VerificationError when the probe does not come out as stored (tolerance 1e-4).
std::unique_ptr<SyntheticUser> synthetic_user_from(const ModelFile& file);

}  // namespace veer
