#include "agents/sequential/next_item.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "env/nn/inference/sequence_workspace.h"

namespace veer {
namespace {

/// State of a row: the encoder's, the step up to which the history has been read, how many refusals there
/// were, and a ring of the refused items. Numbers below 2^24 are exact in a float.
class NextItem final : public Policy {
 public:
  NextItem(const nn::SequenceModel& model, const NextItemOptions& options, nn::Kernels kernels)
      : encoder_(model, kernels),
        scorer_(model, kernels),
        options_(options),
        step_at_(encoder_.state_width()) {
    spec_.name = options.name;
    spec_.action = ActionKind::item;
    spec_.state_width = step_at_ + 2 + options.refusals_remembered;
  }

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape& shape) const override {
    return std::make_unique<nn::SequenceWorkspace>(encoder_.make_cache(shape.rows, shape.history_capacity));
  }
  std::size_t cache_bytes(const WorkspaceShape& shape) const noexcept override {
    return encoder_.cache_bytes(shape.rows, shape.history_capacity);
  }

  void begin(Rows rows, const Observation& seen, PolicyState& state) const override {
    for (const std::int32_t row : rows) {
      std::ranges::fill(state.values.row(row).subspan(static_cast<std::size_t>(step_at_)), 0.0F);
    }
    read_again(rows, seen, state);
  }

  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
           Mode mode) const override {
    catch_up(rows, seen, state);
    const auto count = static_cast<std::int32_t>(rows.size());
    const std::int32_t width = scorer_.width();
    const std::int32_t kept = options_.repeat_history ? 0 : seen.history.width();
    const std::int32_t barred_width = kept + options_.refusals_remembered;
    std::vector<float> readouts, uniforms, log_prob(rows.size());
    std::vector<ItemId> barred, items(rows.size());
    for (const std::int32_t row : rows) {
      const auto values = state.values.row(row);
      readouts.insert(readouts.end(), values.begin(), values.begin() + width);
      if (mode == Mode::sample) uniforms.push_back(uniform(seen.key(row), Stream::policy));
      if (kept > 0) barred.insert(barred.end(), seen.history.row(row).begin(), seen.history.row(row).end());
      for (std::int32_t i = 0; i < options_.refusals_remembered; ++i) {
        barred.push_back(static_cast<ItemId>(state.values(row, step_at_ + 2 + i)));
      }
    }
    scorer_.pick({readouts.data(), count, width}, {barred.data(), count, barred_width}, uniforms, items,
                 log_prob);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      actions.items(rows[i], 0) = items[i];
      actions.log_prob(rows[i]) = log_prob[i];
    }
  }

 private:
  void read_again(Rows rows, const Observation& seen, PolicyState& state) const {
    for (const std::int32_t row : rows) state.values(row, step_at_) = static_cast<float>(seen.step(row));
    encoder_.begin(rows, seen.history, seen.history_size, state.values, cache_of(seen, state));
  }

  /// Reads what the step since the last call added to the histories. Whoever skips steps is read from the
  /// start.
  void catch_up(Rows rows, const Observation& seen, PolicyState& state) const {
    std::vector<std::int32_t> moved, added, again;
    for (const std::int32_t row : rows) {
      const auto known = static_cast<std::uint32_t>(state.values(row, step_at_));
      if (seen.active(row) == 0 || seen.step(row) == known) continue;
      if (seen.step(row) != known + 1) {
        again.push_back(row);
        continue;
      }
      std::int32_t count = 0;
      for (std::int32_t slot = 0; slot < seen.last_items.width(); ++slot) {
        const ItemId item = seen.last_items(row, slot);
        if (item == no_item) continue;
        if ((seen.last_feedback(row, slot) & feedback::accepted) != 0) {
          ++count;
        } else {
          remember_refusal(state.values.row(row), item);
        }
      }
      moved.push_back(row);
      added.push_back(std::min(count, seen.history_size(row)));
      state.values(row, step_at_) = static_cast<float>(seen.step(row));
    }
    if (!moved.empty()) {
      encoder_.advance(moved, seen.history, seen.history_size, added, state.values, cache_of(seen, state));
    }
    if (!again.empty()) read_again(again, seen, state);
  }

  void remember_refusal(std::span<float> values, ItemId item) const {
    if (options_.refusals_remembered == 0) return;
    float& refusals = values[static_cast<std::size_t>(step_at_) + 1];
    const auto place = static_cast<std::int32_t>(refusals) % options_.refusals_remembered;
    values[static_cast<std::size_t>(step_at_ + 2 + place)] = static_cast<float>(item);
    refusals += 1.0F;
  }

  static nn::SequenceCache& cache_of(const Observation& seen, PolicyState& state) {
    return static_cast<nn::SequenceWorkspace&>(state.workspace).cache(seen.shard_index);
  }

  nn::SequenceEncoder encoder_;
  nn::CatalogueScorer scorer_;
  NextItemOptions options_;
  std::int32_t step_at_;
  PolicySpec spec_;
};

}  // namespace

std::unique_ptr<Policy> make_next_item(const nn::SequenceModel& model, const NextItemOptions& options,
                                       nn::Kernels kernels) {
  return std::make_unique<NextItem>(model, options, kernels);
}

}  // namespace veer
