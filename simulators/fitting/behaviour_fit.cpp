#include "simulators/fitting/behaviour_fit.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "env/error.h"
#include "env/runtime.h"
#include "simulators/behaviours/behaviour_fidelity.h"
#include "simulators/fitting/behaviour_fit_net.h"
#include "simulators/fitting/slate_epochs.h"

namespace veer {
namespace {

using torch::Tensor;

constexpr std::int64_t slates_of_a_shard = 16;  ///< their gradients are one task's

void check_behaviour_fit(const SlateData& data, std::span<const std::int64_t> slates,
                         const BehaviourFitOptions& o) {
  const auto reject = [](const char* field, const std::string& found, const std::string& expected) {
    throw ConfigError({.file = {}, .line = 0, .field = std::string("fit of behaviours: ") + field},
                      {found, expected, {}});
  };
  if (o.epochs < 1) reject("epochs", std::to_string(o.epochs), "1 or more");
  if (o.batch < 1) reject("batch", std::to_string(o.batch), "1 or more");
  if (!(o.learning_rate > 0.0F)) reject("learning_rate", std::to_string(o.learning_rate), "more than 0");
  if (!(o.dropout >= 0.0F && o.dropout < 1.0F)) {
    reject("dropout", std::to_string(o.dropout), "0 or more, below 1");
  }
  if (o.sizes.profile() != data.people.profile_width) {
    reject("profile blocks", std::to_string(o.sizes.profile()) + " values",
           std::to_string(data.people.profile_width) + ", as people have");
  }
  if (o.sizes.people > 0 && o.sizes.people < data.people.size()) {
    reject("people with a vector", std::to_string(o.sizes.people),
           "0, or all " + std::to_string(data.people.size()));
  }
  if (slates.empty()) reject("slates", "none", "at least one");
  for (const std::int64_t s : slates) {
    if (s >= 0 && s < data.log.size()) continue;
    reject("slates", "slate " + std::to_string(s), "0 to " + std::to_string(data.log.size() - 1));
  }
}

/// Weighted cross-entropies, summed over slates, slots and behaviours.
Tensor behaviour_loss(const Tensor& scores, const Tensor& answers, const Tensor& refusal_weight,
                      ResponseLoss loss) {
  const Tensor logits = loss == ResponseLoss::saturated ? torch::sigmoid(scores) : scores;
  const Tensor each = torch::binary_cross_entropy_with_logits(logits, answers, {}, {}, at::Reduction::None);
  return (each * (answers + (1.0 - answers) * refusal_weight)).sum();
}

}  // namespace

BehaviourModel fit_behaviour_model(const SlateData& data, ItemFeatures features,
                                   std::span<const std::int64_t> slates, const BehaviourFitOptions& options,
                                   const std::function<void(std::int32_t epoch, double loss)>& on_epoch) {
  check_behaviour_fit(data, slates, options);
  BehaviourSizes sizes = options.sizes;
  sizes.items = features.items();
  BehaviourModel model = initial_behaviour_model(sizes, std::move(features), options.seed);
  model.odds = behaviour_odds(data, slates, sizes.behaviours);
  Tensor refusal_weight = torch::ones({sizes.count()});
  if (options.balanced) std::ranges::copy(model.odds, refusal_weight.data_ptr<float>());

  const BehaviourNet net(model);
  std::vector<std::vector<float>> gradients;
  std::vector<double> losses;
  const std::string device = "cpu";
  const auto gradient_of = [&](std::span<const std::int64_t> chosen, std::size_t first, std::uint32_t epoch,
                               std::span<float> gradient) {
    const std::size_t count = chosen.size();
    const auto shards = (static_cast<std::int64_t>(count) + slates_of_a_shard - 1) / slates_of_a_shard;
    gradients.resize(at(shards));
    losses.assign(at(shards), 0.0);
    const double share = 1.0 / static_cast<double>(std::int64_t(count) * data.log.slots);
    parallel_for(shards, [&](std::int64_t shard) {
      const std::size_t begin = at(shard * slates_of_a_shard);
      const std::size_t size = std::min(at(slates_of_a_shard), count - begin);
      const BehaviourBatch batch = gather_behaviours(data, sizes, chosen.subspan(begin, size));
      const nn::DropoutKey key{options.seed, first + begin, epoch};
      nn::DropoutMasks masks(&key, device);
      const Tensor loss = behaviour_loss(net.scores(batch, net.encode_items(), options.dropout, masks),
                                         batch.answers, refusal_weight, options.loss) *
                          share;
      losses[at(shard)] = loss.item<double>();
      std::vector<float>& out = gradients[at(shard)];
      out.resize(model.weights.size());
      float* to = out.data();
      for (const Tensor& g : torch::autograd::grad({loss}, net.parts())) {
        to = std::copy_n(g.contiguous().data_ptr<float>(), g.numel(), to);
      }
    });
    std::ranges::fill(gradient, 0.0F);
    for (const std::vector<float>& g : gradients) {
      for (std::size_t i = 0; i < g.size(); ++i) gradient[i] += g[i];
    }
    return std::accumulate(losses.begin(), losses.end(), 0.0);
  };
  fit_in_epochs({"fit of behaviours", options.epochs, options.batch, options.learning_rate, options.seed},
                slates, model.weights, gradient_of, on_epoch);
  // What the published code fits answers as it was fitted, without an offset.
  model.doubled = options.loss == ResponseLoss::saturated;
  if (options.balanced && !model.doubled) {
    for (std::size_t b = 0; b < model.offsets.size(); ++b) model.offsets[b] = std::log(model.odds[b]);
  }
  return model;
}

}  // namespace veer
