// Logs whose truth is known: people of a shift_user take items by their own taste, which then moves. For
// checking whether a fit finds the rates that made a log. Torch-free header.
#pragma once

#include <cstdint>

#include "env/data/dataset.h"
#include "simulators/shift/shift_user.h"

namespace veer::shift {

struct LogOptions {
  std::int32_t people = 1000;
  std::int32_t history = 5;  ///< items every log starts with, drawn by popularity
  std::int32_t events = 20;  ///< after them, each drawn from softmax of the scores at that moment
  std::uint64_t seed = 1;    ///< Stream::generate; drift draws from Stream::drift
  /// A logger that pushes what is popular: people choose by their score plus this times ln(popularity).
  float popularity_push = 0.0F;
  /// A feedback loop: people choose among this many items only, those that score most for what they took
  /// before the cut (the starting taste, a recommender that never learns). 0: the whole catalogue.
  std::int32_t shown = 0;
};

/// The catalogue is copied from `like`; everything is accepted, one step apart; people are split as by
/// split_users(). Spread over the current arena; a function of model and options alone.
Dataset generate_log(const ShiftModel& model, const Dataset& like, const LogOptions& options);

}  // namespace veer::shift
