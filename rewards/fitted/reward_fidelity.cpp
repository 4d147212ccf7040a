#include "rewards/fitted/reward_fidelity.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "env/runtime.h"

namespace veer {
namespace {

struct LoggedEvent {
  UserId user;
  std::int32_t place;
};

std::vector<LoggedEvent> some_events(const Interactions& log, std::span<const UserId> people,
                                     std::int64_t most) {
  std::int64_t events = 0;
  for (const UserId user : people) events += std::ssize(log.of(user));
  const std::int64_t stride = 1 + std::max<std::int64_t>(0, events - 1) / most;
  std::vector<LoggedEvent> out;
  std::int64_t event = 0;
  for (const UserId user : people) {
    const auto length = static_cast<std::int32_t>(log.of(user).size());
    for (std::int32_t k = 0; k < length; ++k, ++event) {
      if (event % stride == 0) out.push_back({user, k});
    }
  }
  return out;
}

}  // namespace

ChoiceFidelity choice_fidelity(const RewardModel& model, const Dataset& data, std::span<const UserId> fitted,
                               std::span<const UserId> people, std::int64_t most) {
  const Interactions& log = data.interactions;
  std::vector<double> count(at(model.items()), 1.0);
  double total = model.items();
  for (const UserId user : fitted) {
    for (const ItemId item : log.of(user)) count[at(item) - 1] += 1.0;
    total += static_cast<double>(log.of(user).size());
  }
  const std::vector<LoggedEvent> events = some_events(log, people, most);
  std::vector<double> loss(events.size());
  parallel_for(std::ssize(events), [&](std::int64_t i) {
    const auto& [user, place] = events[at(i)];
    std::vector<float> values(at(model.items()));
    model.action_values(0, log.of(user).first(at(place)), values);
    const double temperature = double{model.form().temperature};
    const double taken = double{values[at(log.of(user)[at(place)]) - 1]};
    loss[at(i)] = (soft_maximum(values, temperature) - taken) / temperature;
  });
  ChoiceFidelity out{.events = std::ssize(events)};
  for (std::size_t i = 0; i < events.size(); ++i) {
    out.log_loss += loss[i];
    out.log_loss_frequency -= std::log(count[at(log.of(events[i].user)[at(events[i].place)]) - 1] / total);
  }
  if (out.events == 0) return out;
  out.log_loss /= static_cast<double>(out.events);
  out.log_loss_frequency /= static_cast<double>(out.events);
  return out;
}

PurchaseAgreement purchase_agreement(const RewardModel& model, const Dataset& data,
                                     std::span<const UserId> people, const std::string& purchase,
                                     std::int64_t most) {
  const Interactions& log = data.interactions;
  PurchaseAgreement out;
  const auto named = std::ranges::find(log.behaviour_names, purchase);
  if (named == log.behaviour_names.end()) return out;
  const auto kind = static_cast<std::uint8_t>(named - log.behaviour_names.begin());
  const std::vector<LoggedEvent> events = some_events(log, people, most);
  std::vector<std::pair<float, std::uint8_t>> said(events.size());
  parallel_for(std::ssize(events), [&](std::int64_t i) {
    const auto& [user, place] = events[at(i)];
    const std::span<const ItemId> items = log.of(user);
    const bool bought = log.behaviours[at(log.offsets[at(user)] + place)] == kind;
    said[at(i)] = {model.value(items[at(place)], items.first(at(place))), bought ? 1 : 0};
  });
  std::ranges::sort(said);
  double above = 0.0;
  std::int64_t others = 0;
  for (std::size_t first = 0; first < said.size();) {
    std::size_t past = first;
    std::int64_t yes = 0;
    while (past < said.size() && said[past].first == said[first].first) yes += said[past++].second;
    const std::int64_t no = static_cast<std::int64_t>(past - first) - yes;
    above += static_cast<double>(yes) * (static_cast<double>(others) + 0.5 * static_cast<double>(no));
    others += no;
    out.purchases += yes;
    first = past;
  }
  out.events = std::ssize(said);
  if (others > 0 && out.purchases > 0) {
    out.auc = above / (static_cast<double>(others) * static_cast<double>(out.purchases));
  }
  return out;
}

}  // namespace veer
