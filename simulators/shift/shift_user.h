// People whose taste shifts for reasons one can name: the user model of kind "shift_user".
//
// The history is encoded once, by a frozen next-item network (SASRec or GRU4Rec) whose weights travel inside
// the model. From then on only the dynamics of shift_dynamics.h move the taste: what was accepted, refused
// and shown, and time. Nothing is encoded again, so a step costs a few passes over d floats.
//
// A shown item is accepted with probability sigmoid(slope s + offset) of its score s. Slope and offset come
// from next items against items drawn uniformly from those the person never touched, one to one: a stated
// convention, for no log here records what was shown and refused.
//
// The rates are predictive, not causal: where the logger followed taste or popularity, part of what moves a
// fitted taste is evidence about a taste that stood still.
//
// Thread-safety and ownership as in env/user_model.h. Torch-free header.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "env/nn/sequence_model.h"
#include "env/store/model_file.h"
#include "env/user_model.h"
#include "simulators/history_reader.h"
#include "simulators/mechanisms.h"
#include "simulators/next_item.h"
#include "simulators/shift/shift_effects.h"
#include "simulators/shift/shift_items.h"
#include "simulators/shift/shift_layout.h"
#include "simulators/taste_model.h"

namespace veer::shift {

/// What time means to a model.
enum class TimeUnit : std::uint8_t {
  steps,  ///< every event is one step from the next
  days,   ///< the log's stamps count; one step is `days_per_step` days
};

/// All that makes a shift_user: what a file holds.
struct ShiftModel {
  nn::SequenceModel base;
  ItemFacts facts;
  Parameters parameters;  ///< with the mechanisms that are on
  float acceptance_slope = 1.0F;
  float acceptance_offset = 0.0F;
  std::int32_t recent_items = 20;  ///< R: how many shown items count as lately
  TimeUnit time = TimeUnit::steps;
  float days_per_step = 1.0F;
};

/// Where the parts of one person lie in user_state: z [d], L [d], b [A], recent [R], events [1].
struct StateLayout {
  std::int32_t width = 0;
  std::int32_t attributes = 0;
  std::int32_t recent = 0;

  std::int32_t size() const noexcept { return 2 * width + attributes + recent + 1; }
};

class ShiftUser final : public UserModel,
                        public NextItemChooser,
                        public HistoryReader,
                        public NamesMechanisms,
                        public TasteModel {
 public:
  /// Knobs that scale the rates of a row when the scenario has a modifier of that name; 1 otherwise. Shares
  /// are capped at 1. The words are those of the synthetic people, so that one schedule serves both.
  static constexpr std::array<const char*, 6> modifier_names = {
      "shift_scale", "forgetting_scale", "boredom_scale", "recovery_scale", "reactance_scale", "drift_scale"};

  /// `scenario_modifiers`: EnvSpec::modifiers of the scenario whose shards will be stepped; names that are no
  /// knob of this model are ignored.
  explicit ShiftUser(ShiftModel model, std::span<const std::string> scenario_modifiers = {});
  /// The same people; shares with `like` the network that reads histories and the table of items, as far as
  /// these are the same bit for bit.
  ShiftUser(ShiftModel model, const ShiftUser& like, std::span<const std::string> scenario_modifiers = {});
  ~ShiftUser() override;

  /// The same people read with the knobs of another scenario; shares all arrays.
  std::unique_ptr<ShiftUser> with_modifiers(std::span<const std::string> scenario_modifiers) const;

  const ShiftModel& model() const noexcept;
  const Items& items() const noexcept;
  StateLayout layout() const noexcept;

  /// Starts a person from a read-out of the history. `readout` [d], `state` [layout().size()].
  void start(std::span<const float> readout, std::span<float> state) const noexcept;
  /// Score of one item, up to the constant of a softmax; REQUIRES: 1 <= item <= N.
  float score(std::span<const float> state, ItemId item) const noexcept;
  float acceptance(std::span<const float> state, ItemId item) const noexcept;
  /// The same from the history itself, oldest first; encodes it.
  void start_from(std::span<const ItemId> history, std::span<float> state) const;
  /// Moves a person past one item and `steps` steps of time, without drift.
  void follow(std::span<float> state, ItemId item, bool accepted, float steps) const noexcept;
  /// The same with the drift of this key (Stream::drift).
  void follow(std::span<float> state, ItemId item, bool accepted, float steps,
              const StepKey& key) const noexcept;

  const UserModelSpec& spec() const noexcept override;
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override;
  void begin(Rows rows, Shard&, Workspace&) const override;
  void choose(Rows rows, Shard&, Workspace&) const override;
  /// A slate is one step: its answers act in slot order, then one step of time passes. A step that shows
  /// nothing changes nothing.
  void advance(Rows rows, Shard&, Workspace&) const override;
  /// Of shift_effects.h, those that are on.
  std::span<const std::string> mechanisms() const noexcept override;
  void advance_told(std::int32_t row, Shard&, const Acted&) const override;
  void measure(Rows rows, Shard&, Workspace&) const override;
  void copy_state(Rows from, Rows to, Shard&, Workspace&) const override;
  /// By (z / |z| + g / |g|) . v with g the target's vector, as sequence users do.
  void propose(Rows rows, Shard&, Workspace&, View<ItemId> out) const override;
  /// From the softmax of the scores.
  void draw_next(Rows rows, const Shard&, Workspace&, View<const ItemId> excluded,
                 std::span<const float> uniforms, std::span<ItemId> out) const override;
  // A taste is z [d] after the history was encoded, which L begins with.
  std::int32_t taste_width() const noexcept override;
  void taste_of(UserId user, std::span<const ItemId> history, std::span<float> taste) const override;
  void start_with(std::span<const float> taste, std::span<float> state) const noexcept override;
  void score_next(std::span<const float> state, std::span<float> scores) const noexcept override;
  void take(std::span<float> state, ItemId item, float days, const StepKey& key) const noexcept override;
  /// Steps every path with the rates under the query's modifiers.
  void score_paths(const PathQuery&, const PathScores& out, Workspace&) const override;
  /// A digest of the base network.
  const std::string& reader_id() const noexcept override;
  std::int32_t readout_width() const noexcept override;
  void read(Rows rows, View<const ItemId> history, View<const std::int32_t> size, View<float> readouts,
            Workspace& workspace) const override;
  void begin_read(Rows rows, View<const float> readouts, Shard& shard) const override;
  void score_read(View<const float> readouts, const PathQuery& query, const PathScores& out) const override;
  /// Keys of the histories while they are encoded; a path itself takes none.
  std::size_t scoring_bytes(std::int32_t paths, std::int32_t history,
                            std::int32_t path_length) const noexcept override;

 private:
  struct Core;
  struct Scales {
    float shift = 1.0F, forgetting = 1.0F, boredom = 1.0F, recovery = 1.0F, reactance = 1.0F, drift = 1.0F;
  };
  ShiftUser(std::shared_ptr<const Core> core, std::span<const std::string> scenario_modifiers);
  /// `modifiers`: a row of the scenario's columns; empty: all at 1.
  Scales scales_under(std::span<const float> modifiers) const noexcept;
  /// `acted` may be null; the arithmetic is the same either way.
  void step(std::span<float> state, std::span<const ItemId> items, std::span<const std::uint8_t> answers,
            const Scales& scales, float steps, const StepKey& key,
            const Acted* acted = nullptr) const noexcept;
  void augment(std::span<const float> state, float* out, ItemId* recent) const noexcept;

  std::shared_ptr<const Core> core_;
  std::array<std::int32_t, modifier_names.size()> column_{};  ///< -1: the scenario has no such modifier
};

/// In a model file; `manifest` says where the rates come from, kind and sizes are filled in here.
ModelFile shift_model_file(const ShiftModel& model, ModelManifest manifest);
/// Rebuilds the model on the CPU and recomputes the probe (tolerance 1e-3 relative). Throws FormatError when
/// something is missing, out of range or of another kind, VerificationError when the probe does not come out.
ShiftModel shift_model_from(const ModelFile& file);

/// Rates in words: name and value, "off" for what is off; time rates per step and, with days, per day.
std::vector<std::pair<std::string, double>> rate_values(const ShiftModel& model);

}  // namespace veer::shift
