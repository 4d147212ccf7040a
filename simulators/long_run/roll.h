// Rolls people forward without a recommender: from where a real log is cut, simulated people go on choosing
// for themselves, K items each.
//
// Thread-safety: free functions on immutable data; people are spread over the current arena in shards of a
// fixed size. Determinism: what a person takes is a function of the seed, the person and the model (Philox,
// keyed by person and step), for any number of threads. Torch-free.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/user_model.h"

namespace veer::long_run {

/// A person's log, and how many of its items stand before the cut.
struct Start {
  UserId user = 0;
  std::int64_t cut = 0;
};

/// Where logs are cut.
enum class Cut : std::uint8_t {
  last,    ///< exactly `steps` items remain after it
  middle,  ///< half of the log stands before it
  random,  ///< any place the rules allow (Stream::begin_episode, keyed by person)
  fixed,   ///< `items_before` items stand before it
};

struct StartOptions {
  Cut cut = Cut::last;
  std::int64_t items_before = 0;   ///< of Cut::fixed
  std::int32_t steps = 20;         ///< K: items that must stand after the cut
  std::int32_t least_history = 5;  ///< items that must stand before it, at least 1
  std::int64_t most_people = 0;    ///< 0: everybody; else as many, drawn by the seed
  std::uint64_t seed = 1;
};

/// One start for each of these people whose log is long enough, in their order. Throws ConfigError for
/// options out of range.
std::vector<Start> starts_of(const Interactions& log, const std::vector<UserId>& people,
                             const StartOptions& options);

/// Nothing may be taken a second time.
inline constexpr std::int32_t never_again = std::numeric_limits<std::int32_t>::max();

/// What the log says about taking an item again: the number of other items that stood between two takings at
/// least, over all people; never_again when nobody took anything twice. 0: again at once.
std::int32_t rest_between_repeats(const Interactions& log);

struct RollOptions {
  std::int32_t steps = 20;
  std::uint64_t seed = 1;
  std::int32_t rest = never_again;  ///< as rest_between_repeats() says
  std::int32_t proposals = 100;     ///< for models that do not choose for themselves: see below
  std::int32_t shard_rows = 64;     ///< people per task; a multiple of 32
  std::function<void(std::int64_t done)> progress{};  ///< people done; called from any thread
};

/// What people took after their cuts.
struct Continuations {
  std::int32_t steps = 0;
  std::vector<ItemId> items;  ///< [starts, steps]; no_item from where nothing was left to take

  View<const ItemId> view() const noexcept {
    return {items.data(), steps == 0 ? 0 : static_cast<std::int32_t>(items.size()) / steps, steps};
  }
};

/// What the log says. REQUIRES: every log holds cut + steps items.
Continuations real_continuations(const Interactions& log, const std::vector<Start>& starts,
                                 std::int32_t steps);

/// Whether roll_forward() asks the model itself what comes next (NextItemChooser).
bool chooses_for_itself(const UserModel& model) noexcept;

/// What simulated people take. Each step is accepted and moves the state, as if the person had met the item
/// without anybody's doing. A model that chooses for itself draws from its own distribution of next items.
/// For any other, the `proposals` most promising items that may be taken are shown in random order until one
/// is accepted: one of them is drawn in proportion to its probability of acceptance. The model reads as much
/// of the history as it can (UserModelSpec::positions), at most 10,000 items. Throws Interrupted.
Continuations roll_forward(const UserModel& model, const Interactions& log, const std::vector<Start>& starts,
                           const RollOptions& options);

/// Somebody who stands nowhere in a log, with the episode that keys their random numbers.
struct Person {
  UserId user = 0;
  EpisodeId episode = 0;
  std::span<const ItemId> history;  ///< oldest first
};

/// The same for one person with this history: `options.steps` items. Draws are keyed by seed, episode and
/// step, as those of a played episode are.
std::vector<ItemId> roll_forward_from(const UserModel& model, const Person& person,
                                      const RollOptions& options);

/// What people would take who know nothing but what is popular: items in proportion to `weight` [N + 1].
Continuations roll_by_weight(const std::vector<double>& weight, const Interactions& log,
                             const std::vector<Start>& starts, const RollOptions& options);

}  // namespace veer::long_run
