#include "simulators/behaviours/synthetic_behaviours.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"
#include "simulators/behaviours/behaviour_fidelity.h"
#include "simulators/behaviours/behaviour_tables.h"
#include "simulators/response/response_user.h"

namespace veer {
namespace {

/// Keys of Stream::generate: people by their number; what belongs to nobody counts down from the top.
constexpr EpisodeId kinds_of_items = ~EpisodeId{0}, sample_people = kinds_of_items - 1;
constexpr std::uint32_t kinds_step = ~0U;  ///< of a person's keys; slates count from 0
constexpr std::array<std::int32_t, 2> kinds_of_people = {6, 8};
constexpr std::array<std::int32_t, 2> item_blocks = {12, 5};
constexpr std::array<double, 7> usual_rates = {0.4, 0.25, 0.06, 0.04, 0.03, 0.02, 0.02};
constexpr std::int32_t people_at_once = 32;

void check_synthetic_behaviours(const SyntheticBehaviourParameters& p) {
  const auto reject = [](const char* field, const std::string& found, const std::string& expected) {
    throw ConfigError({.file = {}, .line = 0, .field = std::string("made-up behaviours: ") + field},
                      {found, expected, {}});
  };
  const auto check = [&](const char* field, std::int32_t value, std::int32_t least, std::int32_t most) {
    if (value >= least && value <= most) return;
    reject(field, std::to_string(value), std::to_string(least) + " to " + std::to_string(most));
  };
  check("people", p.people, 1, 100'000'000);
  check("items", p.items, 2, 100'000'000);
  check("slots", p.slots, 1, p.items);
  check("slates_before", p.slates_before, 0, 1'000'000);
  check("slates", p.slates, 1, 1'000'000);
  if (!p.rates.empty() && std::ssize(p.rates) != p.sizes.count()) {
    reject("rates", std::to_string(p.rates.size()), "one for each behaviour");
  }
  for (const double rate : p.rates) {
    if (!(rate > 0.0 && rate < 1.0)) reject("rates", std::to_string(rate), "more than 0, less than 1");
  }
  if (!(p.spread >= 0.0F) || !std::isfinite(p.spread))
    reject("spread", std::to_string(p.spread), "0 or more");
}

/// One-hot blocks, kind by kind.
template <std::size_t N>
void write_kinds(const StepKey& key, const std::array<std::int32_t, N>& blocks, std::span<float> out) {
  std::ranges::fill(out, 0.0F);
  std::size_t first = 0;
  for (std::size_t b = 0; b < N; ++b) {
    const auto lane = static_cast<std::uint32_t>(b);
    const auto kind = uniform_below(static_cast<std::uint32_t>(blocks[b]), key, Stream::generate, lane);
    out[first + kind] = 1.0F;
    first += at(blocks[b]);
  }
}

/// `count` distinct items 1..items, uniformly: Floyd's algorithm. Lanes from 0 on.
void draw_distinct(const StepKey& key, std::int32_t items, std::span<ItemId> out) {
  const auto count = static_cast<std::int32_t>(out.size());
  for (std::int32_t k = 0; k < count; ++k) {
    const std::int32_t top = items - count + 1 + k;
    const auto drawn =
        1 + static_cast<ItemId>(uniform_below(static_cast<std::uint32_t>(top), key, Stream::generate,
                                              static_cast<std::uint32_t>(k)));
    const std::span<const ItemId> before = out.first(at(k));
    out[at(k)] = std::ranges::find(before, drawn) == before.end() ? drawn : top;
  }
}

BehaviourModel draw_behaviour_truth(const SyntheticBehaviourParameters& p) {
  BehaviourSizes sizes = p.sizes;
  sizes.items = p.items;
  sizes.people = 0;
  sizes.item_ids = true;
  sizes.profile_blocks.assign(kinds_of_people.begin(), kinds_of_people.end());
  sizes.feature_blocks.assign(item_blocks.begin(), item_blocks.end());
  ItemFeatures features{sizes.features(), std::vector<float>(at(p.items + 1) * at(sizes.features()), 0.0F)};
  for (ItemId i = 1; i <= p.items; ++i) {
    write_kinds({p.seed, kinds_of_items, static_cast<std::uint32_t>(i)}, item_blocks,
                std::span(features.values).subspan(at(i) * at(sizes.features()), at(sizes.features())));
  }
  BehaviourModel truth = initial_behaviour_model(sizes, std::move(features), p.seed);
  // Ids add little to what features say, or strangers' items could not be learned from a small log; the
  // network behind the queries looks at its inputs, or everybody would be nearly the same.
  for (float& value : truth.part("item_ids")) value *= 0.3F;
  for (float& value : truth.part("positions")) value *= 0.5F;
  for (float& value : truth.part("state1/weight")) value *= 2.0F;
  for (float& value : truth.part("state2/weight")) value *= 3.0F;
  return truth;
}

struct SampleScores {
  std::vector<double> mean;  ///< [behaviours]
  double deviation = 0.0;    ///< within a behaviour
  std::vector<std::vector<double>> scores;
};

/// Scores of sample people with random histories for a few items each.
SampleScores sample_scores(const BehaviourModel& truth, std::uint64_t seed) {
  constexpr std::int32_t sampled = 192, shown = 24;
  const behaviour::Tables tables(truth);
  const BehaviourSizes& sizes = truth.sizes;
  behaviour::Scratch scratch(sizes);
  SampleScores out;
  out.scores.resize(at(sizes.count()));
  const std::int32_t length = std::min(sizes.history, sizes.items);
  std::vector<ItemId> history(at(length)), items(at(std::min(shown, sizes.items)));
  std::vector<float> profile(at(sizes.profile())), person(at(sizes.encoding)),
      queries(at(tables.query_width())), done(at(sizes.history), 1.0F);
  for (std::int32_t s = 0; s < sampled; ++s) {
    const StepKey key{seed, sample_people, static_cast<std::uint32_t>(s)};
    write_kinds(key, kinds_of_people, profile);
    draw_distinct({seed ^ 1, sample_people, key.step}, sizes.items, history);
    draw_distinct({seed ^ 2, sample_people, key.step}, sizes.items, items);
    tables.encode_person(s, profile, person.data());
    const behaviour::Reader reader{.person = person.data(), .history = history, .done = done.data()};
    tables.read(std::span(&reader, 1), 0.0F, scratch, queries.data());
    for (const ItemId item : items) {
      for (std::int32_t b = 0; b < sizes.count(); ++b) {
        out.scores[at(b)].push_back(double{tables.score(item, b, queries.data())});
      }
    }
  }
  double squares = 0.0, pairs = 0.0;
  for (const std::vector<double>& scores : out.scores) {
    const double mean =
        std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
    out.mean.push_back(mean);
    for (const double score : scores) squares += (score - mean) * (score - mean);
    pairs += static_cast<double>(scores.size());
  }
  out.deviation = std::sqrt(std::max(1e-12, squares / pairs));
  return out;
}

/// Scales the queries so that scores spread as asked for, and sets offsets so that rates are those asked for.
void calibrate_behaviours(BehaviourModel& truth, const SyntheticBehaviourParameters& p) {
  const double gain = double{p.spread} / sample_scores(truth, p.seed).deviation;
  for (float& value : truth.part("query_norm/gain")) value *= static_cast<float>(gain);
  const SampleScores sample = sample_scores(truth, p.seed);
  for (std::size_t b = 0; b < sample.scores.size(); ++b) {
    const double rate = !p.rates.empty() ? p.rates[b] : usual_rates[std::min(b, usual_rates.size() - 1)];
    double low = -60.0, high = 60.0;
    for (int i = 0; i < 60; ++i) {
      const double offset = 0.5 * (low + high);
      double mean = 0.0;
      for (const double score : sample.scores[b]) mean += 1.0 / (1.0 + std::exp(-score - offset));
      (mean < rate * static_cast<double>(sample.scores[b].size()) ? low : high) = offset;
    }
    truth.offsets[b] = static_cast<float>(0.5 * (low + high));
  }
}

/// One person's share of the data.
struct DoneThings {
  std::vector<ItemId> liked;
  std::vector<std::uint8_t> done;
  std::vector<std::int32_t> starts;
};

}  // namespace

SyntheticBehaviours make_synthetic_behaviours(const SyntheticBehaviourParameters& p) {
  check_synthetic_behaviours(p);
  SyntheticBehaviours made;
  made.truth = draw_behaviour_truth(p);
  calibrate_behaviours(made.truth, p);
  const BehaviourSizes& sizes = made.truth.sizes;
  const behaviour::Tables tables(made.truth);
  SlatePeople& people = made.data.people;
  SlateLog& log = made.data.log;
  people.profile_width = sizes.profile();
  people.profiles.resize(at(p.people) * at(people.profile_width));
  people.parts.resize(at(p.people));
  log.slots = p.slots;
  log.items.resize(at(p.people) * at(p.slates) * at(p.slots));
  log.clicks.resize(log.items.size());
  log.answers.resize(log.items.size());
  std::vector<DoneThings> lives(at(p.people));
  const std::size_t slots = at(p.slots);
  const auto live = [&](UserId user, behaviour::Scratch& scratch) {
    DoneThings& life = lives[at(user)];
    const std::span<float> profile =
        std::span(people.profiles).subspan(at(user) * at(people.profile_width), at(people.profile_width));
    const auto episode = static_cast<EpisodeId>(user);
    write_kinds({p.seed, episode, kinds_step}, kinds_of_people, profile);
    std::vector<float> person(at(sizes.encoding)), queries(at(tables.query_width())), sets(at(sizes.history));
    std::vector<ItemId> slate(slots);
    tables.encode_person(user, profile, person.data());
    for (std::int32_t s = -p.slates_before; s < p.slates; ++s) {
      const StepKey key{p.seed, episode, static_cast<std::uint32_t>(s + p.slates_before)};
      draw_distinct(key, tables.items(), slate);
      const std::size_t kept = std::min(life.liked.size(), sets.size());
      std::ranges::fill(sets, 0.0F);
      for (std::size_t t = 0; t < kept; ++t) {
        sets[sets.size() - kept + t] = static_cast<float>(life.done[life.done.size() - kept + t]);
      }
      const behaviour::Reader reader{
          .person = person.data(), .history = std::span(life.liked).last(kept), .done = sets.data()};
      tables.read(std::span(&reader, 1), 0.0F, scratch, queries.data());
      if (s >= 0) life.starts.push_back(static_cast<std::int32_t>(life.liked.size()));
      for (std::size_t k = 0; k < slots; ++k) {
        std::uint8_t answer = 0;
        for (std::int32_t b = 0; b < sizes.count(); ++b) {
          const auto lane = static_cast<std::uint32_t>(slots * at(1 + b) + k);
          const float chance =
              click_probability(ResponseLink::soft, tables.score(slate[k], b, queries.data()));
          if (uniform(key, Stream::generate, lane) < chance) {
            answer = static_cast<std::uint8_t>(answer | bit_of(sizes.behaviours[at(b)]));
          }
        }
        const bool clicked = did(answer, Behaviour::click);
        if (s >= 0) {
          const std::size_t cell = (at(user) * at(p.slates) + at(s)) * slots + k;
          log.items[cell] = slate[k];
          log.clicks[cell] = clicked ? 1 : 0;
          log.answers[cell] = answer;
        }
        if (!clicked) continue;
        life.liked.push_back(slate[k]);
        life.done.push_back(answer);
      }
    }
  };
  parallel_for((p.people + people_at_once - 1) / people_at_once, [&](std::int64_t task) {
    behaviour::Scratch scratch(sizes);
    const auto first = static_cast<UserId>(task * people_at_once);
    for (UserId user = first; user < std::min(first + people_at_once, p.people) && !interrupted(); ++user) {
      live(user, scratch);
    }
  });
  if (interrupted()) throw Interrupted("interrupted while people were made up; nothing was written");
  people.offsets.assign(1, 0);
  constexpr std::array<Part, 10> parts = {
      Part::train_plan,  Part::train_judge, Part::train_plan,  Part::train_judge, Part::train_plan,
      Part::train_judge, Part::train_plan,  Part::train_judge, Part::validation,  Part::test};
  for (UserId user = 0; user < p.people; ++user) {
    const DoneThings& life = lives[at(user)];
    people.liked.insert(people.liked.end(), life.liked.begin(), life.liked.end());
    people.done.insert(people.done.end(), life.done.begin(), life.done.end());
    people.offsets.push_back(std::ssize(people.liked));
    for (const std::int32_t liked : life.starts) people.starts.push_back({user, liked});
    people.parts[at(user)] = parts[at(user) % parts.size()];
  }
  std::vector<std::int64_t> all(at(log.size()));
  std::iota(all.begin(), all.end(), 0);
  made.truth.odds = behaviour_odds(made.data, all, sizes.behaviours);
  made.data.fingerprint = "synthetic behaviours, " + std::to_string(p.people) + " people, " +
                          std::to_string(p.items) + " items, seed " + std::to_string(p.seed);
  return made;
}

}  // namespace veer
