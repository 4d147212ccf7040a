#include "scenarios/ope/slates.h"

#include <array>
#include <string>

#include "scenarios/ope/sequential.h"

namespace veer::ope {
namespace {

constexpr std::array<SlateEstimator, 6> all_slate_estimators{SlateEstimator::sips, SlateEstimator::sn_sips,
                                                             SlateEstimator::iips, SlateEstimator::sn_iips,
                                                             SlateEstimator::rips, SlateEstimator::sn_rips};
constexpr std::array<std::string_view, 6> slate_estimator_names{"sips",    "sn-sips", "iips",
                                                                "sn-iips", "rips",    "sn-rips"};

std::vector<double> item_ratios(const SlateLog& log) {
  const bool own = !log.item_behaviour.empty();
  const std::vector<double>& behaviour = own ? log.item_behaviour : log.positions.behaviour;
  const std::vector<double>& target = own ? log.item_target : log.positions.target;
  std::vector<double> out(behaviour.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = target[i] / behaviour[i];
  return out;
}

/// One term for all positions, or one per position, each over its own weights.
Ratios item_terms(const SlateLog& log, std::span<const double> ratios, bool normalised) {
  const TrajectoryLog& p = log.positions;
  const auto slates = at(p.trajectories());
  const std::size_t width = ratios.size() / slates;
  Ratios out{p.trajectories(), normalised ? static_cast<std::int64_t>(width) : 1, {}, {}};
  out.numerator.assign(slates * at(out.terms), 0.0);
  if (normalised) out.denominator.assign(ratios.begin(), ratios.end());
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    out.numerator[normalised ? i : i / width] += ratios[i] * p.reward[i];
  }
  return out;
}

}  // namespace

std::span<const SlateEstimator> slate_estimators() noexcept { return all_slate_estimators; }
std::string_view name_of(SlateEstimator estimator) noexcept {
  return slate_estimator_names[static_cast<std::size_t>(estimator)];
}

Estimate estimate(const SlateLog& log, SlateEstimator estimator, Summariser& summariser) {
  const auto as_sequence = [&](SequentialEstimator sequential) {
    Estimate out = estimate(log.positions, sequential, summariser);
    out.name = std::string(name_of(estimator));
    return out;
  };
  switch (estimator) {
    case SlateEstimator::sips:
      return as_sequence(SequentialEstimator::tis);
    case SlateEstimator::sn_sips:
      return as_sequence(SequentialEstimator::sn_tis);
    case SlateEstimator::rips:
      return as_sequence(SequentialEstimator::pdis);
    case SlateEstimator::sn_rips:
      return as_sequence(SequentialEstimator::sn_pdis);
    case SlateEstimator::iips:
    case SlateEstimator::sn_iips:
      break;
  }
  const std::vector<double> ratios = item_ratios(log);
  std::vector<double> weights(at(log.positions.trajectories()), 0.0);
  const std::size_t width = ratios.size() / weights.size();
  for (std::size_t i = 0; i < ratios.size(); ++i)
    weights[i / width] += ratios[i] / static_cast<double>(width);
  return estimate_of(std::string(name_of(estimator)),
                     item_terms(log, ratios, estimator == SlateEstimator::sn_iips), weights,
                     log.positions.cluster, summariser);
}

}  // namespace veer::ope
