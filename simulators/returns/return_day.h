// When people come back after a session: on each of the days that follow with a chance that the session's
// worth and the person decide.
//
//   P        = clip(base(x) + satisfaction * worth + constant, 0.001, 0.999)      base(x) = w . x + w0
//   p(day d) proportional to P (1 - P)^(d - 1), d = 1..10
//
// with x what is known of the person and worth the mean over a session's slates of their reward per item.
// Source: the cross-session task of KuaiSim (NeurIPS 2023), whose base is a linear map that is drawn at
// random and never trained, so that its figures depend on the seed of the process (untrained_returns()). Here
// the base is fitted to a log (fit_returns()), or, in made-up worlds, known (true_returns()). Thread-safety:
// value types and pure functions. Torch-free.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "env/random.h"
#include "env/types.h"

namespace veer {

inline constexpr std::int32_t most_days_away = 10;

struct ReturnModel {
  std::vector<float> weights;  ///< [features of a person], then w0
  float satisfaction = 0.1F;
  float constant = 0.4F;

  /// P after a session worth this much. REQUIRES: features.size() + 1 == weights.size().
  double chance(std::span<const float> features, double worth) const noexcept;
};

/// p(day d) of chance P, d = 1..10: position d - 1.
std::array<double, most_days_away> return_days(double chance) noexcept;
/// The day, 1..10, that this key draws (Stream::leave).
std::int32_t draw_return_day(double chance, const StepKey& key) noexcept;

/// The truth of a made-up world: w normal with deviation `spread` / sqrt(features), w0 = 0.
ReturnModel true_returns(std::int32_t features, std::uint64_t seed, float spread = 0.15F);
/// KuaiSim's: all of w and w0 uniform within +-1/sqrt(features), as an untrained linear layer is.
ReturnModel untrained_returns(std::int32_t features, std::uint64_t seed);

/// Sessions and when people came back after them.
struct ReturnLog {
  std::int32_t features = 0;
  std::vector<float> people;      ///< [sessions * features]
  std::vector<float> worth;       ///< [sessions]
  std::vector<std::int32_t> day;  ///< [sessions] 1..10

  std::size_t size() const noexcept { return day.size(); }
};

/// The base that makes the log most likely, its satisfaction and constant being known: Fisher scoring with a
/// ridge of 1e-6, until a step is shorter than 1e-6 or 100 steps. Throws ConfigError for a log without
/// sessions, columns of other lengths, a day out of range or a worth that is not finite.
ReturnModel fit_returns(const ReturnLog& log);

/// Mean of -ln p(day) over the log, nats.
double mean_surprise(const ReturnModel& model, const ReturnLog& log);

}  // namespace veer
