#include "rewards/trust.h"

#include <algorithm>

namespace veer {
namespace {

constexpr double wrong_findings = 0.05;

/// Whether each estimate is above 0, all of them considered, in their order.
std::vector<bool> above_zero(const std::vector<Estimate>& estimates) {
  std::vector<double> p;
  for (const Estimate& each : estimates) p.push_back(each.p);
  const std::vector<double> adjusted = holm_adjusted(p);
  std::vector<bool> out;
  for (std::size_t i = 0; i < estimates.size(); ++i) {
    out.push_back(adjusted[i] < wrong_findings && estimates[i].mean > 0.0);  // NaN: not shown
  }
  return out;
}

}  // namespace

std::string_view name_of(GainVerdict verdict) noexcept {
  switch (verdict) {
    case GainVerdict::no_gain:
      return "no gain";
    case GainVerdict::shared:
      return "shared";
    case GainVerdict::own_only:
      return "own model only";
    case GainVerdict::open:
      return "open";
    case GainVerdict::unexamined:
      return "no other judge";
  }
  return "unknown";
}

std::vector<GainVerdict> verdicts_on_gains(std::span<const GainEvidence> candidates) {
  std::vector<Estimate> own, others, shortfalls;
  for (const GainEvidence& each : candidates) {
    own.push_back(each.own);
    others.insert(others.end(), each.others.begin(), each.others.end());
    shortfalls.insert(shortfalls.end(), each.shortfalls.begin(), each.shortfalls.end());
  }
  const std::vector<bool> gains = above_zero(own), elsewhere = above_zero(others),
                          falls = above_zero(shortfalls);
  std::vector<GainVerdict> out;
  std::size_t next = 0;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    bool any = false, all_fall = true;
    for (std::size_t j = 0; j < candidates[c].others.size(); ++j, ++next) {
      any = any || elsewhere[next];
      all_fall = all_fall && falls[next];
    }
    out.push_back(!gains[c]                      ? GainVerdict::no_gain
                  : candidates[c].others.empty() ? GainVerdict::unexamined
                  : any                          ? GainVerdict::shared
                  : all_fall                     ? GainVerdict::own_only
                                                 : GainVerdict::open);
  }
  return out;
}

}  // namespace veer
