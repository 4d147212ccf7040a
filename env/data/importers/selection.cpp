#include "env/data/importers/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <tuple>

#include "env/data/filters.h"
#include "env/data/importers/text.h"
#include "env/random.h"

namespace veer::importers {
namespace {

int user_core_of(const ImportOptions& options) { return options.user_core.value_or(options.k_core); }
int item_core_of(const ImportOptions& options) { return options.item_core.value_or(options.k_core); }

std::uint8_t behaviour_at(const SourceLog& log, std::int64_t row) {
  return log.behaviour.empty() ? std::uint8_t{0} : log.behaviour[at(row)];
}

[[noreturn]] void fail_duplicate(const SourceLog& log, std::int64_t first, std::int64_t second) {
  std::string again = log.time.empty() ? "again" : "at the same time";
  if (const std::int64_t line = log.where(first, "").line; line > 0)
    again += fmt::format("{} as on line {}", log.time.empty() ? ", the same" : "", line);
  throw DataError(log.where(second, "item"),
                  Problem{fmt::format("user {} with item {} {}", quote(log.users.text(log.user[at(second)])),
                                      quote(log.items.text(log.item[at(second)])), again),
                          "one row for each user, item and time",
                          "choose duplicates keep-all, keep-first or keep-last to import such data"});
}

/// Applies `duplicates` to rows of one user and one time; `group` is sorted by item, kind, then row.
void resolve_group(const SourceLog& log, Duplicates duplicates, std::span<const std::int64_t> group,
                   std::vector<std::uint8_t>& keep) {
  for (std::size_t i = 1; i < group.size(); ++i) {
    if (log.item[at(group[i - 1])] != log.item[at(group[i])]) continue;
    if (behaviour_at(log, group[i - 1]) != behaviour_at(log, group[i])) continue;
    if (duplicates == Duplicates::error) fail_duplicate(log, group[i - 1], group[i]);
    keep[at(group[duplicates == Duplicates::keep_first ? i : i - 1])] = 0;
  }
}

void resolve_duplicates(const SourceLog& log, const Ordered& ordered, Duplicates duplicates,
                        std::vector<std::uint8_t>& keep) {
  if (duplicates == Duplicates::keep_all) return;
  std::vector<std::int64_t> group;
  const auto by_item = [&](std::int64_t a, std::int64_t b) {
    return std::tuple(log.item[at(a)], behaviour_at(log, a), a) <
           std::tuple(log.item[at(b)], behaviour_at(log, b), b);
  };
  for (std::int32_t user = 0; user < log.users.size(); ++user) {
    const std::int64_t end = ordered.offsets[at(std::int64_t{user} + 1)];
    for (std::int64_t first = ordered.offsets[at(user)]; first < end;) {
      std::int64_t last = first + 1;
      const auto same_time = [&](std::int64_t i) {
        return log.time.empty() || log.time[at(ordered.rows[at(i)])] == log.time[at(ordered.rows[at(first)])];
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
    known[at(item)] = log.table.find(log.items.text(item)) >= 0;
  for (std::int64_t row = 0; row < log.rows(); ++row) keep[at(row)] = known[at(log.item[at(row)])];
}

/// Rows that stay of every user or item; with `clicks`, of behaviour 0 alone.
std::vector<std::int64_t> count_uses(const SourceLog& log, const std::vector<std::int32_t>& nodes,
                                     std::int32_t size, const std::vector<std::uint8_t>& keep,
                                     bool clicks = false) {
  std::vector<std::int64_t> uses(static_cast<std::size_t>(size));
  for (std::int64_t row = 0; row < log.rows(); ++row) {
    if (keep[at(row)] != 0 && !(clicks && behaviour_at(log, row) != 0)) ++uses[at(nodes[at(row)])];
  }
  return uses;
}

/// One pass of a filter: drops the rows of users or items with fewer than `least`.
void drop_rare(const std::vector<std::int32_t>& nodes, const std::vector<std::int64_t>& uses, int least,
               std::vector<std::uint8_t>& keep) {
  for (std::size_t row = 0; row < keep.size(); ++row) {
    if (uses[at(nodes[row])] < least) keep[row] = 0;
  }
}

void drop_short_sessions(const SourceLog& log, int least, std::vector<std::uint8_t>& keep) {
  if (least <= 1 && !log.sessions_count_clicks) return;
  drop_rare(log.user, count_uses(log, log.user, log.users.size(), keep, log.sessions_count_clicks), least,
            keep);
}

void drop_rare_items(const SourceLog& log, int least, std::vector<std::uint8_t>& keep) {
  if (least > 1) drop_rare(log.item, count_uses(log, log.item, log.items.size(), keep), least, keep);
}

/// Keeps `count` of the people with rows. They draw by their place in the order of ids, so that the order of
/// the file does not matter.
void sample_people(const SourceLog& log, std::int64_t count, std::uint64_t seed,
                   std::vector<std::uint8_t>& keep) {
  const auto people = log.users.in_order(count_uses(log, log.user, log.users.size(), keep));
  if (count >= static_cast<std::int64_t>(people.size())) return;
  struct Lot {
    std::uint64_t number;
    std::int32_t user;
    bool operator<(const Lot& other) const {
      return std::tie(number, user) < std::tie(other.number, other.user);
    }
  };
  std::vector<Lot> lots;
  for (std::size_t place = 0; place < people.size(); ++place) {
    // Step 0 of this stream deals the parts.
    const PhiloxBlock block = random_block({seed, place, 1}, Stream::split, 0);
    lots.push_back({std::uint64_t{block[0]} << 32 | block[1], people[place]});
  }
  std::nth_element(lots.begin(), lots.begin() + count, lots.end());
  std::vector<std::int64_t> drawn(static_cast<std::size_t>(log.users.size()));
  for (std::int64_t i = 0; i < count; ++i) drawn[at(lots[at(i)].user)] = 1;
  drop_rare(log.user, drawn, 1, keep);
}

void check_options(const SourceLog& log, const ImportOptions& options) {
  const auto check = [](std::int64_t value, const char* name) {
    if (value < 0) {
      throw ConfigError(Where{{}, 0, name},
                        Problem{fmt::format("{}", value), "0 (no filter) or a positive number", ""});
    }
  };
  check(user_core_of(options), "user-core");
  check(item_core_of(options), "item-core");
  check(options.min_session.value_or(0), "min-session");
  check(options.min_item.value_or(0), "min-item");
  check(options.sample_sessions, "sample-sessions");
  if (options.min_rating && log.rating.empty()) {
    throw ConfigError(Where{log.log_file, 0, "min-rating"},
                      Problem{"a source without ratings", "a rating column", "leave min-rating out"});
  }
}

}  // namespace

Ordered order_rows(const SourceLog& log) {
  Ordered ordered;
  ordered.offsets.assign(static_cast<std::size_t>(log.users.size()) + 1, 0);
  for (const std::int32_t user : log.user) ++ordered.offsets[at(std::int64_t{user} + 1)];
  std::partial_sum(ordered.offsets.begin(), ordered.offsets.end(), ordered.offsets.begin());
  ordered.rows.resize(log.user.size());
  std::vector<std::int64_t> next(ordered.offsets.begin(), ordered.offsets.end() - 1);
  for (std::int64_t row = 0; row < log.rows(); ++row) ordered.rows[at(next[at(log.user[at(row)])]++)] = row;
  if (log.time.empty()) return ordered;
  const auto earlier = [&](std::int64_t a, std::int64_t b) { return log.time[at(a)] < log.time[at(b)]; };
  for (std::int32_t user = 0; user < log.users.size(); ++user) {
    const auto first = ordered.rows.begin() + ordered.offsets[at(user)];
    const auto last = ordered.rows.begin() + ordered.offsets[at(std::int64_t{user} + 1)];
    if (!std::is_sorted(first, last, earlier)) std::stable_sort(first, last, earlier);
  }
  return ordered;
}

Selection select_rows(const SourceLog& log, const Ordered& ordered, const ImportOptions& options) {
  check_options(log, options);
  Selection selected;
  std::vector<std::uint8_t>& keep = selected.keep;
  keep.assign(log.user.size(), 1);
  if (options.unknown_items == UnknownItems::drop && !log.table_file.empty()) drop_unknown_items(log, keep);
  resolve_duplicates(log, ordered, *options.duplicates, keep);
  if (options.min_rating) {
    for (std::int64_t row = 0; row < log.rows(); ++row) {
      if (log.rating[at(row)] < static_cast<float>(*options.min_rating)) keep[at(row)] = 0;
    }
  }
  const bool items_first = options.filter_order == FilterOrder::items_first;
  if (items_first) drop_rare_items(log, *options.min_item, keep);
  drop_short_sessions(log, *options.min_session, keep);
  if (!items_first) drop_rare_items(log, *options.min_item, keep);
  if (options.sample_sessions > 0) sample_people(log, options.sample_sessions, options.split_seed, keep);
  const int user_core = user_core_of(options);
  const int item_core = item_core_of(options);
  if (user_core > 1 || item_core > 1)
    k_core(log.user, log.item, log.users.size(), log.items.size(), user_core, item_core, keep);

  selected.item_uses = count_uses(log, log.item, log.items.size(), keep);
  selected.user_order = log.users.in_order(count_uses(log, log.user, log.users.size(), keep));
  selected.item_order = log.items.in_order(selected.item_uses);
  if (selected.user_order.empty()) {
    throw DataError(Where{log.log_file, 0, ""},
                    Problem{fmt::format("nothing left of {} interactions after the filters {}", log.rows(),
                                        describe_filters(log, options)),
                            "at least one interaction", "lower k-core, min-session, min-item or min-rating"});
  }
  return selected;
}

std::string describe_filters(const SourceLog& log, const ImportOptions& options) {
  const int user_core = user_core_of(options);
  const int item_core = item_core_of(options);
  std::string text = user_core == item_core ? fmt::format("k-core={}", user_core)
                                            : fmt::format("user-core={} item-core={}", user_core, item_core);
  if (options.min_rating) text += fmt::format(" min-rating={}", *options.min_rating);
  if (options.purchase_rating) text += fmt::format(" purchase-rating={}", *options.purchase_rating);
  if (*options.min_session > 0) text += fmt::format(" min-session={}", *options.min_session);
  if (*options.min_item > 0) text += fmt::format(" min-item={}", *options.min_item);
  if (*options.min_session > 0 && *options.min_item > 0)
    text += fmt::format(" filter-order={}", name_of(options.filter_order));
  if (options.sample_sessions > 0) text += fmt::format(" sample-sessions={}", options.sample_sessions);
  text += fmt::format(" duplicates={} unknown-items={}", name_of(*options.duplicates),
                      name_of(options.unknown_items));
  if (options.split != Split::seeded) text += fmt::format(" split={}", name_of(options.split));
  if (log.bad.lines() > 0) text += fmt::format(" skipped-lines={}", log.bad.lines());
  return text;
}

}  // namespace veer::importers
