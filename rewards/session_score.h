// What a session was worth, episode by episode, and how much of the catalogue a policy shows.
// Thread-safety: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "env/data/attribute_table.h"
#include "env/loop/trajectories.h"
#include "rewards/metric_columns.h"

namespace veer {

/// The columns of SessionScores, in the order they are printed.
enum class SessionMetric : std::uint8_t {
  worth,          ///< sum of the rewards of the episode
  length,         ///< items shown
  taken,          ///< items clicked or bought
  purchases,      ///< items bought
  take_rate,      ///< taken / shown; NaN when nothing was shown
  purchase_rate,  ///< purchases / shown; NaN when nothing was shown
  left,           ///< 1 when the person ran out of patience, else 0
  diversity,  ///< share of the pairs of shown items without an attribute in common; NaN for fewer than two
              ///< items that have attributes
  repeats,    ///< share of what was shown that was in the history or had been shown; NaN as take_rate
  rarity,     ///< mean of -log2(popularity / interactions) of what was shown, bits (Zhou et al., PNAS 2010);
              ///< an item that nobody took counts as taken once; NaN when nothing was shown
};

inline constexpr std::int32_t session_metrics = 10;
std::string_view name_of(SessionMetric metric) noexcept;

using SessionScores = MetricColumns<SessionMetric, session_metrics>;

/// Scores every episode; slots of a step count one by one.
SessionScores score_sessions(const Trajectories& sessions, const Catalogue& catalogue,
                             const AttributeTable& attributes);

/// How a policy spreads what it shows over the catalogue. Depends on the number of episodes: compare equal
/// numbers only.
struct Coverage {
  std::int64_t items = 0;  ///< distinct ones
  double share = 0.0;      ///< of the catalogue
  double gini = 0.0;  ///< of how often each item of the catalogue was shown: 0 all alike, 1 one item only
};
Coverage coverage_of(const Trajectories& sessions, std::int32_t catalogue);

}  // namespace veer
