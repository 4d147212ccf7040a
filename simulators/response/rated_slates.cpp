#include "simulators/response/rated_slates.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "env/error.h"
#include "env/random.h"

namespace veer {
namespace {

[[noreturn]] void reject_ratings(const char* field, const std::string& found, const std::string& expected) {
  throw ConfigError({.file = {}, .line = 0, .field = std::string("slates of ratings: ") + field},
                    {found, expected, {}});
}

/// Likes of the people that models may learn from: item and person of each, person by person.
struct Likes {
  std::vector<ItemId> item;
  std::vector<std::int32_t> person;
  std::vector<float> weight;
  std::int32_t people = 0;
};

Likes collect_likes(const Dataset& data, float liked_from) {
  Likes likes;
  const Interactions& log = data.interactions;
  std::vector<double> of_item(at(data.catalogue.size()) + 1), of_person;
  for (UserId user = 0; user < log.users(); ++user) {
    const bool learns = data.parts.empty() || data.parts[at(user)] == Part::train_plan ||
                        data.parts[at(user)] == Part::train_judge;
    if (!learns) continue;
    double count = 0.0;
    for (std::int64_t i = log.offsets[at(user)]; i < log.offsets[at(user) + 1]; ++i) {
      if (!log.ratings.empty() && log.ratings[at(i)] < liked_from) continue;
      likes.item.push_back(log.items[at(i)]);
      likes.person.push_back(likes.people);
      of_item[at(log.items[at(i)])] += 1.0;
      count += 1.0;
    }
    of_person.push_back(count);
    ++likes.people;
  }
  for (std::size_t i = 0; i < likes.item.size(); ++i) {
    likes.weight.push_back(
        static_cast<float>(1.0 / std::sqrt(of_item[at(likes.item[i])] * of_person[at(likes.person[i])])));
  }
  return likes;
}

/// Makes the columns of `basis` [rows, columns] orthonormal: modified Gram-Schmidt, first column first.
void orthonormalise(std::vector<double>& basis, std::size_t columns) {
  const std::size_t rows = basis.size() / columns;
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t b = 0; b < c; ++b) {
      double product = 0.0;
      for (std::size_t r = 0; r < rows; ++r) product += basis[r * columns + b] * basis[r * columns + c];
      for (std::size_t r = 0; r < rows; ++r) basis[r * columns + c] -= product * basis[r * columns + b];
    }
    double square = 0.0;
    for (std::size_t r = 0; r < rows; ++r) square += basis[r * columns + c] * basis[r * columns + c];
    const double inverse = square > 1e-24 ? 1.0 / std::sqrt(square) : 0.0;
    for (std::size_t r = 0; r < rows; ++r) basis[r * columns + c] *= inverse;
  }
}

/// Leading left singular vectors [N + 1, columns] of the weighted item-by-person matrix.
std::vector<double> leading_vectors(const Likes& likes, std::int32_t items, const LearnedFeaturesOptions& o) {
  const std::size_t columns = at(o.learned);
  std::vector<double> basis((at(items) + 1) * columns), people(at(likes.people) * columns);
  for (ItemId i = 1; i <= items; ++i) {
    for (std::size_t c = 0; c < columns; ++c) {
      basis[at(i) * columns + c] = double{
          normal({o.seed, static_cast<EpisodeId>(i), 0}, Stream::initialise, static_cast<std::uint32_t>(c))};
    }
  }
  orthonormalise(basis, columns);
  for (std::int32_t round = 0; round < o.rounds; ++round) {
    std::ranges::fill(people, 0.0);
    for (std::size_t l = 0; l < likes.item.size(); ++l) {
      const double w = double{likes.weight[l]};
      const double* from = basis.data() + at(likes.item[l]) * columns;
      double* to = people.data() + at(likes.person[l]) * columns;
      for (std::size_t c = 0; c < columns; ++c) to[c] += w * from[c];
    }
    std::ranges::fill(basis, 0.0);
    for (std::size_t l = 0; l < likes.item.size(); ++l) {
      const double w = double{likes.weight[l]};
      const double* from = people.data() + at(likes.person[l]) * columns;
      double* to = basis.data() + at(likes.item[l]) * columns;
      for (std::size_t c = 0; c < columns; ++c) to[c] += w * from[c];
    }
    orthonormalise(basis, columns);
  }
  return basis;
}

}  // namespace

SlateData slates_of_ratings(const Dataset& data, std::vector<float> profiles, std::int32_t profile_width,
                            const RatedSlatesOptions& options) {
  const Interactions& log = data.interactions;
  if (log.ratings.empty()) reject_ratings("data set", "no ratings", "a rating for every interaction");
  if (profile_width < 1 || profiles.size() != at(log.users()) * at(profile_width)) {
    reject_ratings("profiles", std::to_string(profiles.size()) + " values",
                   std::to_string(profile_width) + " for each of " + std::to_string(log.users()) + " people");
  }
  if (options.slots < 1) reject_ratings("slots", std::to_string(options.slots), "1 or more");
  SlateData slates;
  SlatePeople& people = slates.people;
  people.profile_width = profile_width;
  people.profiles = std::move(profiles);
  people.parts = data.parts;
  people.offsets = {0};
  slates.log.slots = options.slots;
  slates.fingerprint = data.fingerprint;
  for (UserId user = 0; user < log.users(); ++user) {
    const std::int64_t first = log.offsets[at(user)], end = log.offsets[at(user) + 1];
    std::int32_t liked = 0;
    for (std::int64_t i = first; i < end; ++i) {
      const bool whole = (i - first) / options.slots < (end - first) / options.slots;
      if (whole && (i - first) % options.slots == 0) people.starts.push_back({user, liked});
      const bool click = log.ratings[at(i)] >= options.liked_from;
      if (whole) {
        slates.log.items.push_back(log.items[at(i)]);
        slates.log.clicks.push_back(click ? 1 : 0);
      }
      if (!click) continue;
      people.liked.push_back(log.items[at(i)]);
      ++liked;
    }
    people.offsets.push_back(std::ssize(people.liked));
  }
  return slates;
}

ItemFeatures learned_item_features(const Dataset& data, const LearnedFeaturesOptions& options) {
  const std::int32_t items = data.catalogue.size();
  const Likes likes = collect_likes(data, options.liked_from);
  if (options.learned < 0 || options.learned > std::min(items, likes.people)) {
    throw ConfigError({.file = {}, .line = 0, .field = "learned item features"},
                      {std::to_string(options.learned) + " columns",
                       "0 to the smaller number of " + std::to_string(items) + " items and " +
                           std::to_string(likes.people) + " people",
                       {}});
  }
  const auto flags = static_cast<std::int32_t>(data.catalogue.attribute_names.size());
  ItemFeatures features{flags + options.learned, {}};
  features.values.assign(at(items + 1) * at(features.width), 0.0F);
  for (ItemId i = 1; i <= items; ++i) {
    for (const std::int32_t a : data.catalogue.attributes_of(i)) {
      features.values[at(i) * at(features.width) + at(a)] = 1.0F;
    }
  }
  if (options.learned == 0) return features;
  const std::vector<double> basis = leading_vectors(likes, items, options);
  const std::size_t columns = at(options.learned);
  for (std::size_t c = 0; c < columns; ++c) {
    double mean = 0.0, square = 0.0, largest = 0.0;
    for (std::size_t i = 1; i <= at(items); ++i) {
      const double x = basis[i * columns + c];
      mean += x / items;
      square += x * x / items;
      if (std::abs(x) > std::abs(largest)) largest = x;
    }
    const double deviation = std::sqrt(std::max(square - mean * mean, 1e-24));
    for (std::size_t i = 1; i <= at(items); ++i) {
      features.values[i * at(features.width) + at(flags) + c] =
          static_cast<float>((largest < 0.0 ? -1.0 : 1.0) * (basis[i * columns + c] - mean) / deviation);
    }
  }
  return features;
}

}  // namespace veer
