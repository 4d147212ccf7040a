#include "env/data/importers/profiles.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "env/data/importers/columns.h"
#include "env/data/importers/slate_tables.h"
#include "env/data/importers/text.h"
#include "env/types.h"

namespace veer {
namespace {

using importers::FieldReader;
using importers::LineReader;
using importers::quote;

constexpr std::size_t most_kinds = 64;  ///< different values of a column that is a feature

struct FeatureTable {
  std::vector<std::set<std::string>> kinds;  ///< [columns]; one too many: no feature
  std::map<std::string, std::vector<std::string>, std::less<>> people;  ///< fields by id
  std::size_t user = 0;                                                 ///< its column
};

FeatureTable read_feature_table(const std::filesystem::path& file) {
  LineReader lines(file);
  FieldReader fields(lines, ",", true);
  std::vector<std::string_view> values;
  fields.next(values);
  const importers::Header header(fields, {values.begin(), values.end()});
  FeatureTable table;
  table.user = at(header.require("user_id", "user_id", {}));
  table.kinds.resize(header.size());
  const std::string layout = header.layout();
  while (fields.next(values, header.size(), layout)) {
    const std::string_view id =
        fields.number_id(values[table.user], "user_id", 0, std::numeric_limits<std::int64_t>::max());
    std::vector<std::string> row;
    for (std::size_t c = 0; c < values.size(); ++c) {
      row.emplace_back(fields.text(values[c], header.name(static_cast<int>(c))));
      if (table.kinds[c].size() <= most_kinds) table.kinds[c].insert(row.back());
    }
    if (!table.people.emplace(id, std::move(row)).second) {
      fields.fail("user_id", quote(id) + " again", "one line for each user");
    }
  }
  return table;
}

BlockProfiles kuairand_profiles(const std::filesystem::path& file, std::span<const std::string> user_ids) {
  const FeatureTable table = read_feature_table(file);
  BlockProfiles out;
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < table.kinds.size(); ++c) {
    const std::size_t kinds = table.kinds[c].size();
    if (c == table.user || kinds < 2 || kinds > most_kinds) continue;
    columns.push_back(c);
    out.blocks.push_back(static_cast<std::int32_t>(kinds));
  }
  if (columns.empty()) {
    throw DataError({.file = file, .line = 0, .field = "header"},
                    {"no column with two to 64 different values", "at least one feature of people", ""});
  }
  const std::size_t width = at(out.width());
  out.values.assign(user_ids.size() * width, 0.0F);
  for (std::size_t u = 0; u < user_ids.size(); ++u) {
    const auto found = table.people.find(user_ids[u]);
    if (found == table.people.end()) {
      throw DataError({.file = file, .line = 0, .field = "user_id"},
                      {"no line for user " + quote(user_ids[u]), "one for each person of the data set",
                       "the files may be of different editions"});
    }
    std::size_t first = u * width;
    for (const std::size_t c : columns) {
      const std::set<std::string>& kinds = table.kinds[c];
      const auto place = std::distance(kinds.begin(), kinds.find(found->second[c]));
      out.values[first + at(place)] = 1.0F;
      first += kinds.size();
    }
  }
  return out;
}

}  // namespace

std::int32_t BlockProfiles::width() const noexcept {
  return std::accumulate(blocks.begin(), blocks.end(), 0);
}

BlockProfiles read_profiles(const std::filesystem::path& file, std::span<const std::string> user_ids) {
  std::string_view first;
  LineReader lines(file);
  if (lines.next(first) && (first == "user_id" || first.starts_with("user_id,"))) {
    return kuairand_profiles(file, user_ids);
  }
  return {{7, 2, 21}, read_movielens_profiles(file, user_ids)};
}

}  // namespace veer
