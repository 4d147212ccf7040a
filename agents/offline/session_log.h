// Sessions as offline agents learn from them: one flat list of events, each a click or a purchase, cut by
// offsets. States are windows of it that are gathered when a batch needs them, so that memory is 14 bytes
// an event however long histories are. Torch-free; immutable once built, safe to share.
//
// Source: Xin et al., "Self-supervised reinforcement learning for recommender systems", SIGIR 2020
// (arXiv 2006.05779): a row of the replay buffer is one event of a session, the first included.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "env/data/dataset.h"
#include "env/types.h"

namespace veer::offline {

/// What an event is worth.
struct EventRewards {
  float click = 0.2F;
  float purchase = 1.0F;
  std::map<std::string, float> named{};  ///< of other behaviours by name, which are worth a click otherwise
};

struct SessionOptions {
  std::int32_t longest = 0;           ///< longer sequences are cut into sessions of so many events; 0: never
  bool drop_longer = false;           ///< they are left out instead, as in the released code of PRL
  std::string purchase = "purchase";  ///< behaviour that counts as one; all others are clicks
  EventRewards rewards;
};

class SessionLog {
 public:
  /// The sessions of the people of `parts`, in their order; in a data set of sessions each person is one. A
  /// data set without behaviours has clicks only. Throws ConfigError for a behaviour that it does not have.
  SessionLog(const Dataset& data, std::span<const Part> parts, const SessionOptions& options);

  std::int32_t items() const noexcept { return items_; }
  std::int64_t events() const noexcept { return static_cast<std::int64_t>(item_.size()); }
  std::int32_t sessions() const noexcept { return static_cast<std::int32_t>(offsets_.size()) - 1; }
  std::int64_t purchases() const noexcept { return purchases_; }

  ItemId item(std::int64_t event) const noexcept { return item_[at(event)]; }
  float reward(std::int64_t event) const noexcept { return reward_[at(event)]; }
  bool purchase(std::int64_t event) const noexcept { return purchase_[at(event)] != 0; }
  std::int32_t session_of(std::int64_t event) const noexcept { return session_[at(event)]; }
  /// Whose session it is: intervals resample people.
  UserId person(std::int32_t session) const noexcept { return person_[at(session)]; }
  std::int64_t first(std::int32_t session) const noexcept { return offsets_[at(session)]; }
  std::int32_t length(std::int32_t session) const noexcept {
    return static_cast<std::int32_t>(offsets_[at(session) + 1] - offsets_[at(session)]);
  }
  /// Place in its session, from 0.
  std::int32_t step(std::int64_t event) const noexcept {
    return static_cast<std::int32_t>(event - offsets_[at(session_of(event))]);
  }
  /// Events of the whole sequence that a session was cut from.
  std::int32_t whole_length(std::int32_t session) const noexcept { return whole_[at(session)]; }
  /// Whether the sequence ends here. Where it was cut it goes on, in another session.
  bool last(std::int64_t event) const noexcept { return last_[at(event)] != 0; }
  /// What happened before the event in its session, oldest first, clicks and purchases, repeats kept.
  std::span<const ItemId> before(std::int64_t event) const noexcept {
    const std::int64_t begin = offsets_[at(session_of(event))];
    return std::span(item_).subspan(at(begin), at(event - begin));
  }
  /// The same with the event itself: the state that follows it.
  std::span<const ItemId> through(std::int64_t event) const noexcept {
    const std::int64_t begin = offsets_[at(session_of(event))];
    return std::span(item_).subspan(at(begin), at(event - begin + 1));
  }

 private:
  std::int32_t items_ = 0;
  std::int64_t purchases_ = 0;
  std::vector<ItemId> item_;
  std::vector<std::uint8_t> purchase_;
  std::vector<std::uint8_t> last_;     ///< [events]
  std::vector<float> reward_;          ///< [events]
  std::vector<std::int32_t> session_;  ///< [events]
  std::vector<std::int64_t> offsets_{0};
  std::vector<UserId> person_;
  std::vector<std::int32_t> whole_;  ///< [sessions]
};

}  // namespace veer::offline
