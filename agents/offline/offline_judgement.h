// How well logged events are foretold: the rank of what really came among all items, and what follows from
// it. Torch-free header; pure functions, on the workers of the caller's arena.
//
// Source: Xin et al., SIGIR 2020, evaluation: every event of every session is a case, the first included; the
// history is the true one and nothing is masked (purchases often repeat what was viewed); clicks and
// purchases are judged apart; NDCG of one relevant item is 1 / log2(rank + 1) within the first K.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "agents/offline/offline_model.h"
#include "agents/offline/session_log.h"

namespace veer::offline {

/// What is left out of the ranking of an event: nothing, as in the source; or what its session held before,
/// but for the event's own item. The latter is for logs in which nobody takes anything twice.
enum class Masked : std::uint8_t { nothing, session };

/// Rank of every event of the log, or of the first `most` (0: all). `seed` draws PRL's wanted returns where
/// they vary.
std::vector<std::int32_t> rank_events(const OfflineModel& model, const SessionLog& log, std::uint64_t seed,
                                      std::int64_t most = 0, Masked masked = Masked::nothing);

/// Controls that learn nothing: items by how many events of `training` hold them (ties: smaller id first);
/// and the session's items, newest first, then all others by popularity.
std::vector<std::int32_t> rank_by_popularity(const SessionLog& training, const SessionLog& log,
                                             Masked masked = Masked::nothing);
std::vector<std::int32_t> rank_by_recency(const SessionLog& training, const SessionLog& log);

enum class Judged : std::uint8_t { clicks, purchases };
inline constexpr std::array<std::int32_t, 3> judged_depths{5, 10, 20};

/// 1 where the rank is within `depth`; 1 / log2(rank + 1) there.
float hit(std::int32_t rank, std::int32_t depth) noexcept;
float discounted_gain(std::int32_t rank, std::int32_t depth) noexcept;

/// Which events count.
struct JudgedEvents {
  Judged kind = Judged::purchases;
  std::int32_t longest = 0;  ///< only sequences of at most so many events before any cut (the released PRL:
                             ///< 50); 0: all
  bool includes(const SessionLog& log, std::int64_t event) const noexcept;
};

struct RankFigures {
  std::int64_t cases = 0;
  std::array<double, judged_depths.size()> hits{}, gains{};  ///< means over cases; 0 without cases
  double reward_at_1 = 0.0;  ///< sum of rewards of the events ranked first: grows with the number of cases
};
/// Of the events that have a rank: the first ranks.size().
RankFigures figures_of(const SessionLog& log, std::span<const std::int32_t> ranks, const JudgedEvents& which);

}  // namespace veer::offline
