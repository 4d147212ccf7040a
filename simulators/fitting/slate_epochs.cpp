#include "simulators/fitting/slate_epochs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "env/error.h"
#include "env/nn/training/adam.h"
#include "env/random.h"
#include "env/runtime.h"

namespace veer {

namespace {

[[noreturn]] void refuse_divergence(const SlateEpochs& options, std::int32_t epoch) {
  throw ConfigError({.file = {}, .line = 0, .field = options.name},
                    {"a loss that is no finite number in epoch " + std::to_string(epoch), "a loss that falls",
                     "lower the learning rate"});
}

}  // namespace

void fit_in_epochs(const SlateEpochs& options, std::span<const std::int64_t> slates,
                   std::vector<float>& weights, const SlateGradient& gradient_of,
                   const std::function<void(std::int32_t epoch, double loss)>& on_epoch) {
  const nn::AdamOptions adam{.learning_rate = options.learning_rate};
  std::vector<float> first(weights.size()), second(weights.size()), gradient(weights.size());
  std::vector<std::int32_t> order(slates.size());
  std::vector<std::int64_t> chosen;
  std::int64_t step = 0;
  for (std::int32_t epoch = 1; epoch <= options.epochs; ++epoch) {
    std::iota(order.begin(), order.end(), 0);
    shuffle({options.seed, static_cast<EpisodeId>(epoch), 0}, Stream::shuffle, order);
    double loss_sum = 0.0;
    for (std::size_t from = 0; from < order.size(); from += at(options.batch)) {
      if (interrupted())
        throw Interrupted("interrupted during the " + options.name + "; nothing was written");
      chosen.clear();
      for (std::size_t i = from; i < std::min(from + at(options.batch), order.size()); ++i) {
        chosen.push_back(slates[at(order[i])]);
      }
      const double loss = gradient_of(chosen, from, static_cast<std::uint32_t>(epoch), gradient);
      if (!std::isfinite(loss)) refuse_divergence(options, epoch);
      loss_sum += loss * static_cast<double>(chosen.size());
      nn::adam_update(adam, ++step, gradient, first, second, weights);
    }
    if (on_epoch) on_epoch(epoch, loss_sum / static_cast<double>(order.size()));
  }
  // Every loss above is of the weights before an update: what the last one did is seen here alone.
  const auto epochs = static_cast<std::uint32_t>(options.epochs);
  if (!std::isfinite(gradient_of(chosen, 0, epochs, gradient))) refuse_divergence(options, options.epochs);
}

}  // namespace veer
