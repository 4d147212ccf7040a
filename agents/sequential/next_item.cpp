#include "agents/sequential/next_item.h"

#include <algorithm>
#include <vector>

#include "agents/sequential/network_person.h"

namespace veer {
namespace {

/// State of a row: the reader's, how many refusals there were, and a ring of the refused items. Numbers below
/// 2^24 are exact in a float.
class NextItem final : public Policy {
 public:
  NextItem(const nn::SequenceModel& model, const NextItemOptions& options, nn::Kernels kernels)
      : reader_(model, kernels),
        scorer_(model, kernels),
        options_(options),
        refusals_at_(reader_.state_width()) {
    spec_.name = options.name;
    spec_.action = ActionKind::item;
    spec_.state_width = refusals_at_ + 1 + options.refusals_remembered;
  }

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape& shape) const override {
    return reader_.make_workspace(shape);
  }
  std::size_t cache_bytes(const WorkspaceShape& shape) const noexcept override {
    return reader_.cache_bytes(shape);
  }

  void begin(Rows rows, const Observation& seen, PolicyState& state) const override {
    for (const std::int32_t row : rows) {
      std::ranges::fill(state.values.row(row).subspan(at(refusals_at_)), 0.0F);
    }
    reader_.begin(rows, seen, state.values, state.workspace);
  }

  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
           Mode mode) const override {
    for (const std::int32_t row : rows) remember_refusals(row, seen, state.values.row(row));
    reader_.follow(rows, seen, state.values, state.workspace);
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
        barred.push_back(static_cast<ItemId>(state.values(row, refusals_at_ + 1 + i)));
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
  /// Notes what was refused in the step since the last call.
  void remember_refusals(std::int32_t row, const Observation& seen, std::span<float> values) const {
    if (options_.refusals_remembered == 0 || seen.active(row) == 0) return;
    if (seen.step(row) != reader_.step_of(values) + 1) return;
    float& refusals = values[at(refusals_at_)];
    for (std::int32_t slot = 0; slot < seen.last_items.width(); ++slot) {
      const ItemId item = seen.last_items(row, slot);
      if (item == no_item || (seen.last_feedback(row, slot) & feedback::accepted) != 0) continue;
      const auto place = static_cast<std::int32_t>(refusals) % options_.refusals_remembered;
      values[at(refusals_at_ + 1 + place)] = static_cast<float>(item);
      refusals += 1.0F;
    }
  }

  NetworkPerson reader_;
  nn::CatalogueScorer scorer_;
  NextItemOptions options_;
  std::int32_t refusals_at_;
  PolicySpec spec_;
};

}  // namespace

std::unique_ptr<Policy> make_next_item(const nn::SequenceModel& model, const NextItemOptions& options,
                                       nn::Kernels kernels) {
  return std::make_unique<NextItem>(model, options, kernels);
}

}  // namespace veer
