// Vector policies that learn nothing: the same weights for everybody, and random ones.
// Thread-safety: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "env/policy.h"

namespace veer {

/// The same action always; deterministic, so log_prob is 0.
class ConstantWeights final : public Policy {
 public:
  /// Throws ConfigError for no weights, or weights outside -1..1.
  ConstantWeights(std::string name, std::vector<float> weights);

  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  std::vector<float> weights_;
  PolicySpec spec_;
};

/// Uniform on [-1, 1]^width, anew for every step (Stream::policy); log_prob is the log density,
/// -width ln 2. A uniform distribution has no best guess, so Mode::greedy draws like Mode::sample.
class RandomWeights final : public Policy {
 public:
  /// REQUIRES: width >= 1.
  RandomWeights(std::string name, std::int32_t width);

  const PolicySpec& spec() const noexcept override { return spec_; }
  void act(Rows, const Observation&, PolicyState&, Actions&, Mode) const override;

 private:
  PolicySpec spec_;
};

}  // namespace veer
