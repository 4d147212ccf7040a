// How taste moves between two events, and the gradients of it. One person, plain floats.
//
// A person, t events after the cut: taste z and long-term taste L in R^d, boredom b in [0, 1]^A by attribute,
// uncertainty P >= 0, and the items shown lately. v_i is the frozen vector of item i in the base network,
// A(i) its attributes, n_i how often it was shown lately, h the network's read-out of the history.
//
// Start       z = L = c h,   b = 0,   P = 0,   n = 0
// Score       s_i = k z.v_i + w ln-popularity_i - e n_i - g mean_{a in A(i)} b_a
//             next item ~ softmax(s) over the catalogue 1..N; a shown item is accepted with probability
//             sigmoid(m s_i + q) with k = 1 (m, q: see shift_user.h)
// Event a     f = (z.v_a / (|z0| |v|), |z|^2 / |z0|^2 - 1, t / (t + 10))    |z0|, |v|: constants, Units
//  accepted   r = sigmoid(theta + o.tanh(W f + d));   y = z + r (M v_a + x - z)
//  refused    y = z - x max(0, z.u) u,   u = v_a / |v_a|:  x in [0, 1] of what was liked along it is lost,
//             so |y| <= |z| and nothing the person disliked is touched
//  shown      b_a += growth (1 - b_a) for a in A(item): saturates at 1;   n_a += 1
// Time D      z' = y + p (L - y),  p = 1 - e^(-forgetting D);   b' = b e^(-recovery D)
//             simulated:   z' += (drift / |v - mean v|) sqrt(D) normal(d)
//             likelihood:  P' = (1 - p)^2 (1 - r)^2 P + drift^2 D,   k = (1 + pi/8 P)^(-1/2)
//
// The last line is how drift enters the likelihood. With z uncertain by P in the score of an average item,
// E softmax(s) is close to the softmax of scores divided by (1 + pi/8 P)^(1/2): MacKay, "The evidence
// framework applied to classification networks", Neural Computation 1992, eq. 10, with one variance for all
// items. In a simulation the noise is drawn, so k = 1 there. What the formula leaves out: choices also tell
// where an uncertain taste is, which a fit without that knowledge books under acceptance.
//
// Gradients, backwards from g = dE/dz', gP' = dE/dP', gb' = dE/db', with gL summed up for the start:
//   gy = (1 - p) g,  gL += p g,  dp = g.(L - y) - 2 (1 - p)(1 - r)^2 P gP',   dforgetting += dp D e^(-f D)
//   gP = (1 - p)^2 (1 - r)^2 gP',  ddrift += 2 drift D gP'
//   gc = e^(-recovery D) gb',  drecovery -= D gb'.b',  dgrowth += gc_a (1 - b_a),  gb_a = gc_a (1 - growth)
//   accepted:  target = r gy,  gz = (1 - r) gy,  dr = gy.(M v_a + x - z) - 2 (1 - p)^2 (1 - r) P gP',
//              through sigmoid, tanh and f to theta, o, W, d and gz
//   refused:   where z.u > 0:  dx = -(z.u)(gy.u),  gz = gy - x (gy.u) u
// and at every scored event, with (X, X_w, X_g) = dE/d(k z), dE/dw and dE/d(-g b):
//   gz += k X,  gP -= pi/16 k^3 (X.z),  gb -= g X_g,  dg -= X_g.b
//   start:     dc = (gz + gL).h
//
// Thread-safety: pure functions over the caller's floats.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "env/nn/kernels/score_kernels.h"
#include "env/random.h"
#include "simulators/shift/shift_layout.h"

namespace veer::shift {

inline constexpr float probit_share = 0.39269908F;  ///< pi / 8

/// The share of the way r towards an accepted item, with what its gradient needs.
struct AcceptanceShare {
  float share = 0.0F;
  std::array<float, network_inputs> input{};
  std::array<float, network_units> unit{};  ///< tanh of the hidden units
};

/// REQUIRES: rates.moves.
inline AcceptanceShare acceptance_share(const Rates& rates, std::span<const float> taste, const float* item,
                                        float events) noexcept {
  AcceptanceShare result;
  float odds = rates.acceptance_rate;
  if (rates.network) {
    const auto d = static_cast<std::int32_t>(taste.size());
    const float length = rates.units.taste;
    result.input = {nn::dot(taste.data(), item, d) / (length * rates.units.item),
                    nn::dot(taste.data(), taste.data(), d) / (length * length) - 1.0F,
                    events / (events + 10.0F)};
    for (std::size_t j = 0; j < network_units; ++j) {
      float sum = rates.network_bias[j];
      for (std::size_t i = 0; i < network_inputs; ++i) {
        sum += rates.network_input[j * network_inputs + i] * result.input[i];
      }
      result.unit[j] = std::tanh(sum);
      odds += rates.network_output[j] * result.unit[j];
    }
  }
  result.share = 1.0F / (1.0F + std::exp(-odds));
  return result;
}

/// z + share (target - z), in place.
inline void move_towards(std::span<float> taste, const float* target, float share) noexcept {
  for (std::size_t c = 0; c < taste.size(); ++c) taste[c] += share * (target[c] - taste[c]);
}

/// Takes `share` of the liking along the item from the taste. `inverse_square`: 1 / |item|^2, 0 for a zero
/// vector. Returns z.item, the liking.
inline float turn_away(std::span<float> taste, const float* item, float inverse_square,
                       float share) noexcept {
  const float liking = nn::dot(taste.data(), item, static_cast<std::int32_t>(taste.size()));
  if (liking <= 0.0F) return liking;
  const float step = share * liking * inverse_square;
  for (std::size_t c = 0; c < taste.size(); ++c) taste[c] -= step * item[c];
  return liking;
}

inline void grow_boredom(std::span<float> boredom, std::span<const std::int32_t> attributes,
                         float growth) noexcept {
  for (const std::int32_t a : attributes) {
    float& b = boredom[static_cast<std::size_t>(a)];
    b += growth * (1.0F - b);
  }
}

/// The share p of what separates taste from long-term taste that `time` takes away.
inline float forgotten(float rate, float time) noexcept { return -std::expm1(-rate * time); }

/// One random step of all coordinates (Stream::drift). Draws nothing for a deviation of 0.
inline void drift(std::span<float> taste, float deviation, const StepKey& key) noexcept {
  if (deviation > 0.0F) add_normal(key, Stream::drift, deviation, taste);
}

/// k: what the score of a taste uncertain by `variance` is multiplied with.
inline float softening(float variance) noexcept { return 1.0F / std::sqrt(1.0F + probit_share * variance); }

/// Derivatives through r = acceptance_share(): adds those of theta, o, W and d to `gradient`, laid out as
/// Parameters::free(), and that of z to `taste_gradient`.
inline void acceptance_share_gradient(const Rates& rates, const AcceptanceShare& at, float share_gradient,
                                      std::span<const float> taste, const float* item,
                                      const Parameters& parameters, std::span<float> gradient,
                                      std::span<float> taste_gradient) noexcept {
  const float odds_gradient = share_gradient * at.share * (1.0F - at.share);
  gradient[parameters.offset(Parameter::acceptance_rate)] += odds_gradient;
  if (!rates.network) return;
  const std::span<float> output = gradient.subspan(parameters.offset(Parameter::network_output));
  const std::span<float> bias = gradient.subspan(parameters.offset(Parameter::network_bias));
  const std::span<float> weight = gradient.subspan(parameters.offset(Parameter::network_input));
  std::array<float, network_inputs> input{};
  for (std::size_t j = 0; j < network_units; ++j) {
    output[j] += odds_gradient * at.unit[j];
    const float unit = odds_gradient * rates.network_output[j] * (1.0F - at.unit[j] * at.unit[j]);
    bias[j] += unit;
    for (std::size_t i = 0; i < network_inputs; ++i) {
      weight[j * network_inputs + i] += unit * at.input[i];
      input[i] += unit * rates.network_input[j * network_inputs + i];
    }
  }
  const float length = rates.units.taste;
  const float along = input[0] / (length * rates.units.item);
  const float outward = 2.0F * input[1] / (length * length);
  for (std::size_t c = 0; c < taste.size(); ++c) {
    taste_gradient[c] += along * item[c] + outward * taste[c];
  }
}

}  // namespace veer::shift
