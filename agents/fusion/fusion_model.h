// What a fusion agent knows and how it acts. Torch-free header.
//
// Thread-safety: immutable, shared by all workers. Ownership: copies share the weights.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agents/fusion/fusion_options.h"
#include "env/named_arrays.h"
#include "env/policy.h"

namespace veer::fusion {

/// States are read as (feature - mean) / deviation.
struct StateScale {
  std::vector<float> mean, deviation;  ///< [F]; deviations above 0
};

class FusionModel {
 public:
  /// `critic` and `generator` are read by agents that judge candidates when they act (BCQ); others may leave
  /// them empty. Throws FormatError when names or shapes do not fit, ConfigError for options out of range.
  FusionModel(const FusionOptions& options, StateScale scale, const NamedArrays& actor,
              const NamedArrays& critic, const NamedArrays& generator);

  const FusionOptions& options() const noexcept { return options_; }
  const StateScale& scale() const noexcept { return scale_; }
  NamedArrays actor() const;
  NamedArrays critic() const;
  NamedArrays generator() const;

  /// Actions [rows, A] for features [rows, F], row by row: stochastic agents draw in Mode::sample and write
  /// the log density, everything else is deterministic given the keys and has a log_prob of 0. BCQ draws its
  /// candidates from Stream::policy in both modes.
  void act(View<const float> features, std::span<const StepKey> keys, Mode mode, View<float> actions,
           std::span<float> log_prob) const;

 private:
  struct Weights;
  FusionOptions options_;
  StateScale scale_;
  std::shared_ptr<const Weights> weights_;
};

/// A vector policy. Its observations are worlds with `features` features.
std::shared_ptr<const Policy> make_fusion_policy(const FusionModel& model, const std::string& name);

}  // namespace veer::fusion
