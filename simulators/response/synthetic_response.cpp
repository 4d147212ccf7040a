#include "simulators/response/synthetic_response.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "env/error.h"
#include "env/random.h"
#include "env/runtime.h"
#include "simulators/response/response_tables.h"
#include "simulators/response/response_user.h"

namespace veer {
namespace {

using response::width;

/// Keys of Stream::generate: people by their number; what belongs to nobody counts down from the top.
constexpr EpisodeId feature_episode = ~EpisodeId{0}, sample_episode = feature_episode - 1;
constexpr std::int32_t categories = 20;      ///< values of a categorical field
constexpr std::uint32_t profile_step = ~0U;  ///< of a person's keys; slates count from 0
constexpr std::int32_t people_per_task = 64;

void check_synthetic(const SyntheticResponseParameters& p, const ItemFeatures& features) {
  const auto check = [](const char* field, std::int32_t value, std::int32_t least, std::int32_t most) {
    if (value >= least && value <= most) return;
    throw ConfigError({.file = {}, .line = 0, .field = std::string("synthetic response: ") + field},
                      {std::to_string(value), std::to_string(least) + " to " + std::to_string(most), {}});
  };
  check("people", p.people, 1, 100'000'000);
  check("items", features.items(), 2, 100'000'000);
  check("slots", p.slots, 1, features.items());
  check("slates_before", p.slates_before, 0, 1'000'000);
  check("slates", p.slates, 1, 1'000'000);
  for (const float deviation : {p.popularity, p.personality}) {
    if (deviation >= 0.0F && std::isfinite(deviation) && std::isfinite(p.mean_score)) continue;
    throw ConfigError({.file = {}, .line = 0, .field = "synthetic response: spread of scores"},
                      {std::to_string(deviation), "a finite deviation of 0 or more", {}});
  }
}

/// Ten categories (a third of a narrower profile), then amounts; ln(x + 1) of everything.
void write_profile(std::uint64_t seed, UserId user, std::span<float> out) {
  const StepKey key{seed, static_cast<EpisodeId>(user), profile_step};
  fill_normal(key, Stream::generate, out);
  const std::size_t categorical = std::min<std::size_t>(10, out.size() / 3);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i < categorical) {
      const auto lane = static_cast<std::uint32_t>(out.size() + i);
      out[i] = static_cast<float>(uniform_below(categories, key, Stream::generate, lane));
    } else {
      out[i] = std::exp(0.5F * out[i]);
    }
    out[i] = std::log(out[i] + 1.0F);
  }
}

/// `count` distinct items 1..items, uniformly: Floyd's algorithm.
void draw_slate(const StepKey& key, std::int32_t items, std::span<ItemId> out) {
  const auto count = static_cast<std::int32_t>(out.size());
  for (std::int32_t k = 0; k < count; ++k) {
    const std::int32_t top = items - count + 1 + k;
    const auto lane = static_cast<std::uint32_t>(2 * count + k);
    const auto drawn =
        1 + static_cast<ItemId>(uniform_below(static_cast<std::uint32_t>(top), key, Stream::generate, lane));
    const std::span<const ItemId> before = out.first(at(k));
    out[at(k)] = std::ranges::find(before, drawn) == before.end() ? drawn : top;
  }
}

/// What the truth makes of sample people: the 16 numbers q whose product with an item is its score.
std::vector<std::array<float, 16>> sample_readings(const ResponseModel& model,
                                                   const SyntheticResponseParameters& p) {
  constexpr std::int32_t sampled = 512;
  const response::Tables tables(model);
  response::Scratch scratch(model.sizes);
  std::vector<std::array<float, 16>> readings(sampled);
  std::vector<float> profile(at(p.profile));
  std::vector<ItemId> history(at(model.sizes.history));
  for (std::int32_t s = 0; s < sampled; ++s) {
    write_profile(p.seed ^ sample_episode, s, profile);
    for (std::size_t t = 0; t < history.size(); ++t) {
      history[t] =
          1 + static_cast<ItemId>(uniform_below(static_cast<std::uint32_t>(model.features.items()),
                                                {p.seed, sample_episode, static_cast<std::uint32_t>(s)},
                                                Stream::generate, static_cast<std::uint32_t>(t)));
    }
    float u[width];
    tables.read_profile(profile, scratch, u);
    tables.read_history(u, history, scratch, readings[at(s)].data());
  }
  return readings;
}

/// Deviation over all pairs of q (centred, [people, 16]) and items of their products.
double spread_of(const std::vector<std::array<double, 16>>& q, const response::Tables& tables) {
  double sum = 0.0, squares = 0.0;
  const std::int32_t step = std::max(1, tables.items() / 512);
  std::int64_t pairs = 0;
  for (const auto& reading : q) {
    for (ItemId i = 1; i <= tables.items(); i += step) {
      double score = 0.0;
      for (std::size_t d = 0; d < 16; ++d) score += reading[d] * double{tables.item(i)[d]};
      sum += score;
      squares += score * score;
      ++pairs;
    }
  }
  const double mean = sum / static_cast<double>(pairs);
  return std::sqrt(std::max(1e-12, squares / static_cast<double>(pairs) - mean * mean));
}

/// Scales the last map of the model so that scores have the mean and spreads asked for.
void calibrate(ResponseModel& model, const SyntheticResponseParameters& p) {
  const bool merges = model.sizes.merges_profile;
  const std::span<float> weight = model.part(merges ? "merge/weight" : "cross_out/weight");
  const std::span<float> offset = model.part(merges ? "merge/offset" : "cross_out/offset");
  const std::size_t columns = weight.size() / 16;
  const response::Tables tables(model);
  const std::vector<std::array<float, 16>> readings = sample_readings(model, p);
  std::array<double, 16> mean{};
  for (const auto& q : readings) {
    for (std::size_t d = 0; d < 16; ++d) mean[d] += double{q[d]} / static_cast<double>(readings.size());
  }
  std::vector<std::array<double, 16>> centred(readings.size());
  for (std::size_t s = 0; s < readings.size(); ++s) {
    for (std::size_t d = 0; d < 16; ++d) centred[s][d] = double{readings[s][d]} - mean[d];
  }
  const double scale = double{p.personality} / spread_of(centred, tables);
  // What everybody likes: a random direction, centred by the last dimension, which is 1 in every item.
  std::array<double, 16> common{};
  for (std::size_t d = 0; d < 15; ++d) {
    common[d] = double{
        normal({p.seed, sample_episode, profile_step}, Stream::generate, static_cast<std::uint32_t>(d))};
  }
  const double common_scale = double{p.popularity} / spread_of({common}, tables);
  double mean_common = 0.0;
  for (std::size_t d = 0; d < 15; ++d) {
    common[d] *= common_scale;
    double mean_item = 0.0;
    for (ItemId i = 1; i <= tables.items(); ++i) mean_item += double{tables.item(i)[d]};
    mean_common += common[d] * mean_item / tables.items();
  }
  common[15] = double{p.mean_score} - mean_common;
  for (std::size_t d = 0; d < 16; ++d) {
    for (std::size_t c = 0; c < columns; ++c) weight[d * columns + c] *= static_cast<float>(scale);
    offset[d] = static_cast<float>(common[d] - scale * (mean[d] - double{offset[d]}));
  }
}

ResponseModel draw_truth(ItemFeatures features, const SyntheticResponseParameters& p) {
  const ResponseSizes sizes{.profile = p.profile,
                            .features = features.width,
                            .history = p.history,
                            .merges_profile = p.merges_profile};
  ResponseModel truth = initial_response_model(sizes, std::move(features), p.seed);
  // As initialised, attention is nearly even and everybody nearly the same; these make it look.
  constexpr float item_gain = 2.0F, attention_gain = 2.5F;
  for (float& w : truth.part("item/weight")) w *= item_gain;
  for (float& w : truth.part("self_in/weight")) w *= attention_gain;
  for (float& w : truth.part("cross_in/weight")) w *= attention_gain;
  const std::span<float> item = truth.part("item/weight");
  std::fill(item.end() - sizes.features, item.end(), 0.0F);
  truth.part("item/offset").back() = 1.0F;
  const bool merges = sizes.merges_profile;
  const std::span<float> last = truth.part(merges ? "merge/weight" : "cross_out/weight");
  std::fill(last.end() - static_cast<std::ptrdiff_t>(last.size() / 16), last.end(), 0.0F);
  calibrate(truth, p);
  return truth;
}

/// One person's share of the data.
struct Life {
  std::vector<ItemId> liked;
  std::vector<std::int32_t> starts;
};

}  // namespace

ItemFeatures synthetic_item_features(std::int32_t items, std::int32_t values, std::uint64_t seed) {
  ItemFeatures features{values, std::vector<float>(at(items + 1) * at(values), 0.0F)};
  for (ItemId i = 1; i <= items; ++i) {
    fill_normal({seed, feature_episode, static_cast<std::uint32_t>(i)}, Stream::generate,
                std::span(features.values).subspan(at(i) * at(values), at(values)));
  }
  return features;
}

SyntheticResponse make_synthetic_response(ItemFeatures features, const SyntheticResponseParameters& p) {
  check_synthetic(p, features);
  SyntheticResponse made;
  made.truth = draw_truth(std::move(features), p);
  const response::Tables tables(made.truth);
  SlatePeople& people = made.data.people;
  SlateLog& log = made.data.log;
  people.profile_width = p.profile;
  people.profiles.resize(at(p.people) * at(p.profile));
  people.parts.resize(at(p.people));
  log.slots = p.slots;
  log.items.resize(at(p.people) * at(p.slates) * at(p.slots));
  log.clicks.resize(log.items.size());
  std::vector<Life> lives(at(p.people));
  const auto live = [&](UserId user, response::Scratch& scratch) {
    Life& life = lives[at(user)];
    const std::span<float> profile =
        std::span(people.profiles).subspan(at(user) * at(p.profile), at(p.profile));
    write_profile(p.seed, user, profile);
    float u[width], q[width];
    tables.read_profile(profile, scratch, u);
    std::vector<ItemId> slate(at(p.slots));
    for (std::int32_t s = -p.slates_before; s < p.slates; ++s) {
      const StepKey key{p.seed, static_cast<EpisodeId>(user),
                        static_cast<std::uint32_t>(s + p.slates_before)};
      draw_slate(key, tables.items(), slate);
      tables.read_history(u, life.liked, scratch, q);
      if (s >= 0) life.starts.push_back(static_cast<std::int32_t>(life.liked.size()));
      for (std::int32_t k = 0; k < p.slots; ++k) {
        const ItemId item = slate[at(k)];
        const bool clicked = uniform(key, Stream::generate, static_cast<std::uint32_t>(k)) <
                             click_probability(ResponseLink::soft, tables.score(item, q));
        if (clicked) life.liked.push_back(item);
        if (s < 0) continue;
        const std::size_t cell = (at(user) * at(p.slates) + at(s)) * at(p.slots) + at(k);
        log.items[cell] = item;
        log.clicks[cell] = clicked ? 1 : 0;
      }
    }
  };
  parallel_for((p.people + people_per_task - 1) / people_per_task, [&](std::int64_t task) {
    response::Scratch scratch(made.truth.sizes);
    const auto first = static_cast<UserId>(task * people_per_task);
    for (UserId user = first; user < std::min(first + people_per_task, p.people); ++user) live(user, scratch);
  });
  people.offsets.assign(1, 0);
  constexpr std::array<Part, 10> parts = {
      Part::train_plan,  Part::train_judge, Part::train_plan,  Part::train_judge, Part::train_plan,
      Part::train_judge, Part::train_plan,  Part::train_judge, Part::validation,  Part::test};
  for (UserId user = 0; user < p.people; ++user) {
    const Life& life = lives[at(user)];
    people.liked.insert(people.liked.end(), life.liked.begin(), life.liked.end());
    people.offsets.push_back(std::ssize(people.liked));
    for (const std::int32_t liked : life.starts) people.starts.push_back({user, liked});
    people.parts[at(user)] = parts[at(user) % parts.size()];
  }
  made.data.fingerprint = "synthetic response, seed " + std::to_string(p.seed);
  return made;
}

}  // namespace veer
