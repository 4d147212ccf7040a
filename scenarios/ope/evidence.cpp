#include "scenarios/ope/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "env/error.h"
#include "scenarios/ope/sequential.h"

namespace veer::ope {
namespace {

void check_shares(const EvidenceOptions& options) {
  const auto share = [](const char* name, double found) {
    if (found >= 0.0 && found <= 1.0) return;
    throw ConfigError(Where{{}, 0, name}, {fmt::format("{}", found), "a share from 0 to 1", ""});
  };
  share("least-ess-share", options.least_ess_share);
  share("most-weight-share", options.most_weight_share);
}

bool enough_weights(double ess, double largest, double units, const EvidenceOptions& options) {
  return ess >= options.least_ess_share * units && largest <= options.most_weight_share;
}

/// How many first steps keep to the thresholds, all trajectories counted at each step as in the estimators.
std::int64_t usable_steps_of(const TrajectoryLog& log, std::span<const double> cumulative,
                             const EvidenceOptions& options) {
  const std::size_t steps = at(log.longest());
  struct Sums {
    double sum = 0.0, squares = 0.0, largest = 0.0;
    void add(double w) {
      sum += w;
      squares += w * w;
      largest = std::max(largest, w);
    }
  };
  std::vector<Sums> alive(steps), ended(steps + 1);
  for (std::size_t i = 0; i + 1 < log.offsets.size(); ++i) {
    const std::int64_t length = log.offsets[i + 1] - log.offsets[i];
    for (std::int64_t t = 0; t < length; ++t) alive[at(t)].add(cumulative[at(log.offsets[i] + t)]);
    ended[at(length)].add(cumulative[at(log.offsets[i + 1] - 1)]);
  }
  Sums over;  // those whose last step lies behind
  for (std::size_t t = 0; t < steps; ++t) {
    over.sum += ended[t].sum;
    over.squares += ended[t].squares;
    over.largest = std::max(over.largest, ended[t].largest);
    const double sum = alive[t].sum + over.sum;
    const double ess = sum * sum / (alive[t].squares + over.squares);  // NaN beyond double is not enough
    const double largest = std::max(alive[t].largest, over.largest) / sum;
    if (!enough_weights(ess, largest, static_cast<double>(log.trajectories()), options)) {
      return static_cast<std::int64_t>(t);
    }
  }
  return log.longest();
}

/// Fills in what is known from the weights of units and the ratios of rows.
Evidence evidence_from(std::span<const double> weights, const Ratios& single,
                       std::span<const UserId> clusters, Summariser& summariser) {
  Evidence out;
  out.units = static_cast<std::int64_t>(weights.size());
  out.effective_sample_size = effective_sample_size(weights);
  out.largest_share = largest_share(weights);
  out.zero_share =
      static_cast<double>(std::count(weights.begin(), weights.end(), 0.0)) / static_cast<double>(out.units);
  const Estimate mean = estimate_of("", single, {}, clusters, summariser);
  out.mean_ratio = mean.value;
  out.mean_ratio_error = mean.standard_error;
  return out;
}

void object(Evidence& evidence, const char* unit, const EvidenceOptions& options) {
  const auto units = static_cast<double>(evidence.units);
  if (evidence.effective_sample_size == 0.0) {
    evidence.objections.push_back(
        fmt::format("the policy would have produced none of the {} {}", evidence.units, unit));
    return;
  }
  if (!(evidence.effective_sample_size >= options.least_ess_share * units)) {
    evidence.objections.push_back(
        fmt::format("the effective sample size is {:.3g}, {:.2g} % of {} {}; at least {:g} % expected",
                    evidence.effective_sample_size, 100.0 * evidence.effective_sample_size / units,
                    evidence.units, unit, 100.0 * options.least_ess_share));
  }
  if (!(evidence.largest_share <= options.most_weight_share)) {
    evidence.objections.push_back(
        fmt::format("one of the {} {} carries {:.1f} % of the weight; at most {:g} % expected",
                    evidence.units, unit, 100.0 * evidence.largest_share, 100.0 * options.most_weight_share));
  }
  const double off = std::abs(evidence.mean_ratio - 1.0);
  if (off > options.most_ratio_deviation && off > options.most_ratio_errors * evidence.mean_ratio_error) {
    evidence.objections.push_back(
        fmt::format("the mean importance ratio is {:.3f} +- {:.3f}; 1 expected: {}", evidence.mean_ratio,
                    evidence.mean_ratio_error,
                    evidence.mean_ratio < 1.0
                        ? "the policy shows what the acting one never shows, or the propensities are wrong"
                        : "the propensities are wrong"));
  }
}

}  // namespace

Evidence evidence_of(const BanditLog& log, const EvidenceOptions& options, Summariser& summariser) {
  check_shares(options);
  const std::vector<double> weights = importance_ratios(log);
  Evidence out = evidence_from(weights, {log.rows(), 1, weights, {}}, log.cluster, summariser);
  object(out, "rows", options);
  return out;
}

Evidence evidence_of(const TrajectoryLog& log, const EvidenceOptions& options, Summariser& summariser) {
  check_shares(options);
  const std::vector<double> cumulative = cumulative_ratios(log);
  const std::vector<double> whole = trajectory_weights(log, cumulative);
  const std::size_t count = whole.size();
  Ratios single{log.trajectories(), 1, std::vector<double>(count, 0.0), std::vector<double>(count, 0.0)};
  for (std::size_t i = 0; i < count; ++i) {
    for (std::int64_t step = log.offsets[i]; step < log.offsets[i + 1]; ++step) {
      single.numerator[i] += log.target[at(step)] / log.behaviour[at(step)];
      single.denominator[i] += 1.0;
    }
  }
  Evidence out = evidence_from(whole, single, log.cluster, summariser);
  object(out, "trajectories", options);
  out.longest = log.longest();
  out.usable_steps = usable_steps_of(log, cumulative, options);
  if (out.usable_steps < out.longest && out.effective_sample_size > 0.0) {
    out.objections.push_back(
        fmt::format("the weights hold for the first {} of {} steps", out.usable_steps, out.longest));
  }
  return out;
}

}  // namespace veer::ope
