#include "simulators/synthetic/synthetic_log.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "env/data/fingerprint.h"
#include "env/data/splits.h"
#include "env/error.h"
#include "env/runtime.h"
#include "simulators/next_item.h"
#include "simulators/synthetic/synthetic_log_titles.h"

namespace veer {
namespace {

constexpr std::uint32_t log_length_draws = 0xFFFFFFFFU;  // a step number no attempt reaches

/// Lanes of one attempt to show something.
enum LogLane : std::uint32_t { explore = 0, pick = 1, answer = 2, pause = 3 };

void check(bool holds, const char* field, const std::string& found, const std::string& expected) {
  if (holds) return;
  throw ConfigError({.file = {}, .line = 0, .field = std::string("synthetic log: ") + field},
                    {.found = found, .expected = expected, .hint = {}});
}

void check_parameters(const SyntheticLogParameters& p) {
  check(p.people >= 1, "people", std::to_string(p.people), "at least 1");
  check(p.events >= 2, "events", std::to_string(p.events), "at least 2");
  check(p.rest >= 0 && p.rest <= p.world.items / 2, "rest", std::to_string(p.rest),
        "0 to half the number of items");
  check(p.taste >= 0 && std::isfinite(p.taste), "taste", std::to_string(p.taste), "a finite number >= 0");
  check(p.popularity >= 0 && std::isfinite(p.popularity), "popularity", std::to_string(p.popularity),
        "a finite number >= 0");
  check(p.exploration >= 0 && p.exploration <= 1, "exploration", std::to_string(p.exploration), "0 to 1");
}

struct PersonLog {
  std::vector<ItemId> items;
  std::vector<std::int64_t> times;
};

class Logger {
 public:
  Logger(const SyntheticLogParameters& parameters, const SyntheticUser& truth)
      : parameters_(parameters), truth_(truth) {}

  PersonLog follow(UserId user) const {
    const auto items = static_cast<std::size_t>(truth_.world().items());
    std::vector<float> state(static_cast<std::size_t>(truth_.state_width())), scores(items);
    std::vector<std::uint8_t> taken(items, 0);
    truth_.start(user, state);

    const std::uint32_t spread = static_cast<std::uint32_t>(parameters_.events / 2 * 2 + 1);
    const StepKey length_key{parameters_.seed, static_cast<EpisodeId>(user), log_length_draws};
    const std::size_t length = static_cast<std::size_t>(parameters_.events - parameters_.events / 2) +
                               uniform_below(spread, length_key, Stream::generate);
    PersonLog log;
    // People join over one year and come back every few hours or days.
    std::int64_t now = 1600000000 + uniform_below(31536000U, length_key, Stream::generate, 1);
    // Acceptance is never below sigmoid of the lowest utility; the cap only guards against hopeless
    // parameters.
    const std::uint32_t most_attempts = static_cast<std::uint32_t>(100 * length);
    for (std::uint32_t attempt = 0; log.items.size() < length && attempt < most_attempts; ++attempt) {
      const StepKey key{parameters_.seed, static_cast<EpisodeId>(user), attempt};
      const ItemId item = show_something(state, taken, key, scores);
      const bool accepted = uniform(key, Stream::generate, answer) < truth_.acceptance(state, item);
      truth_.show(state, item, accepted, truth_.world().parameters().rates, key);
      now += 600 + uniform_below(86400U, key, Stream::generate, pause);
      if (!accepted) continue;
      log.items.push_back(item);
      taken[static_cast<std::size_t>(item) - 1] = 1;
      const auto rest = static_cast<std::size_t>(parameters_.rest);
      if (log.items.size() > rest)
        taken[static_cast<std::size_t>(log.items.end()[-1 - parameters_.rest]) - 1] = 0;
      log.times.push_back(now);
    }
    return log;
  }

 private:
  ItemId show_something(std::span<const float> state, std::span<const std::uint8_t> taken, const StepKey& key,
                        std::span<float> scores) const {
    const bool random = uniform(key, Stream::generate, explore) < parameters_.exploration;
    if (random) {
      std::ranges::fill(scores, 0.0F);
    } else {
      truth_.utilities(state, scores);
      const float factor = parameters_.taste / truth_.world().parameters().temperature;
      for (std::size_t i = 0; i < scores.size(); ++i) {
        const float quality = truth_.world().quality(static_cast<ItemId>(i) + 1);
        scores[i] = factor * scores[i] + parameters_.popularity * quality;
      }
    }
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (taken[i] != 0) scores[i] = -INFINITY;
    }
    return draw_in_proportion(scores, uniform(key, Stream::generate, pick));
  }

  const SyntheticLogParameters& parameters_;
  const SyntheticUser& truth_;
};

Catalogue make_catalogue(const SyntheticWorld& world) {
  Catalogue catalogue;
  catalogue.ids = {""};
  catalogue.titles = synthetic_titles(world);
  catalogue.attribute_offsets = {0, 0};
  for (std::int32_t t = 0; t < world.topics(); ++t)
    catalogue.attribute_names.push_back(synthetic_topic_name(t));
  for (ItemId item = 1; item <= world.items(); ++item) {
    catalogue.ids.push_back("i" + std::to_string(item));
    for (const std::int32_t topic : world.main_topics_of(item)) catalogue.attributes.push_back(topic);
    catalogue.attribute_offsets.push_back(static_cast<std::int64_t>(catalogue.attributes.size()));
  }
  catalogue.popularity.assign(catalogue.ids.size(), 0);
  return catalogue;
}

std::string describe_generator(const SyntheticLogParameters& p) {
  const SyntheticParameters& w = p.world;
  std::string text = "synthetic people=" + std::to_string(p.people) + " events=" + std::to_string(p.events) +
                     " rest=" + std::to_string(p.rest) + " seed=" + std::to_string(p.seed) +
                     " world-seed=" + std::to_string(w.seed) + " items=" + std::to_string(w.items) +
                     " topics=" + std::to_string(w.topics);
  const std::pair<const char*, float> numbers[] = {{"taste", p.taste},
                                                   {"popularity", p.popularity},
                                                   {"exploration", p.exploration},
                                                   {"neighbour-share", w.neighbour_share},
                                                   {"bridge-share", w.bridge_share},
                                                   {"quality-spread", w.quality_spread},
                                                   {"scale", w.scale},
                                                   {"bias", w.bias},
                                                   {"temperature", w.temperature},
                                                   {"shift", w.rates.shift},
                                                   {"boredom-growth", w.rates.boredom_growth},
                                                   {"boredom-decay", w.rates.boredom_decay},
                                                   {"drift", w.rates.drift}};
  for (const auto& [name, value] : numbers) text += std::string(" ") + name + "=" + shortest_decimal(value);
  return text;
}

}  // namespace

SyntheticLog generate_synthetic_log(const SyntheticLogParameters& parameters) {
  check_parameters(parameters);
  const auto truth =
      std::make_shared<const SyntheticUser>(std::make_shared<const SyntheticWorld>(parameters.world));
  const Logger logger(parameters, *truth);
  std::vector<PersonLog> people(static_cast<std::size_t>(parameters.people));
  parallel_for(parameters.people, [&](std::int64_t user) {
    people[static_cast<std::size_t>(user)] = logger.follow(static_cast<UserId>(user));
  });

  Dataset data;
  data.name = parameters.name;
  data.catalogue = make_catalogue(truth->world());
  data.interactions.offsets = {0};
  for (std::size_t u = 0; u < people.size(); ++u) {
    Interactions& all = data.interactions;
    all.user_ids.push_back("u" + std::to_string(u));
    all.items.insert(all.items.end(), people[u].items.begin(), people[u].items.end());
    all.times.insert(all.times.end(), people[u].times.begin(), people[u].times.end());
    all.offsets.push_back(all.size());
  }
  for (const ItemId item : data.interactions.items) {
    ++data.catalogue.popularity[static_cast<std::size_t>(item)];
  }
  data.split_seed = parameters.seed;
  data.parts = split_users(parameters.people, parameters.seed);
  data.provenance.source = "synthetic";
  data.provenance.generator = describe_generator(parameters);
  data.fingerprint = fingerprint_of(data);
  return {std::move(data), truth};
}

}  // namespace veer
