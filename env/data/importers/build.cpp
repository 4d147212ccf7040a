// From rows in file order to a Dataset: ordered, filtered, numbered, split, fingerprinted.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "env/data/filters.h"
#include "env/data/fingerprint.h"
#include "env/data/importers/source_log.h"
#include "env/data/importers/text.h"
#include "env/data/splits.h"

namespace veer::importers {
namespace {

template <class T>
auto& at(T& values, std::int64_t index) {
  return values[static_cast<std::size_t>(index)];
}

/// Rows user by user, each user's in time order; ties keep the order of the file.
struct Ordered {
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> offsets;  ///< [users + 1]
};

Ordered order_rows(const SourceLog& log) {
  Ordered ordered;
  ordered.offsets.assign(static_cast<std::size_t>(log.users.size()) + 1, 0);
  for (const std::int32_t user : log.user) ++at(ordered.offsets, std::int64_t{user} + 1);
  std::partial_sum(ordered.offsets.begin(), ordered.offsets.end(), ordered.offsets.begin());
  ordered.rows.resize(log.user.size());
  std::vector<std::int64_t> next(ordered.offsets.begin(), ordered.offsets.end() - 1);
  for (std::int64_t row = 0; row < log.rows(); ++row) at(ordered.rows, at(next, at(log.user, row))++) = row;
  if (log.time.empty()) return ordered;
  const auto earlier = [&](std::int64_t a, std::int64_t b) { return at(log.time, a) < at(log.time, b); };
  for (std::int32_t user = 0; user < log.users.size(); ++user) {
    const auto first = ordered.rows.begin() + at(ordered.offsets, user);
    const auto last = ordered.rows.begin() + at(ordered.offsets, std::int64_t{user} + 1);
    if (!std::is_sorted(first, last, earlier)) std::stable_sort(first, last, earlier);
  }
  return ordered;
}

[[noreturn]] void fail_duplicate(const SourceLog& log, std::int64_t first, std::int64_t second) {
  throw DataError(
      log.where(second, "item"),
      Problem{
          fmt::format("user {} with item {} {} as on line {}", quote(log.users.text(at(log.user, second))),
                      quote(log.items.text(at(log.item, second))),
                      log.time.empty() ? "again, the same" : "at the same time", log.first_line + first),
          "one row for each user, item and time",
          "choose duplicates keep-all, keep-first or keep-last to import such data"});
}

/// Applies `duplicates` to rows of one user and one time; `group` is sorted by item, then by row.
void resolve_group(const SourceLog& log, Duplicates duplicates, std::span<const std::int64_t> group,
                   std::vector<std::uint8_t>& keep) {
  for (std::size_t i = 1; i < group.size(); ++i) {
    if (at(log.item, group[i - 1]) != at(log.item, group[i])) continue;
    if (duplicates == Duplicates::error) fail_duplicate(log, group[i - 1], group[i]);
    at(keep, group[duplicates == Duplicates::keep_first ? i : i - 1]) = 0;
  }
}

void resolve_duplicates(const SourceLog& log, const Ordered& ordered, Duplicates duplicates,
                        std::vector<std::uint8_t>& keep) {
  if (duplicates == Duplicates::keep_all) return;
  std::vector<std::int64_t> group;
  const auto by_item = [&](std::int64_t a, std::int64_t b) {
    return at(log.item, a) != at(log.item, b) ? at(log.item, a) < at(log.item, b) : a < b;
  };
  for (std::int32_t user = 0; user < log.users.size(); ++user) {
    const std::int64_t end = at(ordered.offsets, std::int64_t{user} + 1);
    for (std::int64_t first = at(ordered.offsets, user); first < end;) {
      std::int64_t last = first + 1;
      const auto same_time = [&](std::int64_t i) {
        return log.time.empty() || at(log.time, at(ordered.rows, i)) == at(log.time, at(ordered.rows, first));
      };
      while (last < end && same_time(last)) ++last;
      if (last - first > 1) {
        group.assign(ordered.rows.begin() + first, ordered.rows.begin() + last);
        std::sort(group.begin(), group.end(), by_item);
        resolve_group(log, duplicates, group, keep);
      }
      first = last;
    }
  }
}

void drop_unknown_items(const SourceLog& log, std::vector<std::uint8_t>& keep) {
  std::vector<std::uint8_t> known(static_cast<std::size_t>(log.items.size()));
  for (std::int32_t item = 0; item < log.items.size(); ++item)
    at(known, item) = log.table.find(log.items.text(item)) >= 0;
  for (std::int64_t row = 0; row < log.rows(); ++row) at(keep, row) = at(known, at(log.item, row));
}

void check_options(const SourceLog& log, const ImportOptions& options, int user_core, int item_core) {
  const auto check = [](int value, const char* name) {
    if (value < 0) {
      throw ConfigError(Where{{}, 0, name},
                        Problem{fmt::format("{}", value), "0 (no filter) or a positive number", ""});
    }
  };
  check(user_core, "user-core");
  check(item_core, "item-core");
  if (options.min_rating && log.rating.empty()) {
    throw ConfigError(Where{log.log_file, 0, "min-rating"},
                      Problem{"a source without ratings", "a rating column", "leave min-rating out"});
  }
}

std::string describe_filters(const ImportOptions& options, int user_core, int item_core) {
  std::string text = user_core == item_core ? fmt::format("k-core={}", user_core)
                                            : fmt::format("user-core={} item-core={}", user_core, item_core);
  if (options.min_rating) text += fmt::format(" min-rating={}", *options.min_rating);
  text += fmt::format(" duplicates={} unknown-items={}", name_of(options.duplicates),
                      name_of(options.unknown_items));
  return text;
}

/// A decimal number without sign and leading zeros. Such texts order by length, then by bytes.
bool is_plain_number(std::string_view text) noexcept {
  return !text.empty() && (text.size() == 1 || text[0] != '0') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Table indices of the ids that are used, in the documented order.
std::vector<std::int32_t> ordered_ids(const IdTable& ids, const std::vector<std::int64_t>& uses) {
  std::vector<std::int32_t> order;
  for (std::int32_t id = 0; id < ids.size(); ++id) {
    if (at(uses, id) > 0) order.push_back(id);
  }
  const bool numbers =
      std::all_of(order.begin(), order.end(), [&](std::int32_t id) { return is_plain_number(ids.text(id)); });
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const std::string& x = ids.text(a);
    const std::string& y = ids.text(b);
    return numbers && x.size() != y.size() ? x.size() < y.size() : x < y;
  });
  return order;
}

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
    const std::string& id = log.items.text(item);
    const std::int32_t row = log.table.find(id);
    catalogue.ids.push_back(id);
    catalogue.titles.push_back(row < 0 ? id : log.table.title(row));
    catalogue.popularity.push_back(at(uses, item));
    const std::size_t first = catalogue.attributes.size();
    if (row >= 0) {
      for (const std::int32_t attribute : log.table.attributes(row)) {
        std::int32_t& number = at(numbers, attribute);
        if (number < 0) {
          number = static_cast<std::int32_t>(catalogue.attribute_names.size());
          catalogue.attribute_names.push_back(log.table.attribute_name(attribute));
        }
        catalogue.attributes.push_back(number);
      }
    }
    std::sort(catalogue.attributes.begin() + static_cast<std::ptrdiff_t>(first), catalogue.attributes.end());
    catalogue.attribute_offsets.push_back(static_cast<std::int64_t>(catalogue.attributes.size()));
  }
  return catalogue;
}

Interactions build_interactions(const SourceLog& log, const Ordered& ordered,
                                const std::vector<std::uint8_t>& keep,
                                const std::vector<std::int32_t>& user_order,
                                const std::vector<std::int32_t>& item_order) {
  std::vector<ItemId> item_ids(static_cast<std::size_t>(log.items.size()), no_item);
  for (std::size_t i = 0; i < item_order.size(); ++i)
    at(item_ids, item_order[i]) = static_cast<ItemId>(i + 1);
  Interactions interactions;
  interactions.offsets.push_back(0);
  for (const std::int32_t user : user_order) {
    interactions.user_ids.push_back(log.users.text(user));
    for (std::int64_t i = at(ordered.offsets, user); i < at(ordered.offsets, std::int64_t{user} + 1); ++i) {
      const std::int64_t row = at(ordered.rows, i);
      if (at(keep, row) == 0) continue;
      interactions.items.push_back(at(item_ids, at(log.item, row)));
      if (!log.time.empty()) {
        const std::int64_t micros = at(log.time, row);
        interactions.times.push_back(micros / 1'000'000 - (micros % 1'000'000 < 0 ? 1 : 0));
      }
      if (!log.rating.empty()) interactions.ratings.push_back(at(log.rating, row));
    }
    interactions.offsets.push_back(interactions.size());
  }
  return interactions;
}

}  // namespace

Dataset build_dataset(SourceLog log, const ImportOptions& options) {
  const int user_core = options.user_core.value_or(options.k_core);
  const int item_core = options.item_core.value_or(options.k_core);
  check_options(log, options, user_core, item_core);
  if (log.rows() == 0) {
    throw DataError(Where{log.log_file, 0, ""},
                    Problem{"no interactions", "at least one", "check that the file is complete"});
  }

  const Ordered ordered = order_rows(log);
  std::vector<std::uint8_t> keep(log.user.size(), 1);
  if (options.unknown_items == UnknownItems::drop && !log.table_file.empty()) drop_unknown_items(log, keep);
  resolve_duplicates(log, ordered, options.duplicates, keep);
  if (options.min_rating) {
    for (std::int64_t row = 0; row < log.rows(); ++row) {
      if (at(log.rating, row) < static_cast<float>(*options.min_rating)) at(keep, row) = 0;
    }
  }
  const CoreSizes sizes =
      k_core(log.user, log.item, log.users.size(), log.items.size(), user_core, item_core, keep);
  if (sizes.interactions == 0) {
    throw DataError(Where{log.log_file, 0, ""},
                    Problem{fmt::format("nothing left of {} interactions after the filters {}", log.rows(),
                                        describe_filters(options, user_core, item_core)),
                            "at least one interaction", "lower k-core or min-rating"});
  }

  std::vector<std::int64_t> user_uses(static_cast<std::size_t>(log.users.size()));
  std::vector<std::int64_t> item_uses(static_cast<std::size_t>(log.items.size()));
  for (std::int64_t row = 0; row < log.rows(); ++row) {
    if (at(keep, row) == 0) continue;
    ++at(user_uses, at(log.user, row));
    ++at(item_uses, at(log.item, row));
  }
  const std::vector<std::int32_t> user_order = ordered_ids(log.users, user_uses);
  const std::vector<std::int32_t> item_order = ordered_ids(log.items, item_uses);

  Dataset dataset;
  dataset.name = options.name.empty() ? log.name : options.name;
  dataset.catalogue = build_catalogue(log, item_order, item_uses);
  dataset.interactions = build_interactions(log, ordered, keep, user_order, item_order);
  dataset.split_seed = options.split_seed;
  dataset.parts = split_users(dataset.interactions.users(), options.split_seed);
  dataset.provenance.source = log.format;
  dataset.provenance.origin = fmt::format("{}", fmt::join(log.files, ","));
  dataset.provenance.filters = describe_filters(options, user_core, item_core);
  dataset.fingerprint = fingerprint_of(dataset);
  return dataset;
}

}  // namespace veer::importers
