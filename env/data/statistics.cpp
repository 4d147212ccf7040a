#include "env/data/statistics.h"

#include <algorithm>
#include <vector>

namespace veer {
namespace {

/// Of ascending values: the middle one, or the mean of the two in the middle; 0 when empty.
double median(const std::vector<std::int64_t>& ascending) noexcept {
  if (ascending.empty()) return 0;
  const std::size_t middle = ascending.size() / 2;
  const auto value = [&](std::size_t i) { return static_cast<double>(ascending[i]); };
  return ascending.size() % 2 == 1 ? value(middle) : (value(middle - 1) + value(middle)) / 2;
}

double ratio(std::int64_t part, std::int64_t whole) noexcept {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void add_lengths(const Interactions& interactions, DatasetStatistics& figures) {
  std::vector<std::int64_t> lengths;
  for (UserId user = 0; user < interactions.users(); ++user) {
    lengths.push_back(static_cast<std::int64_t>(interactions.of(user).size()));
  }
  if (lengths.empty()) return;
  std::sort(lengths.begin(), lengths.end());
  figures.shortest = lengths.front();
  figures.longest = lengths.back();
  figures.median_length = median(lengths);
  figures.mean_length = ratio(figures.interactions, figures.users);
}

void add_popularity(const Catalogue& catalogue, DatasetStatistics& figures) {
  if (catalogue.size() <= 0) return;
  std::vector<std::int64_t> counts(catalogue.popularity.begin() + 1, catalogue.popularity.end());
  std::sort(counts.begin(), counts.end());
  figures.median_popularity = median(counts);
  const std::size_t top = (counts.size() + 9) / 10;
  std::int64_t top_sum = 0;
  std::int64_t sum = 0;
  double weighted = 0;  // of rank times count, rank 1 for the least popular
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    if (i + top >= counts.size()) top_sum += counts[i];
    weighted += static_cast<double>(i + 1) * static_cast<double>(counts[i]);
  }
  if (sum == 0) return;
  const auto n = static_cast<double>(counts.size());
  figures.top_tenth_share = ratio(top_sum, sum);
  figures.gini = 2 * weighted / (n * static_cast<double>(sum)) - (n + 1) / n;
}

void add_repeats(const Dataset& dataset, DatasetStatistics& figures) {
  // The last user who met an item: one array instead of a set per user.
  std::vector<UserId> met_by(static_cast<std::size_t>(dataset.catalogue.size()) + 1, -1);
  for (UserId user = 0; user < dataset.interactions.users(); ++user) {
    for (const ItemId item : dataset.interactions.of(user)) {
      UserId& last = met_by[static_cast<std::size_t>(item)];
      if (last == user) ++figures.repeats;
      last = user;
    }
  }
}

void add_times(const Interactions& interactions, DatasetStatistics& figures) {
  if (interactions.times.empty()) return;
  figures.has_times = true;
  const auto [first, last] = std::minmax_element(interactions.times.begin(), interactions.times.end());
  figures.first_time = *first;
  figures.last_time = *last;
  std::int64_t same = 0;
  for (std::size_t user = 0; user + 1 < interactions.offsets.size(); ++user) {
    for (auto i = static_cast<std::size_t>(interactions.offsets[user]) + 1;
         i < static_cast<std::size_t>(interactions.offsets[user + 1]); ++i) {
      if (interactions.times[i] == interactions.times[i - 1]) ++same;
    }
  }
  figures.same_second_share = ratio(same, figures.interactions);
}

}  // namespace

DatasetStatistics statistics_of(const Dataset& dataset) {
  const Interactions& interactions = dataset.interactions;
  DatasetStatistics figures;
  figures.users = interactions.users();
  figures.items = dataset.catalogue.size();
  figures.interactions = interactions.size();
  figures.attributes = static_cast<std::int64_t>(dataset.catalogue.attribute_names.size());
  figures.attributes_per_item =
      ratio(static_cast<std::int64_t>(dataset.catalogue.attributes.size()), figures.items);
  add_lengths(interactions, figures);
  add_popularity(dataset.catalogue, figures);
  add_repeats(dataset, figures);
  if (figures.users > 0 && figures.items > 0) {
    figures.density =
        ratio(figures.interactions - figures.repeats, figures.users) / static_cast<double>(figures.items);
  }
  add_times(interactions, figures);
  if (!interactions.ratings.empty()) {
    figures.has_ratings = true;
    double sum = 0;
    for (const float rating : interactions.ratings) sum += static_cast<double>(rating);
    figures.mean_rating = sum / static_cast<double>(interactions.ratings.size());
  }
  figures.interactions_of_behaviour.resize(interactions.behaviour_names.size());
  for (const std::uint8_t kind : interactions.behaviours) ++figures.interactions_of_behaviour[kind];
  for (const Part part : dataset.parts) ++figures.users_of_part[static_cast<std::size_t>(part)];
  return figures;
}

}  // namespace veer
