#include "env/data/importers/slate_tables.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "env/data/importers/fields.h"
#include "env/data/importers/text.h"

namespace veer {
namespace {

using importers::FieldReader;
using importers::LineReader;
using importers::quote;

constexpr std::int32_t most_items = 10'000'000;
constexpr double largest_feature = 1e6;

std::vector<float> parse_vector(const FieldReader& fields, std::string_view text) {
  std::vector<float> values;
  while (true) {
    const std::size_t comma = text.find(',');
    values.push_back(fields.real(text.substr(0, comma), "item_vec", -largest_feature, largest_feature));
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

ItemFeatures read_items(LineReader& lines) {
  FieldReader fields(lines, " ", false);
  constexpr std::string_view layout = "item_id, item_vec, price, location, special_item";
  std::vector<std::string_view> values;
  if (!fields.next(values, 5, layout) || values[0] != "item_id" || values[1] != "item_vec") {
    fields.fail("header", values.empty() ? "nothing" : quote(values[0]), "'item_id item_vec ...'",
                "is this item_info.csv of RL4RS, unpacked?");
  }
  std::map<std::int64_t, std::vector<float>> vectors;
  while (fields.next(values, 5, layout)) {
    const std::int64_t id = fields.integer(values[0], "item_id", 1, most_items);
    std::vector<float> vector = parse_vector(fields, values[1]);
    if (!vectors.empty() && vector.size() != vectors.begin()->second.size()) {
      fields.fail("item_vec", std::to_string(vector.size()) + " values",
                  std::to_string(vectors.begin()->second.size()) + " as in the other lines");
    }
    fields.real(values[2], "price", 0, 1e9);
    fields.integer(values[3], "location", 1, 3);
    fields.integer(values[4], "special_item", 0, 2);
    if (!vectors.emplace(id, std::move(vector)).second) {
      fields.fail("item_id", std::to_string(id) + " again", "one line for each item");
    }
  }
  if (vectors.empty()) fields.fail("item_id", "no items", "at least one");
  if (vectors.rbegin()->first != std::ssize(vectors)) {
    fields.fail("item_id", "ids up to " + std::to_string(vectors.rbegin()->first),
                "1 to " + std::to_string(vectors.size()) + ", the number of items");
  }
  ItemFeatures features{static_cast<std::int32_t>(vectors.begin()->second.size()), {}};
  features.values.assign(at(features.width), 0.0F);
  for (const auto& [id, vector] : vectors) {
    features.values.insert(features.values.end(), vector.begin(), vector.end());
  }
  return features;
}

std::vector<float> read_profiles(LineReader& lines, std::span<const std::string> user_ids) {
  constexpr std::array<std::int64_t, 7> ages = {1, 18, 25, 35, 45, 50, 56};
  FieldReader fields(lines, "::", false);
  std::vector<std::string_view> values;
  std::map<std::string, std::array<std::size_t, 3>, std::less<>> people;
  while (fields.next(values, 5, "user, gender, age, occupation, zip code")) {
    const std::int64_t age = fields.integer(values[2], "age", 0, 200);
    const auto group = std::ranges::find(ages, age);
    if (group == ages.end()) {
      fields.fail("age", quote(values[2]), "a group of MovieLens-1M: 1, 18, 25, 35, 45, 50 or 56");
    }
    if (values[1] != "F" && values[1] != "M") fields.fail("gender", quote(values[1]), "F or M");
    const std::int64_t occupation = fields.integer(values[3], "occupation", 0, 20);
    const bool added = people
                           .emplace(std::string(values[0]),
                                    std::array<std::size_t, 3>{at(group - ages.begin()),
                                                               ages.size() + (values[1] == "F" ? 0U : 1U),
                                                               ages.size() + 2 + at(occupation)})
                           .second;
    if (!added) fields.fail("user", quote(values[0]) + " again", "one line for each user");
  }
  std::vector<float> profiles(user_ids.size() * at(movielens_profile_width), 0.0F);
  for (std::size_t u = 0; u < user_ids.size(); ++u) {
    const auto found = people.find(user_ids[u]);
    if (found == people.end()) {
      throw DataError({.file = lines.file(), .line = 0, .field = "user"},
                      {"no line for user " + quote(user_ids[u]), "one for each person of the data set",
                       "the files may be of different editions"});
    }
    for (const std::size_t place : found->second) profiles[u * at(movielens_profile_width) + place] = 1.0F;
  }
  return profiles;
}

}  // namespace

ItemFeatures read_rl4rs_items(const std::filesystem::path& file) {
  LineReader lines(file);
  return read_items(lines);
}

ItemFeatures read_rl4rs_items(const std::string& name, std::string_view text) {
  LineReader lines(name, text);
  return read_items(lines);
}

std::vector<float> read_movielens_profiles(const std::filesystem::path& file,
                                           std::span<const std::string> user_ids) {
  LineReader lines(file);
  return read_profiles(lines, user_ids);
}

std::vector<float> read_movielens_profiles(const std::string& name, std::string_view text,
                                           std::span<const std::string> user_ids) {
  LineReader lines(name, text);
  return read_profiles(lines, user_ids);
}

}  // namespace veer
