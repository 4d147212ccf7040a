// People's logs cut in two: a history that is encoded once, and the events after it that the dynamics must
// follow. What a fit learns from and what evidence is measured on.
//
// Thread-safety: value types; make_cases() spreads the encoding over the current arena, in blocks of a fixed
// size. Torch-free header.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "env/data/dataset.h"
#include "env/nn/sequence_model.h"
#include "simulators/shift/shift_user.h"

namespace veer::shift {

/// One cut through a person's log: items [0, at) are history, [at, at + events) follow. Only events from
/// `first_scored` on (0: all) are predicted; earlier ones only move the taste.
struct Cut {
  UserId user = 0;
  std::int32_t at = 0;
  std::int32_t events = 0;
  std::int32_t first_scored = 0;
};

struct CaseOptions {
  TimeUnit time = TimeUnit::steps;
  float days_per_step = 1.0F;
  /// Events rated at most this are refusals: they are no targets and turn taste away. A stated proxy, for
  /// the person did choose the item; 0: none, every event is an acceptance.
  float refused_rating = 0.0F;
};

/// Cuts with their starting read-outs and events, flat. Event e of case c is at offsets[c] + e.
struct Cases {
  std::vector<Cut> cuts;
  std::int32_t width = 0;             ///< d
  std::vector<float> readouts;        ///< [cases, d]
  std::vector<std::int64_t> offsets;  ///< [cases + 1]
  std::vector<ItemId> targets;        ///< what the person took
  std::vector<ItemId> shown;          ///< what moves the taste: the same, save in controls
  std::vector<std::uint8_t> accepted;
  std::vector<std::uint8_t> scored;  ///< the event is predicted
  std::vector<float> gaps;           ///< steps until the next event

  std::size_t size() const noexcept { return cuts.size(); }
  std::int64_t scored_events() const noexcept;
};

/// Throws ConfigError when the options ask for times or ratings the data set does not have.
Cases make_cases(const Dataset& data, const nn::SequenceModel& base, std::vector<Cut> cuts,
                 const CaseOptions& options);

/// Up to `per_person` distinct cuts of each person of at least two items, drawn by Philox (Stream::shuffle),
/// each followed by up to `events` events. `keep_last` items at the end of each log are not touched.
std::vector<Cut> training_cuts(const Interactions& log, std::span<const UserId> people,
                               std::int32_t per_person, std::int32_t events, std::int32_t keep_last,
                               std::uint64_t seed);
/// Non-overlapping windows from the end of each log: the last `events` items, those before them, and so on,
/// at most `per_person`; a cut leaves at least half of the log, or 5 items where that is less, as history,
/// so short logs have one short window.
std::vector<Cut> held_out_cuts(const Interactions& log, std::span<const UserId> people,
                               std::int32_t per_person, std::int32_t events);

/// One cut per person after exactly `at` items, where an event follows.
std::vector<Cut> fixed_cuts(const Interactions& log, std::span<const UserId> people, std::int32_t at,
                            std::int32_t events);

/// Median time between consecutive events, days; times that are equal are left out. Throws ConfigError for a
/// log without times, or without two different ones.
float median_gap_days(const Interactions& log);
/// Share of consecutive events with the same stamp. 0 for a log without times.
double tied_share(const Interactions& log);

/// Control 1: everything after each cut in the person's log in random order (Stream::shuffle), then cut to
/// the case's events. Gaps stay in place; refusals move with their items.
Cases with_shuffled_events(Cases cases, const Dataset& data, const CaseOptions& options, std::uint64_t seed);
/// Control 2: targets stay, but what moves the taste comes from the case of another person with at least as
/// many events, drawn by Philox.
Cases with_events_of_others(Cases cases, std::uint64_t seed);

}  // namespace veer::shift
