#include "agents/slate/hsrl/hsrl_policy.h"

#include <vector>

#include "env/error.h"

namespace veer::slate {
namespace {

class HsrlWorkspace : public Workspace {
 public:
  explicit HsrlWorkspace(const HsrlModel& model) : search(model.catalogue()) {}
  SlateSearch search;
  HsrlModel::Reading reading;
};

class HsrlPolicy final : public Policy {
 public:
  HsrlPolicy(const HsrlModel& model, std::int32_t slots, const std::string& name) : model_(model) {
    spec_ = {.name = name, .action = ActionKind::slate, .width = slots};
  }

  const PolicySpec& spec() const noexcept override { return spec_; }

  std::unique_ptr<Workspace> make_workspace(const WorkspaceShape&) const override {
    return std::make_unique<HsrlWorkspace>(model_);
  }

  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
           Mode mode) const override {
    auto& workspace = static_cast<HsrlWorkspace&>(state.workspace);
    const HsrlOptions& o = model_.options();
    std::vector<StepKey> keys;
    if (mode == Mode::sample && o.acting_dropout) {
      for (std::int32_t r = 0; r < seen.rows(); ++r) keys.push_back(seen.key(r));
    }
    model_.read(seen.history, seen.history_size, keys, workspace.reading);
    std::vector<double> log_prob(at(spec_.width));
    for (const std::int32_t row : rows) {
      const SlateChoice out{actions.items.row(row), log_prob};
      const bool draws = mode == Mode::sample && uniform(seen.key(row), Stream::explore) >= o.best_rate;
      const double explore = mode == Mode::sample ? double{o.explore} : 0.0;
      choose(row, workspace, seen.key(row), draws, explore, out);
      actions.log_prob(row) = static_cast<float>(slate_log_prob(log_prob));
    }
  }

 private:
  void choose(std::int32_t row, HsrlWorkspace& w, const StepKey& key, bool draws, double explore,
              const SlateChoice& out) const {
    if (model_.options().residual == Residual::soft) {
      const View<const float> log_p = w.reading.row(row);
      draws ? w.search.draw(log_p, explore, key, out) : w.search.best(log_p, explore, out);
      return;
    }
    const auto state =
        std::span(w.reading.states).subspan(at(row) * at(w.reading.width), at(w.reading.width));
    const NextToken next = model_.next_token(state);
    draws ? w.search.draw(next, explore, key, out) : w.search.best(next, explore, out);
  }

  HsrlModel model_;
  PolicySpec spec_;
};

}  // namespace

std::shared_ptr<const Policy> make_hsrl_policy(const HsrlModel& model, std::int32_t slots,
                                               const std::string& name) {
  if (slots < 1 || slots > model.catalogue().shown()) {
    throw ConfigError(
        Where{{}, 0, "slate of policy " + name},
        Problem{std::to_string(slots) + " items",
                "1 to " + std::to_string(model.catalogue().shown()) + ", the items that may be shown", ""});
  }
  return std::make_shared<HsrlPolicy>(model, slots, name);
}

}  // namespace veer::slate
