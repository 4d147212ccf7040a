#include "scenarios/ope/bandit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "env/error.h"

namespace veer::ope {
namespace {

struct BanditEntry {
  BanditEstimator estimator;
  std::string_view name;
  bool model;
};
constexpr std::array<BanditEntry, 11> bandit_table{{{BanditEstimator::ips, "ips", false},
                                                    {BanditEstimator::clipped_ips, "clipped-ips", false},
                                                    {BanditEstimator::snips, "snips", false},
                                                    {BanditEstimator::sg_ips, "sg-ips", false},
                                                    {BanditEstimator::dm, "dm", true},
                                                    {BanditEstimator::dr, "dr", true},
                                                    {BanditEstimator::clipped_dr, "clipped-dr", true},
                                                    {BanditEstimator::sndr, "sndr", true},
                                                    {BanditEstimator::switch_dr, "switch-dr", true},
                                                    {BanditEstimator::dros, "dros", true},
                                                    {BanditEstimator::sg_dr, "sg-dr", true}}};

void require_option(bool sound, std::string_view name, double found, std::string_view expected) {
  if (!sound) {
    throw ConfigError(Where{{}, 0, std::string(name)}, {fmt::format("{}", found), std::string(expected), ""});
  }
}

void check_options(const BanditOptions& options) {
  require_option(options.clip > 0.0, "clip", options.clip, "a weight above 0");
  require_option(options.switch_at >= 0.0, "switch-at", options.switch_at, "a weight of 0 or more");
  require_option(options.shrinkage >= 0.0, "shrinkage", options.shrinkage, "0 or more");
  require_option(options.sub_gaussian >= 0.0 && options.sub_gaussian <= 1.0, "sub-gaussian",
                 options.sub_gaussian, "a number from 0 to 1");
}

/// What becomes of the importance ratio `w`.
double used_weight(double w, BanditEstimator estimator, const BanditOptions& options) {
  using enum BanditEstimator;
  switch (estimator) {
    case clipped_ips:
    case clipped_dr:
      return std::min(w, options.clip);
    case switch_dr:
      return w <= options.switch_at ? w : 0.0;
    case dros:
      if (w == 0.0 || std::isinf(options.shrinkage)) return w;  // 0 / 0 and infinity / infinity
      return options.shrinkage * w / (w * w + options.shrinkage);
    case sg_ips:
    case sg_dr:  // a ratio of 0 at lambda 1 would be 0 / 0
      return w == 0.0 ? 0.0 : w / (1.0 - options.sub_gaussian + options.sub_gaussian * w);
    default:
      return w;
  }
}

}  // namespace

std::span<const BanditEstimator> bandit_estimators() noexcept {
  static constexpr auto all = [] {
    std::array<BanditEstimator, bandit_table.size()> list{};
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = bandit_table[i].estimator;
    return list;
  }();
  return all;
}

std::string_view name_of(BanditEstimator estimator) noexcept { return bandit_table[at(int(estimator))].name; }
bool needs_model(BanditEstimator estimator) noexcept { return bandit_table[at(int(estimator))].model; }

Estimate estimate(const BanditLog& log, BanditEstimator estimator, const BanditOptions& options,
                  Summariser& summariser) {
  using enum BanditEstimator;
  check_options(options);
  const bool model = needs_model(estimator);
  if (model && log.q_hat.empty()) {
    throw ConfigError(Where{{}, 0, std::string(name_of(estimator))},
                      {"a log without q_hat and v_hat", "both, of a fitted reward model", ""});
  }
  std::vector<double> weights;
  if (estimator != dm) {
    weights = importance_ratios(log);
    for (double& w : weights) w = used_weight(w, estimator, options);
  }
  // The self-normalised ones divide the weighted part by its own weights; sndr has a second, plain term.
  const bool normalised = estimator == snips || estimator == sndr;
  Ratios ratios{log.rows(), estimator == sndr ? 2 : 1, {}, {}};
  ratios.numerator.reserve(at(ratios.units * ratios.terms));
  for (std::size_t i = 0; i < at(log.rows()); ++i) {
    const double value = model ? log.v_hat[i] : 0.0;
    const double weighted =
        weights.empty() ? 0.0 : weights[i] * (log.reward[i] - (model ? log.q_hat[i] : 0.0));
    if (estimator == sndr) {
      ratios.numerator.insert(ratios.numerator.end(), {value, weighted});
      ratios.denominator.insert(ratios.denominator.end(), {1.0, weights[i]});
    } else {
      ratios.numerator.push_back(value + weighted);
      if (normalised) ratios.denominator.push_back(weights[i]);
    }
  }
  return estimate_of(std::string(name_of(estimator)), ratios, weights, log.cluster, summariser);
}

std::vector<double> mrdr_weights(const BanditLog& log) {
  std::vector<double> weights(log.behaviour.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = log.target[i] * (1.0 - log.behaviour[i]) / (log.behaviour[i] * log.behaviour[i]);
  }
  return weights;
}

}  // namespace veer::ope
