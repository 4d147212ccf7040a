#include "agents/offline/offline_policy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "agents/offline/returns.h"
#include "env/random.h"

namespace veer::offline {
namespace {

constexpr float barred = -std::numeric_limits<float>::infinity();
/// States that are encoded together: one piece of work, so that no worker waits for another inside a shard.
constexpr std::size_t states_at_once = 64;
constexpr std::int32_t first_refused = 4;  ///< place in a row's state

/// State of a row: the return still wanted, the items taken so far, the step it was brought up to, how many
/// refusals there were, and a ring of the refused items. Numbers below 2^24 are exact in a float.
class OfflinePolicy final : public Policy {
 public:
  OfflinePolicy(const OfflineModel& model, const OfflinePolicyOptions& options)
      : model_(model), options_(options) {
    spec_.name = options.name;
    spec_.action = ActionKind::item;
    spec_.state_width = first_refused + options.refusals_remembered;
  }

  const PolicySpec& spec() const noexcept override { return spec_; }

  void begin(Rows rows, const Observation&, PolicyState& state) const override {
    const AgentOptions& agent = model_.options();
    for (const std::int32_t row : rows) {
      state.values(row, 0) = agent.has_prompt() ? agent.prompt.wanted * model_.mean_returns().front() : 0.0F;
      std::ranges::fill(state.values.row(row).subspan(1), 0.0F);
    }
  }

  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
           Mode mode) const override {
    for (const std::int32_t row : rows) take_answers(row, seen, state.values.row(row));
    for (std::size_t first = 0; first < rows.size(); first += states_at_once) {
      show(rows.subspan(first, std::min(states_at_once, rows.size() - first)), seen, state, actions, mode);
    }
  }

 private:
  /// What the step before brought; nothing at the first step.
  void take_answers(std::int32_t row, const Observation& seen, std::span<float> values) const {
    if (seen.active(row) == 0 || static_cast<float>(seen.step(row)) == values[2]) return;
    values[2] = static_cast<float>(seen.step(row));
    for (std::int32_t slot = 0; slot < seen.last_items.width(); ++slot) {
      const ItemId item = seen.last_items(row, slot);
      if (item == no_item) continue;
      if ((seen.last_feedback(row, slot) & feedback::accepted) == 0) {
        if (options_.refusals_remembered == 0) continue;
        const auto place = static_cast<std::int32_t>(values[3]) % options_.refusals_remembered;
        values[at(first_refused + place)] = static_cast<float>(item);
        values[3] += 1.0F;
        continue;
      }
      const AgentOptions& agent = model_.options();
      const bool bought = (seen.last_feedback(row, slot) & feedback::purchased) != 0;
      values[0] -=
          std::pow(agent.prompt.decay, values[1]) * (bought ? agent.rewards.purchase : agent.rewards.click);
      values[1] += 1.0F;
    }
  }

  void show(std::span<const std::int32_t> rows, const Observation& seen, const PolicyState& state,
            Actions& actions, Mode mode) const {
    const AgentOptions& agent = model_.options();
    nn::StateBatch states(agent.encoder.state_length);
    states.resize(static_cast<std::int32_t>(rows.size()));
    std::vector<float> ratio;
    std::vector<std::int32_t> step;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int32_t row = rows[i];
      states.set(static_cast<std::int32_t>(i), history_of(row, seen));
      if (!agent.has_prompt()) continue;
      step.push_back(prompt_step(static_cast<std::int32_t>(state.values(row, 1))));
      const float mean = model_.mean_returns()[at(step.back())];
      const float noise = agent.prompt.deviation == 0.0F
                              ? 0.0F
                              : agent.prompt.deviation * normal(seen.key(row), Stream::policy, 1);
      const float wanted =
          options_.sequence_wise ? std::max(0.0F, state.values(row, 0)) / mean : agent.prompt.wanted;
      ratio.push_back(wanted + noise);
    }
    std::vector<float> read(rows.size() * at(model_.width())), scores(at(model_.items()));
    model_.read(states, ratio, step,
                View<float>(read.data(), static_cast<std::int32_t>(rows.size()), model_.width()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      model_.scores(std::span(read).subspan(i * at(model_.width()), at(model_.width())), scores);
      if (!options_.repeats) {
        for (const ItemId item : history_of(rows[i], seen)) scores[at(item) - 1] = barred;
      }
      for (const float item : state.values.row(rows[i]).subspan(first_refused)) {
        if (item > 0.0F) scores[static_cast<std::size_t>(item) - 1] = barred;
      }
      pick(rows[i], seen, scores, mode, actions);
    }
  }

  static std::span<const ItemId> history_of(std::int32_t row, const Observation& seen) {
    return seen.history.row(row).first(at(seen.history_size(row)));
  }

  static void pick(std::int32_t row, const Observation& seen, std::span<const float> scores, Mode mode,
                   Actions& actions) {
    const auto best = std::max_element(scores.begin(), scores.end());
    actions.items(row, 0) = no_item;
    actions.log_prob(row) = 0.0F;
    if (*best == barred) return;
    double total = 0.0;
    for (const float score : scores) total += std::exp(double{score} - double{*best});
    auto chosen = static_cast<std::size_t>(best - scores.begin());
    if (mode == Mode::sample) {
      double left = double{uniform(seen.key(row), Stream::policy)} * total;
      for (std::size_t i = 0; i < scores.size(); ++i) {
        const double weight = std::exp(double{scores[i]} - double{*best});
        if (weight > 0.0) chosen = i;  // rounding must not end behind the last one that may be shown
        left -= weight;
        if (left < 0.0) break;
      }
    }
    actions.items(row, 0) = static_cast<ItemId>(chosen) + 1;
    actions.log_prob(row) = static_cast<float>(double{scores[chosen]} - double{*best} - std::log(total));
  }

  OfflineModel model_;
  OfflinePolicyOptions options_;
  PolicySpec spec_;
};

}  // namespace

std::unique_ptr<Policy> make_offline_policy(const OfflineModel& model, const OfflinePolicyOptions& options) {
  return std::make_unique<OfflinePolicy>(model, options);
}

}  // namespace veer::offline
