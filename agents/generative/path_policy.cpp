#include "agents/generative/path_policy.h"

#include <algorithm>
#include <vector>

#include "agents/generative/step_rewards.h"
#include "env/error.h"
#include "env/nn/hyper_parameters.h"

namespace veer {
namespace {

/// Prompts written at a time, always as many, so that a row's bits do not depend on its neighbours.
constexpr std::size_t prompts_at_once = 16;

/// What a row remembers: [planned, next, size, plan..., refusals, refused...]. Items are exact in a float.
class PlanState {
 public:
  PlanState(std::span<float> values, std::int32_t most) : values_(values), most_(at(most)) {}
  static std::int32_t width(std::int32_t most) { return 4 + 2 * most; }

  void clear() const { std::ranges::fill(values_, 0.0F); }
  bool planned() const { return values_[0] != 0.0F; }
  std::int32_t next() const { return static_cast<std::int32_t>(values_[1]); }
  void set_next(std::int32_t next) const { values_[1] = static_cast<float>(next); }
  std::int32_t size() const { return static_cast<std::int32_t>(values_[2]); }
  ItemId item(std::int32_t i) const { return static_cast<ItemId>(values_[3 + at(i)]); }
  void plan(std::span<const ItemId> items) const {
    values_[0] = 1.0F;
    values_[1] = 0.0F;
    values_[2] = static_cast<float>(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) values_[3 + i] = static_cast<float>(items[i]);
  }
  void refuse(ItemId item) const {
    float& count = values_[3 + most_];
    if (at(static_cast<std::int64_t>(count)) < most_) {
      values_[4 + most_ + at(static_cast<std::int64_t>(count))] = static_cast<float>(item);
    }
    count += 1.0F;
  }
  std::vector<ItemId> refused() const {
    std::vector<ItemId> out;
    const auto count = std::min(at(static_cast<std::int64_t>(values_[3 + most_])), most_);
    for (std::size_t i = 0; i < count; ++i) out.push_back(static_cast<ItemId>(values_[4 + most_ + i]));
    return out;
  }

 private:
  std::span<float> values_;
  std::size_t most_;
};

/// What best_of needs to score paths.
struct PlannerWorkspace final : Workspace {
  std::unique_ptr<Workspace> planner;
};

class PathPolicy final : public Policy {
 public:
  PathPolicy(const PathModel& model, const PathPolicyOptions& options, const UserModel* planner)
      : options_(options), writer_(model, options.rules), planner_(planner) {
    if (options.width < 1) nn::reject_field("width", std::to_string(options.width), "1 or more");
    if (options.search == PathSearch::best_of && planner == nullptr) {
      throw ConfigError(Where{{}, 0, "best_of"},
                        Problem{"no planning model", "one", "name it with --planner"});
    }
    spec_.name = options.name;
    spec_.action = ActionKind::path;
    spec_.width = options.rules.most_items;
    spec_.state_width = PlanState::width(options.rules.most_items);
    spec_.closed_loop = options.closed_loop;
  }

  const PolicySpec& spec() const noexcept override { return spec_; }
  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape& shape) const override {
    auto made = std::make_unique<PlannerWorkspace>();
    if (options_.search == PathSearch::best_of) {
      WorkspaceShape own = shape;
      own.rows = static_cast<std::int32_t>(prompts_at_once);
      own.history_capacity += options_.rules.most_items;
      made->planner = planner_->make_workspace(own);
    }
    return made;
  }
  std::size_t working_bytes(const WorkspaceShape&) const noexcept override {
    return writer_.cache_bytes(static_cast<std::int32_t>(prompts_at_once), copies());
  }

  void begin(Rows rows, const Observation&, PolicyState& state) const override {
    for (const std::int32_t row : rows) of(row, state).clear();
  }

  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
           Mode mode) const override {
    std::vector<std::int32_t> planning;
    for (const std::int32_t row : rows) {
      const PlanState own = of(row, state);
      if (own.planned()) {
        const bool refused = (seen.last_feedback(row) & feedback::accepted) == 0;
        if (options_.closed_loop && refused && seen.last_items(row) != no_item) {
          own.refuse(seen.last_items(row));
          if (left(row, seen) > 0) {
            planning.push_back(row);
            continue;
          }
        }
        // An open-loop plan was handed out whole: asked again, it is complete.
        hand_out(row, own, options_.closed_loop ? own.next() : own.size(), actions);
        actions.log_prob(row) = 0.0F;
      } else {
        planning.push_back(row);
      }
    }
    for (std::size_t first = 0; first < planning.size(); first += prompts_at_once) {
      const std::size_t count = std::min(prompts_at_once, planning.size() - first);
      plan(std::span(planning).subspan(first, count), seen, state, actions, mode);
    }
  }

 private:
  PlanState of(std::int32_t row, PolicyState& state) const {
    return {state.values.row(row), options_.rules.most_items};
  }
  std::int32_t left(std::int32_t row, const Observation& seen) const {
    return options_.rules.most_items - static_cast<std::int32_t>(seen.step(row));
  }
  /// Paths written per prompt.
  std::int32_t copies() const {
    const bool many = options_.search == PathSearch::beam || options_.search == PathSearch::best_of;
    return many ? options_.width : 1;
  }

  /// Hands out what is left of the plan; nothing left: the path is complete.
  static void hand_out(std::int32_t row, const PlanState& own, std::int32_t from, Actions& actions) {
    std::int32_t count = 0;
    for (std::int32_t i = from; i < own.size(); ++i) actions.items(row, count++) = own.item(i);
    actions.plan_size(row) = count;
    own.set_next(from + 1);
  }

  WrittenPaths write(std::span<const PathPrompt> prompts, Mode mode) const {
    switch (options_.search) {
      case PathSearch::beam:
        return writer_.beam(prompts, options_.width);
      case PathSearch::best_of:
        return writer_.write(prompts, {.per_prompt = options_.width, .mode = Mode::sample});
      case PathSearch::greedy:
        mode = Mode::greedy;
        break;
      case PathSearch::sample:
        mode = Mode::sample;
        break;
      case PathSearch::as_played:
        break;
    }
    return writer_.write(prompts, {.per_prompt = 1, .mode = mode});
  }

  /// The row of the path to be shown, for each prompt.
  std::vector<std::int32_t> choose(std::span<const PathPrompt> prompts, const WrittenPaths& paths,
                                   PolicyState& state) const {
    std::vector<std::int32_t> out;
    if (options_.search != PathSearch::best_of) {
      for (std::size_t p = 0; p < prompts.size(); ++p) {
        out.push_back(static_cast<std::int32_t>(p) * paths.per_prompt);
      }
      return out;
    }
    const StepRewards steps = measure_steps(*planner_, prompts, paths,
                                            static_cast<PlannerWorkspace&>(state.workspace).planner.get());
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      std::int32_t best = -1;
      double highest = 0.0;
      for (std::int32_t m = 0; m < paths.per_prompt; ++m) {
        const std::int32_t row = static_cast<std::int32_t>(p) * paths.per_prompt + m;
        double interest = 0.0, acceptance = 0.0;
        for (std::int32_t k = 0; k < paths.length[at(row)]; ++k) {
          interest += double{steps.raw[0][steps.place(row, k)]};
          acceptance += double{steps.raw[2][steps.place(row, k)]};
        }
        const double score =
            interest + options_.acceptance_weight * acceptance / std::max(1, paths.length[at(row)]);
        if (best < 0 || score > highest) {
          best = row;
          highest = score;
        }
      }
      out.push_back(best);
    }
    return out;
  }

  void plan(std::span<const std::int32_t> rows, const Observation& seen, PolicyState& state, Actions& actions,
            Mode mode) const {
    std::vector<PathPrompt> prompts;
    std::vector<std::vector<ItemId>> refused;
    refused.reserve(prompts_at_once);
    for (std::size_t i = 0; i < prompts_at_once; ++i) {
      const std::int32_t row = rows[std::min(i, rows.size() - 1)];  // the last one again: same shapes always
      const auto history = seen.history.row(row).first(at(seen.history_size(row)));
      refused.push_back(of(row, state).refused());
      prompts.push_back(
          {history, seen.target(row), seen.key(row), refused.back(), left(row, seen), seen.user(row)});
    }
    const WrittenPaths paths = write(prompts, mode);
    const std::vector<std::int32_t> chosen = choose(prompts, paths, state);
    const bool one = copies() == 1;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::int32_t row = rows[i];
      std::vector<ItemId> items;
      for (const ItemId item : paths.items_of(chosen[i])) {
        if (item != no_item) items.push_back(item);  // an invalid tuple shows nothing
      }
      const PlanState own = of(row, state);
      own.plan(items);
      hand_out(row, own, 0, actions);
      actions.log_prob(row) = one ? static_cast<float>(paths.log_prob_sum(chosen[i])) : 0.0F;
    }
  }

  PathPolicyOptions options_;
  PathWriter writer_;
  const UserModel* planner_;
  PolicySpec spec_;
};

}  // namespace

std::unique_ptr<Policy> make_path_policy(const PathModel& model, const PathPolicyOptions& options,
                                         const UserModel* planner) {
  return std::make_unique<PathPolicy>(model, options, planner);
}

}  // namespace veer
