// The state encoders once more, in double precision and plain loops over one row at a time, written from
// their formulas alone: what the engine's encoders are tested against.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "env/nn/state_encoders/state_encoder.h"

namespace veer::nn::plain {

using Vector = std::vector<double>;
using Matrix = std::vector<Vector>;

struct Weights {
  std::map<std::string, Vector> values;  ///< row-major, as the layout has them
  const Vector& at(const std::string& name) const { return values.at(name); }
};

/// The state of one row: `items` [T][W] (padding's vector where padding stands), `length` >= 1, `real` how
/// many items are no padding. With `sequence`, SASRec writes all positions there.
Vector encode(const StateEncoderConfig& config, const Weights& weights, Matrix items, std::int64_t length,
              std::int64_t real, Matrix* sequence = nullptr);

Vector layer_norm(const Vector& x, const Vector& gain, const Vector& offset);

}  // namespace veer::nn::plain
