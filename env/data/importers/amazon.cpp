// Amazon's ratings and reviews as UCSD publishes them (McAuley et al. 2014, Ni et al. 2019, Hou et al. 2024);
// which edition, the file itself tells.
//   ratings  user,item,rating,time (2014) or item,user,rating,time (2018), without a header line; the item is
//   the
//            one with ten characters
//   reviews  JSON, one object a line: reviewerID, asin, overall, unixReviewTime (2014, 2018), or user_id,
//            parent_asin, rating, timestamp in milliseconds (2023)
//   items_file, optional: JSON or Python dicts, one a line: asin or parent_asin, title, and category or
//   categories
// 2014 and 2018 state days: what one person rated on one day keeps the order of the file.
#include "env/data/importers/object_reader.h"
#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"

namespace veer::importers {
namespace {

constexpr std::size_t asin_size = 10;
constexpr double most_stars = 5;

/// All texts of a list, of lists in it too.
std::vector<std::string> texts_in(std::string_view list) {
  std::vector<std::string> texts;
  while (!list.empty()) {
    if (list.front() == '"' || list.front() == '\'') {
      auto text = take_string(list);
      if (!text) return texts;
      if (!text->empty()) texts.push_back(*std::move(text));
    } else {
      list.remove_prefix(1);
    }
  }
  return texts;
}

void read_products(LineReader lines, const ImportOptions& options, SourceLog& log) {
  log.table_file = lines.file().filename().string();
  ObjectReader products(lines, {"asin", "parent_asin", "title", "category", "categories"});
  read_records(log.bad, [&] {
    if (!products.next()) return false;
    const FieldReader& fields = products.fields();
    const std::string_view id = products.value(1) != nullptr ? *products.value(1) : products.require(0);
    const std::string* categories = products.value(3) != nullptr ? products.value(3) : products.value(4);
    std::vector<std::string> texts;
    if (categories != nullptr) texts = texts_in(*categories);
    std::vector<std::string_view> attributes;
    for (const std::string& text : texts) attributes.push_back(fields.text(text, "categories"));
    const std::string title = products.value(2) == nullptr ? "" : on_one_line(*products.value(2));
    log.table.add(fields, fields.id(id, "asin"), fields.text(title, "title"), attributes,
                  *options.duplicates);
    return true;
  });
}

void read_reviews_2014_to_2023(LineReader lines, const ImportOptions& options, SourceLog& log) {
  ObjectReader reviews(lines, {"reviewerID", "asin", "overall", "unixReviewTime", "user_id", "parent_asin",
                               "rating", "timestamp"});
  const FieldReader& fields = reviews.fields();
  read_records(log.bad, [&] {
    if (!reviews.next()) return false;
    const bool newest = reviews.value(4) != nullptr;
    const std::size_t first = newest ? 4 : 0;
    const std::string_view user = fields.id(reviews.require(first), newest ? "user_id" : "reviewerID");
    const std::string_view item = fields.id(reviews.require(first + 1), newest ? "parent_asin" : "asin");
    const float rating =
        fields.real(reviews.require(first + 2), newest ? "rating" : "overall", 0, most_stars);
    const std::int64_t time = newest ? fields.time(reviews.require(7), "timestamp", TimeUnit::milliseconds)
                                     : fields.time(reviews.require(3), "unixReviewTime", TimeUnit::seconds);
    log.add_row(fields, user, item, newest ? "parent_asin" : "asin", options.unknown_items);
    log.rating.push_back(rating);
    log.time.push_back(time);
    return true;
  });
}

/// Which of the first two columns is the item: 0 or 1.
std::size_t find_item_column(LineReader lines) {
  FieldReader fields(lines, ",", false);
  std::vector<std::string_view> values;
  const std::string_view layout = "user, item, rating, time or item, user, rating, time";
  if (!fields.next(values, 4, layout)) return 1;
  if (values[0] == "user_id") {
    fields.fail("header", "a header line", "a file without one",
                "veer import csv reads it: --item-column parent_asin --time-unit milliseconds");
  }
  if ((values[0].size() == asin_size) == (values[1].size() == asin_size)) {
    fields.fail("item", quote(values[0]) + " and " + quote(values[1]),
                "one item of ten characters and one user of another length, to tell them apart",
                "delete the line, or import the file as csv with a header line");
  }
  return values[0].size() == asin_size ? 0 : 1;
}

void read_ratings_only(const Sources& sources, const std::string& file, const ImportOptions& options,
                       SourceLog& log) {
  const std::size_t item_column = find_item_column(sources.open(file));
  LineReader lines = sources.open(file);
  FieldReader fields(lines, ",", false);
  std::vector<std::string_view> values;
  const std::string_view layout = item_column == 1 ? "user, item, rating, time" : "item, user, rating, time";
  read_records(log.bad, [&] {
    if (!fields.next(values, 4, layout)) return false;
    const std::string_view user = fields.id(values[1 - item_column], "user");
    const std::string_view item = fields.id(values[item_column], "item");
    if (item.size() != asin_size) fields.fail("item", quote(item), "an item of ten characters");
    const float rating = fields.real(values[2], "rating", 0, most_stars);
    const std::int64_t time = fields.time(values[3], "time", TimeUnit::seconds);
    log.add_row(fields, user, item, "item", options.unknown_items);
    log.rating.push_back(rating);
    log.time.push_back(time);
    return true;
  });
}

}  // namespace

SourceLog read_amazon(const Sources& sources, const std::string& main, const ImportOptions& options) {
  if (main.empty()) {
    throw ConfigError(Where{sources.directory(), 0, ""},
                      Problem{"a directory", "the file with the ratings or the reviews", ""});
  }
  SourceLog log(options);
  log.name = std::filesystem::path(main).stem().string();
  log.files = {main};
  log.log_file = sources.directory() / main;
  if (!options.items_file.empty()) {
    log.files.push_back(options.items_file.filename().string());
    read_products(sources.open_path(options.items_file), options, log);
  }
  std::string_view line;
  if (LineReader first = sources.open(main); first.next(line) && line.starts_with('{')) {
    read_reviews_2014_to_2023(sources.open(main), options, log);
  } else {
    read_ratings_only(sources, main, options, log);
  }
  return log;
}

}  // namespace veer::importers
