#include "env/data/importers/source_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "env/data/importers/text.h"

namespace veer::importers {

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
  std::int32_t number = items.find(item_id);
  if (number < 0) {
    if (!table_file.empty() && unknown_items == UnknownItems::error && table.find(item_id) < 0) {
      fields.fail(std::string(item_field), quote(item_id), "an item of " + table_file,
                  "choose unknown-items keep or drop to import such data");
    }
    number = items.add(item_id);
  }
  const LineReader& lines = fields.lines();
  if (row_files_.empty() || row_files_.back().native() != lines.file().native()) {
    row_files_.push_back(lines.file());
    if (log_file.empty()) log_file = lines.file();
    stretches_.push_back({rows(), lines.line(), row_files_.size() - 1});
  } else if (const Stretch& last = stretches_.back(); lines.line() != last.line + rows() - last.row) {
    stretches_.push_back({rows(), lines.line(), last.file});
  }
  user.push_back(users.add(user_id));
  item.push_back(number);
}

Where SourceLog::where(std::int64_t row, std::string field) const {
  const auto behind =
      std::upper_bound(stretches_.begin(), stretches_.end(), row,
                       [](std::int64_t r, const Stretch& stretch) { return r < stretch.row; });
  const Stretch& stretch = *std::prev(behind);
  return {row_files_[stretch.file], stretch.line + row - stretch.row, std::move(field)};
}

}  // namespace veer::importers
