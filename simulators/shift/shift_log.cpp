#include "simulators/shift/shift_log.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "env/data/fingerprint.h"
#include "env/data/splits.h"
#include "env/random.h"
#include "env/runtime.h"

namespace veer::shift {
namespace {

/// The first index whose running sum of weights passes u times the total.
std::size_t draw(std::span<const double> weights, float u) {
  double total = 0.0;
  for (const double w : weights) total += w;
  double passed = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    passed += weights[i];
    if (passed > double{u} * total) return i;
  }
  return weights.size() - 1;
}

/// Which items a person may choose from: all, or the `shown` that score most for this state.
std::vector<bool> offer(const ShiftUser& users, std::span<const float> state, std::int32_t shown) {
  const auto n = static_cast<std::size_t>(users.spec().items);
  if (shown <= 0 || static_cast<std::size_t>(shown) >= n) return std::vector<bool>(n, true);
  std::vector<std::pair<float, std::size_t>> order;
  for (std::size_t i = 0; i < n; ++i) order.emplace_back(-users.score(state, static_cast<ItemId>(i) + 1), i);
  std::ranges::sort(order);
  std::vector<bool> offered(n, false);
  for (std::size_t k = 0; k < static_cast<std::size_t>(shown); ++k) offered[order[k].second] = true;
  return offered;
}

}  // namespace

Dataset generate_log(const ShiftModel& model, const Dataset& like, const LogOptions& options) {
  const ShiftUser users(model);
  const auto n = static_cast<std::size_t>(model.facts.items);
  const auto length = static_cast<std::size_t>(options.history + options.events);
  const auto people = static_cast<std::size_t>(options.people);
  std::vector<double> popular(n);
  for (std::size_t i = 0; i < n; ++i) popular[i] = std::exp(double{model.facts.log_popularity[i + 1]});
  std::vector<ItemId> items(people * length);
  const auto key = [&](std::size_t user, std::int32_t t) {
    return StepKey{options.seed, static_cast<EpisodeId>(user), static_cast<std::uint32_t>(t)};
  };
  parallel_for(options.people, [&](std::int64_t person) {
    const auto user = static_cast<std::size_t>(person);
    const std::span<ItemId> log = std::span(items).subspan(user * length, length);
    for (std::int32_t t = 0; t < options.history; ++t) {
      const std::size_t drawn = draw(popular, uniform(key(user, t), Stream::generate));
      log[static_cast<std::size_t>(t)] = static_cast<ItemId>(drawn) + 1;
    }
    std::vector<float> state(static_cast<std::size_t>(users.layout().size()));
    users.start_from(log.first(static_cast<std::size_t>(options.history)), state);
    std::vector<double> weights(n);
    const std::vector<bool> offered = offer(users, state, options.shown);
    for (std::int32_t t = options.history; t < options.history + options.events; ++t) {
      double top = -1e300;
      for (std::size_t i = 0; i < n; ++i) {
        weights[i] = double{users.score(state, static_cast<ItemId>(i) + 1)} +
                     double{options.popularity_push} * double{model.facts.log_popularity[i + 1]};
        if (offered[i]) top = std::max(top, weights[i]);
      }
      for (std::size_t i = 0; i < n; ++i) weights[i] = offered[i] ? std::exp(weights[i] - top) : 0.0;
      const auto item = static_cast<ItemId>(draw(weights, uniform(key(user, t), Stream::generate))) + 1;
      log[static_cast<std::size_t>(t)] = item;
      users.follow(state, item, true, 1.0F, key(user, t));
    }
  });

  Dataset data;
  data.name = "shift-log";
  data.catalogue = like.catalogue;
  std::ranges::fill(data.catalogue.popularity, 0);
  for (const ItemId item : items) ++data.catalogue.popularity[static_cast<std::size_t>(item)];
  data.interactions.offsets.push_back(0);
  for (std::size_t user = 0; user < people; ++user) {
    data.interactions.user_ids.push_back(std::to_string(user));
    data.interactions.offsets.push_back(static_cast<std::int64_t>((user + 1) * length));
  }
  data.interactions.items = std::move(items);
  data.split_seed = options.seed;
  data.parts = split_users(options.people, options.seed);
  data.provenance.source = "shift_user";
  data.provenance.generator =
      "people=" + std::to_string(options.people) + " history=" + std::to_string(options.history) +
      " events=" + std::to_string(options.events) + " seed=" + std::to_string(options.seed) +
      " popularity_push=" + std::to_string(options.popularity_push) +
      " mechanisms=" + model.parameters.on().text();
  data.fingerprint = fingerprint_of(data);
  return data;
}

}  // namespace veer::shift
