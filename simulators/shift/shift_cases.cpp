#include "simulators/shift/shift_cases.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "env/error.h"
#include "env/nn/inference/sequence_encoder.h"
#include "env/random.h"
#include "env/runtime.h"

namespace veer::shift {
namespace {

constexpr double seconds_per_day = 86400.0;
constexpr std::int64_t block_cases = 64;
constexpr EpisodeId everybody = std::numeric_limits<EpisodeId>::max();  ///< keys what concerns all cases

/// Read-outs of the histories before the cuts.
std::vector<float> encode(const Dataset& data, const nn::SequenceModel& base, std::span<const Cut> cuts) {
  const nn::SequenceEncoder encoder(base);
  const std::int32_t d = base.config().hidden, positions = base.config().positions,
                     state = encoder.state_width();
  std::vector<float> readouts(cuts.size() * static_cast<std::size_t>(d));
  const auto blocks = (static_cast<std::int64_t>(cuts.size()) + block_cases - 1) / block_cases;
  parallel_for(blocks, [&](std::int64_t b) {
    const auto first = static_cast<std::size_t>(b * block_cases);
    const auto count = static_cast<std::int32_t>(std::min<std::size_t>(block_cases, cuts.size() - first));
    std::vector<ItemId> history(static_cast<std::size_t>(count) * static_cast<std::size_t>(positions),
                                no_item);
    std::vector<std::int32_t> size(static_cast<std::size_t>(count)), rows(size.size());
    std::vector<float> states(static_cast<std::size_t>(count) * static_cast<std::size_t>(state));
    std::iota(rows.begin(), rows.end(), 0);
    for (std::int32_t r = 0; r < count; ++r) {
      const Cut& cut = cuts[first + static_cast<std::size_t>(r)];
      const auto items = data.interactions.of(cut.user).first(static_cast<std::size_t>(cut.at));
      const auto newest = items.last(std::min(items.size(), static_cast<std::size_t>(positions)));
      std::ranges::copy(newest, history.begin() + std::ptrdiff_t{r} * positions);
      size[static_cast<std::size_t>(r)] = static_cast<std::int32_t>(newest.size());
    }
    const auto cache = encoder.make_cache(count, positions);
    const View<float> out(states.data(), count, state);
    encoder.begin(rows, View<const ItemId>(history.data(), count, positions),
                  View<const std::int32_t>(size.data(), count, 1), out, *cache);
    for (std::int32_t r = 0; r < count; ++r) {
      const std::size_t at = (first + static_cast<std::size_t>(r)) * static_cast<std::size_t>(d);
      std::copy_n(out.row(r).data(), d, readouts.begin() + static_cast<std::ptrdiff_t>(at));
    }
  });
  return readouts;
}

bool refused_in(const Interactions& log, std::size_t event, const CaseOptions& options) {
  return options.refused_rating > 0.0F && log.ratings[event] <= options.refused_rating;
}

void check(const Dataset& data, const CaseOptions& options) {
  if (options.time == TimeUnit::days && data.interactions.times.empty()) {
    throw ConfigError(Where{{}, 0, "time"}, Problem{"days, for a log without time stamps", "steps",
                                                    "this log gives only the order of events"});
  }
  if (options.refused_rating > 0.0F && data.interactions.ratings.empty()) {
    throw ConfigError(Where{{}, 0, "refused_rating"},
                      Problem{std::to_string(options.refused_rating) + ", for a log without ratings", "none",
                              "nothing in this log stands for a refusal, so reactance cannot be fitted"});
  }
}

}  // namespace

std::int64_t Cases::scored_events() const noexcept {
  return std::accumulate(scored.begin(), scored.end(), std::int64_t{0});
}

Cases make_cases(const Dataset& data, const nn::SequenceModel& base, std::vector<Cut> cuts,
                 const CaseOptions& options) {
  check(data, options);
  const Interactions& log = data.interactions;
  Cases cases;
  cases.width = base.config().hidden;
  cases.readouts = encode(data, base, cuts);
  cases.offsets.push_back(0);
  for (const Cut& cut : cuts) {
    const auto first = static_cast<std::size_t>(log.offsets[static_cast<std::size_t>(cut.user)] + cut.at);
    for (std::int32_t e = 0; e < cut.events; ++e) {
      const std::size_t i = first + static_cast<std::size_t>(e);
      const bool refused = refused_in(log, i, options);
      float gap = 1.0F;
      if (options.time == TimeUnit::days && e + 1 < cut.events) {
        const double days = static_cast<double>(log.times[i + 1] - log.times[i]) / seconds_per_day;
        gap = static_cast<float>(std::max(0.0, days)) / options.days_per_step;
      }
      cases.targets.push_back(log.items[i]);
      cases.accepted.push_back(refused ? 0 : 1);
      cases.scored.push_back(!refused && e >= cut.first_scored ? 1 : 0);
      cases.gaps.push_back(gap);
    }
    cases.offsets.push_back(static_cast<std::int64_t>(cases.targets.size()));
  }
  cases.shown = cases.targets;
  cases.cuts = std::move(cuts);
  return cases;
}

std::vector<Cut> training_cuts(const Interactions& log, std::span<const UserId> people,
                               std::int32_t per_person, std::int32_t events, std::int32_t keep_last,
                               std::uint64_t seed) {
  std::vector<Cut> cuts;
  for (const UserId user : people) {
    const auto size = static_cast<std::int32_t>(log.of(user).size()) - keep_last;
    if (size < 2) continue;
    // A random choice among the cuts 1 .. size - 1, in ascending order.
    std::vector<std::int32_t> places(static_cast<std::size_t>(size - 1));
    std::iota(places.begin(), places.end(), 1);
    shuffle({seed, static_cast<EpisodeId>(user), 0}, Stream::shuffle, places);
    places.resize(std::min(places.size(), static_cast<std::size_t>(per_person)));
    std::ranges::sort(places);
    for (const std::int32_t at : places) cuts.push_back({user, at, std::min(events, size - at), 0});
  }
  return cuts;
}

std::vector<Cut> held_out_cuts(const Interactions& log, std::span<const UserId> people,
                               std::int32_t per_person, std::int32_t events) {
  std::vector<Cut> cuts;
  for (const UserId user : people) {
    const auto size = static_cast<std::int32_t>(log.of(user).size());
    if (size < 2) continue;
    const std::int32_t least = std::max(1, std::min(5, size / 2));
    std::int32_t end = size;
    for (std::int32_t k = 0; k < per_person && end > least; ++k) {
      const std::int32_t at = std::max(end - events, least);
      if (k > 0 && end - at < events) break;
      cuts.push_back({user, at, end - at, 0});
      end = at;
    }
  }
  return cuts;
}

std::vector<Cut> fixed_cuts(const Interactions& log, std::span<const UserId> people, std::int32_t at,
                            std::int32_t events) {
  std::vector<Cut> cuts;
  for (const UserId user : people) {
    const auto size = static_cast<std::int32_t>(log.of(user).size());
    if (size > at) cuts.push_back({user, at, std::min(events, size - at), 0});
  }
  return cuts;
}

float median_gap_days(const Interactions& log) {
  std::vector<std::int64_t> gaps;
  for (UserId user = 0; user < log.users() && !log.times.empty(); ++user) {
    const auto first = static_cast<std::size_t>(log.offsets[static_cast<std::size_t>(user)]);
    for (std::size_t i = first + 1; i < first + log.of(user).size(); ++i) {
      if (log.times[i] > log.times[i - 1]) gaps.push_back(log.times[i] - log.times[i - 1]);
    }
  }
  if (gaps.empty()) {
    throw ConfigError(Where{{}, 0, "time"},
                      Problem{"days, for a log without two different stamps of one person", "steps",
                              "this log gives only the order of events"});
  }
  const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return static_cast<float>(static_cast<double>(*middle) / seconds_per_day);
}

double tied_share(const Interactions& log) {
  std::int64_t pairs = 0, tied = 0;
  for (UserId user = 0; user < log.users() && !log.times.empty(); ++user) {
    const auto first = static_cast<std::size_t>(log.offsets[static_cast<std::size_t>(user)]);
    for (std::size_t i = first + 1; i < first + log.of(user).size(); ++i, ++pairs) {
      tied += log.times[i] == log.times[i - 1] ? 1 : 0;
    }
  }
  return pairs == 0 ? 0.0 : static_cast<double>(tied) / static_cast<double>(pairs);
}

Cases with_shuffled_events(Cases cases, const Dataset& data, const CaseOptions& options, std::uint64_t seed) {
  for (std::size_t c = 0; c < cases.size(); ++c) {
    const Cut& cut = cases.cuts[c];
    const auto rest = data.interactions.of(cut.user).subspan(static_cast<std::size_t>(cut.at));
    std::vector<std::int32_t> order(rest.size());
    std::iota(order.begin(), order.end(), 0);
    shuffle({seed, static_cast<EpisodeId>(cut.user), static_cast<std::uint32_t>(cut.at)}, Stream::shuffle,
            order);
    for (std::int32_t e = 0; e < cut.events; ++e) {
      const auto at = static_cast<std::size_t>(cases.offsets[c] + e);
      const auto from = static_cast<std::size_t>(order[static_cast<std::size_t>(e)]);
      const std::size_t in_log =
          static_cast<std::size_t>(data.interactions.offsets[static_cast<std::size_t>(cut.user)] + cut.at) +
          from;
      const bool refused = refused_in(data.interactions, in_log, options);
      cases.targets[at] = rest[from];
      cases.accepted[at] = refused ? 0 : 1;
      cases.scored[at] = !refused && e >= cut.first_scored ? 1 : 0;
    }
  }
  cases.shown = cases.targets;
  return cases;
}

Cases with_events_of_others(Cases cases, std::uint64_t seed) {
  // A random cyclic order of the cases: everybody's donor is the next fitting case of another person.
  std::vector<std::int32_t> order(cases.size());
  std::iota(order.begin(), order.end(), 0);
  shuffle({seed, everybody, 0}, Stream::shuffle, order);
  const std::vector<ItemId> own = cases.targets;
  for (std::size_t place = 0; place < order.size(); ++place) {
    const auto c = static_cast<std::size_t>(order[place]);
    for (std::size_t step = 1; step < order.size(); ++step) {
      const auto donor = static_cast<std::size_t>(order[(place + step) % order.size()]);
      const bool fits =
          cases.cuts[donor].user != cases.cuts[c].user && cases.cuts[donor].events >= cases.cuts[c].events;
      if (!fits) continue;
      std::copy_n(own.begin() + cases.offsets[donor], cases.cuts[c].events,
                  cases.shown.begin() + cases.offsets[c]);
      break;
    }
  }
  return cases;
}

}  // namespace veer::shift
