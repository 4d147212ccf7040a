#include "simulators/shift/shift_acceptance.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "env/random.h"
#include "env/runtime.h"

namespace veer::shift {
namespace {

struct Answer {
  double score;
  bool yes;
};

/// An item the person never touched; no_item when a thousand draws find none.
ItemId unseen(std::span<const ItemId> log, std::int32_t items, const StepKey& key) {
  for (std::uint32_t lane = 0; lane < 1000; ++lane) {
    const auto item = static_cast<ItemId>(
        1 + uniform_below(static_cast<std::uint32_t>(items), key, Stream::negative, lane));
    if (std::find(log.begin(), log.end(), item) == log.end()) return item;
  }
  return no_item;
}

/// Plays the case without drift and notes the scores of what was shown and what was not.
std::vector<Answer> play(const ShiftUser& users, const Dataset& data, const Cases& cases, std::size_t c,
                         bool refusals, std::uint64_t seed) {
  std::vector<Answer> out;
  const ShiftModel& model = users.model();
  const auto d = static_cast<std::size_t>(cases.width);
  std::vector<float> state(static_cast<std::size_t>(users.layout().size()));
  users.start(std::span(cases.readouts).subspan(c * d, d), state);
  const Cut& cut = cases.cuts[c];
  for (std::int32_t e = 0; e < cut.events; ++e) {
    const auto i = static_cast<std::size_t>(cases.offsets[c] + e);
    const ItemId item = cases.targets[i];
    const bool accepted = cases.accepted[i] != 0;
    if (accepted || refusals) out.push_back({double{users.score(state, item)}, accepted});
    if (accepted && !refusals) {
      const StepKey key{seed, static_cast<EpisodeId>(cut.user), static_cast<std::uint32_t>(cut.at + e)};
      const ItemId other = unseen(data.interactions.of(cut.user), model.facts.items, key);
      if (other != no_item) out.push_back({double{users.score(state, other)}, false});
    }
    users.follow(state, item, accepted, cases.gaps[i]);
  }
  return out;
}

}  // namespace

void calibrate_acceptance(ShiftModel& model, const Dataset& data, const Cases& cases, std::uint64_t seed) {
  const ShiftUser users(model);
  bool refusals = false;
  for (const std::uint8_t accepted : cases.accepted) refusals = refusals || accepted == 0;
  std::vector<std::vector<Answer>> answers(cases.size());
  parallel_for(static_cast<std::int64_t>(cases.size()), [&](std::int64_t c) {
    const auto i = static_cast<std::size_t>(c);
    answers[i] = play(users, data, cases, i, refusals, seed);
  });

  double slope = 1.0, offset = 0.0;
  for (int round = 0; round < 50; ++round) {
    // Gradient and Hessian of the log-likelihood, with a slight pull so that separable data stay finite.
    double g0 = -1e-3 * slope, g1 = -1e-3 * offset, h00 = 1e-3, h01 = 0.0, h11 = 1e-3;
    for (const auto& part : answers) {
      for (const Answer& a : part) {
        const double p = 1.0 / (1.0 + std::exp(-(slope * a.score + offset)));
        const double error = (a.yes ? 1.0 : 0.0) - p, weight = p * (1.0 - p);
        g0 += error * a.score;
        g1 += error;
        h00 += weight * a.score * a.score;
        h01 += weight * a.score;
        h11 += weight;
      }
    }
    const double determinant = h00 * h11 - h01 * h01;
    if (!(determinant > 0.0)) break;
    const double step0 = std::clamp((h11 * g0 - h01 * g1) / determinant, -2.0, 2.0);
    const double step1 = std::clamp((h00 * g1 - h01 * g0) / determinant, -5.0, 5.0);
    slope += step0;
    offset += step1;
    if (std::abs(step0) + std::abs(step1) < 1e-9) break;
  }
  model.acceptance_slope = static_cast<float>(slope);
  model.acceptance_offset = static_cast<float>(offset);
}

}  // namespace veer::shift
