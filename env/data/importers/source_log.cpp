#include "env/data/importers/source_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "env/data/importers/text.h"

namespace veer::importers {

std::int32_t IdTable::add(std::string_view id) {
  if (const auto found = numbers_.find(id); found != numbers_.end()) return found->second;
  if (texts_.size() >= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max() - 1)) {
    throw DataError("found more than 2147483646 distinct ids; expected fewer; take a part of the data");
  }
  const auto number = static_cast<std::int32_t>(texts_.size());
  texts_.emplace_back(id);
  numbers_.emplace(texts_.back(), number);
  return number;
}

std::int32_t IdTable::find(std::string_view id) const noexcept {
  const auto found = numbers_.find(id);
  return found == numbers_.end() ? -1 : found->second;
}

void ItemTable::add(const FieldReader& fields, std::string_view id, std::string_view title,
                    const std::vector<std::string_view>& attributes, Duplicates duplicates) {
  Row row;
  row.title = title.empty() ? id : title;
  row.line = fields.lines().line();
  for (const std::string_view attribute : attributes) {
    const std::int32_t number = attributes_.add(attribute);
    if (std::find(row.attributes.begin(), row.attributes.end(), number) == row.attributes.end()) {
      row.attributes.push_back(number);
    }
  }
  const std::int32_t number = ids_.add(id);
  if (static_cast<std::size_t>(number) == rows_.size()) {
    rows_.push_back(std::move(row));
    return;
  }
  Row& earlier = rows_[static_cast<std::size_t>(number)];
  if (earlier.title == row.title && earlier.attributes == row.attributes) return;
  if (duplicates == Duplicates::error) {
    fields.fail("item",
                fmt::format("item {} again, which line {} describes otherwise", quote(id), earlier.line),
                "one description of each item",
                "delete one of the lines, or choose duplicates keep-first or keep-last");
  }
  if (duplicates == Duplicates::keep_last) earlier = std::move(row);
}

void SourceLog::add_row(const FieldReader& fields, std::string_view user_id, std::string_view item_id,
                        std::string_view item_field, UnknownItems unknown_items) {
  const std::int32_t known = items.size();
  const std::int32_t number = items.add(item_id);
  if (number == known && !table_file.empty() && unknown_items == UnknownItems::error &&
      table.find(item_id) < 0) {
    fields.fail(std::string(item_field), quote(item_id), "an item of " + table_file,
                "choose unknown-items keep or drop to import such data");
  }
  user.push_back(users.add(user_id));
  item.push_back(number);
}

}  // namespace veer::importers
