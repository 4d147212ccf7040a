// From rows in file order to a Dataset: ordered, filtered, numbered, split, fingerprinted.
#include <fmt/format.h>

#include <algorithm>

#include "env/data/fingerprint.h"
#include "env/data/importers/selection.h"
#include "env/data/importers/source_log.h"
#include "env/data/splits.h"

namespace veer::importers {
namespace {

/// Catalogue of the items in `order`; attributes are numbered as they come up there.
Catalogue build_catalogue(const SourceLog& log, const std::vector<std::int32_t>& order,
                          const std::vector<std::int64_t>& uses) {
  Catalogue catalogue;
  catalogue.ids.emplace_back();
  catalogue.titles.emplace_back();
  catalogue.popularity.push_back(0);
  catalogue.attribute_offsets = {0, 0};
  std::vector<std::int32_t> numbers(static_cast<std::size_t>(log.table.attribute_count()), -1);
  for (const std::int32_t item : order) {
    const std::string_view id = log.items.text(item);
    const std::int32_t row = log.table.find(id);
    catalogue.ids.emplace_back(id);
    catalogue.titles.emplace_back(row < 0 ? id : log.table.title(row));
    catalogue.popularity.push_back(uses[at(item)]);
    const std::size_t first = catalogue.attributes.size();
    if (row >= 0) {
      for (const std::int32_t attribute : log.table.attributes(row)) {
        std::int32_t& number = numbers[at(attribute)];
        if (number < 0) {
          number = static_cast<std::int32_t>(catalogue.attribute_names.size());
          catalogue.attribute_names.emplace_back(log.table.attribute_name(attribute));
        }
        catalogue.attributes.push_back(number);
      }
    }
    std::sort(catalogue.attributes.begin() + static_cast<std::ptrdiff_t>(first), catalogue.attributes.end());
    catalogue.attribute_offsets.push_back(static_cast<std::int64_t>(catalogue.attributes.size()));
  }
  return catalogue;
}

Interactions build_interactions(const SourceLog& log, const Ordered& ordered, const Selection& selected) {
  std::vector<ItemId> item_ids(at(log.items.size()), no_item);
  for (std::size_t i = 0; i < selected.item_order.size(); ++i)
    item_ids[at(selected.item_order[i])] = static_cast<ItemId>(i + 1);
  Interactions interactions;
  interactions.offsets.push_back(0);
  interactions.behaviour_names = log.behaviour_names;
  for (const std::int32_t user : selected.user_order) {
    interactions.user_ids.emplace_back(log.users.text(user));
    for (std::int64_t i = ordered.offsets[at(user)]; i < ordered.offsets[at(user + 1)]; ++i) {
      const std::int64_t row = ordered.rows[at(i)];
      if (selected.keep[at(row)] == 0) continue;
      interactions.items.push_back(item_ids[at(log.item[at(row)])]);
      if (!log.time.empty()) {
        const std::int64_t micros = log.time[at(row)];
        interactions.times.push_back(micros / 1'000'000 - (micros % 1'000'000 < 0 ? 1 : 0));
      }
      if (!log.rating.empty()) interactions.ratings.push_back(log.rating[at(row)]);
      if (!log.behaviour.empty()) interactions.behaviours.push_back(log.behaviour[at(row)]);
    }
    interactions.offsets.push_back(interactions.size());
  }
  return interactions;
}

/// Kinds of behaviour by the rating.
void set_purchases(SourceLog& log, double least) {
  const auto refuse = [&](const char* found, const char* expected) {
    throw ConfigError(Where{log.log_file, 0, "purchase-rating"},
                      Problem{found, expected, "leave purchase-rating out"});
  };
  if (log.rating.empty()) refuse("a source without ratings", "a rating column");
  if (!log.behaviour_names.empty()) refuse("a source with kinds of behaviour of its own", "ratings alone");
  log.behaviour_names.assign(click_and_purchase.begin(), click_and_purchase.end());
  for (const float rating : log.rating)
    log.behaviour.push_back(rating >= static_cast<float>(least) ? std::uint8_t{1} : std::uint8_t{0});
}

/// As split_users, over people: all users that are one person are in one part.
std::vector<Part> split_people(const SourceLog& log, const std::vector<std::int32_t>& user_order,
                               std::uint64_t split_seed) {
  std::vector<std::int32_t> number(log.person.size(), -1);  // of a person, by first user
  std::vector<std::int32_t> person_of;
  std::int32_t people = 0;
  for (const std::int32_t user : user_order) {
    std::int32_t& found = number[at(log.person[at(user)])];
    if (found < 0) found = people++;
    person_of.push_back(found);
  }
  const std::vector<Part> dealt = split_users(people, split_seed);
  std::vector<Part> parts;
  for (const std::int32_t person : person_of) parts.push_back(dealt[at(person)]);
  return parts;
}

void expect_rows(const SourceLog& log) {
  if (log.rows() > 0) return;
  if (log.bad.reasons().empty()) {
    throw DataError(Where{log.log_file, 0, ""},
                    Problem{"no interactions", "at least one", "check that the file is complete"});
  }
  throw DataError(Where{log.log_file, 0, ""},
                  Problem{fmt::format("no interactions but {} bad lines", log.bad.lines()), "at least one",
                          "the first of them: " + log.bad.reasons().front().first});
}

}  // namespace

Dataset build_dataset(SourceLog log, const ImportOptions& options) {
  expect_rows(log);
  if (options.purchase_rating) set_purchases(log, *options.purchase_rating);
  if (options.split == Split::chronological && log.time.empty()) {
    throw ConfigError(
        Where{log.log_file, 0, "split"},
        Problem{"a source without times", "times, for a chronological split", "use split seeded"});
  }
  const Ordered ordered = order_rows(log);
  const Selection selected = select_rows(log, ordered, options);

  Dataset dataset;
  dataset.name = options.name.empty() ? log.name : options.name;
  dataset.catalogue = build_catalogue(log, selected.item_order, selected.item_uses);
  dataset.interactions = build_interactions(log, ordered, selected);
  dataset.split_seed = options.split_seed;
  if (options.split == Split::chronological) {
    dataset.parts = split_users_by_time(dataset.interactions, options.split_seed);
  } else if (log.person.empty()) {
    dataset.parts = split_users(dataset.interactions.users(), options.split_seed);
  } else {
    dataset.parts = split_people(log, selected.user_order, options.split_seed);
  }
  dataset.provenance.source = log.format;
  dataset.provenance.origin = fmt::format("{}", fmt::join(log.files, ","));
  dataset.provenance.filters = describe_filters(log, options);
  dataset.fingerprint = fingerprint_of(dataset);
  return dataset;
}

}  // namespace veer::importers
