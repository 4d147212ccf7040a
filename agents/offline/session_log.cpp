#include "agents/offline/session_log.h"

#include <algorithm>

#include "env/error.h"

namespace veer::offline {
namespace {

/// Index of the behaviour that is a purchase; -1 in a data set without behaviours.
std::int32_t purchase_of(const Interactions& log, const std::string& name) {
  if (log.behaviours.empty()) return -1;
  const auto& names = log.behaviour_names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    std::string known;
    for (const std::string& each : names) known += (known.empty() ? "" : ", ") + each;
    throw ConfigError(Where{{}, 0, "purchase"},
                      Problem{"'" + name + "'", "one of " + known, "name the behaviour that is a purchase"});
  }
  return static_cast<std::int32_t>(found - names.begin());
}

/// Reward of every behaviour; of a data set without behaviours that of clicks.
std::vector<float> behaviour_rewards(const Interactions& log, std::int32_t purchase,
                                     const EventRewards& rewards) {
  std::vector<float> out(std::max<std::size_t>(1, log.behaviour_names.size()), rewards.click);
  if (purchase >= 0) out[at(purchase)] = rewards.purchase;
  for (const auto& [name, reward] : rewards.named) {
    const auto found = std::find(log.behaviour_names.begin(), log.behaviour_names.end(), name);
    if (found == log.behaviour_names.end()) {
      throw ConfigError(Where{{}, 0, "rewards"},
                        Problem{"'" + name + "'", "a behaviour of the data set", "veer info names them"});
    }
    out[static_cast<std::size_t>(found - log.behaviour_names.begin())] = reward;
  }
  return out;
}

}  // namespace

SessionLog::SessionLog(const Dataset& data, std::span<const Part> parts, const SessionOptions& options)
    : items_(data.catalogue.size()) {
  if (options.longest < 0) {
    throw ConfigError(Where{{}, 0, "longest"},
                      Problem{std::to_string(options.longest), "0 (no limit) or more", ""});
  }
  const Interactions& log = data.interactions;
  const std::int32_t purchase = purchase_of(log, options.purchase);
  const std::vector<float> worth = behaviour_rewards(log, purchase, options.rewards);
  for (UserId user = 0; user < log.users(); ++user) {
    if (std::find(parts.begin(), parts.end(), data.parts[at(user)]) == parts.end()) continue;
    const std::int64_t begin = log.offsets[at(user)], end = log.offsets[at(user) + 1];
    if (options.drop_longer && options.longest > 0 && end - begin > options.longest) continue;
    for (std::int64_t i = begin; i < end; ++i) {
      if (i == begin || (options.longest > 0 && (i - begin) % options.longest == 0)) {
        if (i > begin) offsets_.push_back(events());
        person_.push_back(user);
        whole_.push_back(static_cast<std::int32_t>(end - begin));
      }
      const bool bought = purchase >= 0 && log.behaviours[at(i)] == purchase;
      item_.push_back(log.items[at(i)]);
      purchase_.push_back(bought ? 1 : 0);
      last_.push_back(i + 1 == end ? 1 : 0);
      reward_.push_back(worth[log.behaviours.empty() ? 0 : at(log.behaviours[at(i)])]);
      session_.push_back(static_cast<std::int32_t>(person_.size()) - 1);
      purchases_ += bought ? 1 : 0;
    }
    if (end > begin) offsets_.push_back(events());
  }
}

}  // namespace veer::offline
