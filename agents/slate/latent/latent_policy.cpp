#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "agents/slate/latent/latent_model.h"
#include "agents/slate/tokens/slate_search.h"
#include "env/error.h"
#include "env/random.h"

namespace veer::slate {
namespace {

class LatentPolicy final : public Policy {
 public:
  LatentPolicy(const LatentModel& model, std::int32_t slots, const std::string& name) : model_(model) {
    spec_ = {.name = name,
             .action = ActionKind::slate,
             .width = slots,
             .state_width = model.options().encoder.width};
  }

  const PolicySpec& spec() const noexcept override { return spec_; }

  void act(Rows rows, const Observation& seen, PolicyState& state, Actions& actions,
           Mode mode) const override {
    const LatentOptions& o = model_.options();
    std::vector<StepKey> keys;
    if (mode == Mode::sample && o.acting_dropout) {
      for (std::int32_t r = 0; r < seen.rows(); ++r) keys.push_back(seen.key(r));
    }
    const std::vector<float> states = model_.read(seen.history, seen.history_size, keys);
    std::vector<float> taken = states;
    const bool noisy =
        mode == Mode::sample && o.kind != LatentKind::a2c && (o.noise > 0.0F || o.explore > 0.0F);
    for (std::int32_t r = 0; r < seen.rows(); ++r) {
      const auto action = std::span(taken).subspan(at(r) * at(spec_.state_width), at(spec_.state_width));
      if (noisy) disturb(seen.key(r), action);
      std::copy(action.begin(), action.end(), state.values.row(r).begin());
    }
    const View<const float> known(states.data(), seen.rows(), spec_.state_width);
    const View<const float> wanted(taken.data(), seen.rows(), spec_.state_width);
    if (mode == Mode::sample && o.kind == LatentKind::a2c) {
      for (const std::int32_t row : rows) draw(wanted.row(row), seen.key(row), actions, row);
      return;
    }
    model_.slates(known, wanted,
                  View<ItemId>(actions.items.data(), seen.rows(), spec_.width, actions.items.stride()));
    for (const std::int32_t row : rows) actions.log_prob(row) = 0.0F;  // given Z there is one slate
  }

 private:
  void disturb(const StepKey& key, std::span<float> action) const {
    const LatentOptions& o = model_.options();
    const bool alone = uniform(key, Stream::explore, 0) < o.explore;
    for (std::size_t i = 0; i < action.size(); ++i) {
      const float noise =
          std::clamp(o.noise * uniform(key, Stream::explore, static_cast<std::uint32_t>(i) + 1), -1.0F, 1.0F);
      action[i] = (alone ? 0.0F : action[i]) + noise;
    }
  }

  /// Without replacement from the softmax over all items: Gumbel top-K.
  void draw(std::span<const float> action, const StepKey& key, Actions& actions, std::int32_t row) const {
    const auto items = static_cast<std::size_t>(model_.vectors().items());
    std::vector<float> scores(items), uniforms(items);
    model_.scores(action, scores);
    fill_uniform(key, Stream::policy, uniforms);
    std::vector<std::pair<double, ItemId>> perturbed(items);
    double most = -INFINITY, total = 0.0;
    for (const float score : scores) most = std::max(most, double{score});
    for (std::size_t i = 0; i < items; ++i) {
      total += std::exp(double{scores[i]} - most);
      perturbed[i] = {-(double{scores[i]} - std::log(-std::log(double{uniforms[i]} + 0x1.0p-25))),
                      static_cast<ItemId>(i) + 1};
    }
    std::partial_sort(perturbed.begin(), perturbed.begin() + spec_.width, perturbed.end());
    std::vector<double> log_prob;
    for (std::int32_t k = 0; k < spec_.width; ++k) {
      actions.items(row, k) = perturbed[at(k)].second;
      log_prob.push_back(double{scores[at(perturbed[at(k)].second) - 1]} - most - std::log(total));
    }
    actions.log_prob(row) = static_cast<float>(slate_log_prob(log_prob));
  }

  LatentModel model_;
  PolicySpec spec_;
};

}  // namespace

std::shared_ptr<const Policy> make_latent_policy(const LatentModel& model, std::int32_t slots,
                                                 const std::string& name) {
  const std::int32_t most =
      model.options().judges_items() ? std::min(model.options().candidates, model.shown()) : model.shown();
  if (slots < 1 || slots > most) {
    throw ConfigError(Where{{}, 0, "slate of policy " + name},
                      Problem{std::to_string(slots) + " items", "1 to " + std::to_string(most),
                              "the catalogue, or the candidates, are fewer"});
  }
  return std::make_shared<LatentPolicy>(model, slots, name);
}

}  // namespace veer::slate
