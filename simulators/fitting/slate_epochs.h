// Passes over logged slates in shuffled batches, Adam after each: the loop of every model of answers.
// Torch-free. Determinism: the order is drawn from Philox, so that equal seeds give equal batches.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace veer {

struct SlateEpochs {
  std::string name;  ///< of the fit, in messages
  std::int32_t epochs = 1;
  std::int32_t batch = 1;  ///< slates
  float learning_rate = 1e-4F;
  std::uint64_t seed = 0;
};

/// The mean loss of `chosen` slates, whose gradient replaces what is in `gradient` [weights]. `first` is the
/// place of the batch's first slate in the pass, `epoch` counts from 1: keys of random masks.
using SlateGradient = std::function<double(std::span<const std::int64_t> chosen, std::size_t first,
                                           std::uint32_t epoch, std::span<float> gradient)>;

/// `on_epoch` gets each pass's mean loss. Throws ConfigError where the loss is no finite number, Interrupted
/// once interrupted() is true.
void fit_in_epochs(const SlateEpochs& options, std::span<const std::int64_t> slates,
                   std::vector<float>& weights, const SlateGradient& gradient_of,
                   const std::function<void(std::int32_t epoch, double loss)>& on_epoch);

}  // namespace veer
