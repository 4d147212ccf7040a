#include "simulators/response/rl4rs_log.h"

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/importers/fields.h"
#include "env/data/importers/text.h"

namespace veer {
namespace {

using importers::FieldReader;

/// Calls take(text) for each entry of a list; an empty text is an empty list.
template <class Take>
void for_each_entry(std::string_view list, const Take& take) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    take(list.substr(0, comma));
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

Part part_of_session(std::int64_t session) noexcept {
  const std::int64_t place = session % 10;
  return place < 3    ? Part::train_plan
         : place < 6  ? Part::train_judge
         : place == 6 ? Part::validation
                      : Part::test;
}

void check_count(const FieldReader& fields, const char* field, std::size_t found, std::size_t expected) {
  if (found == expected) return;
  fields.fail(field, std::to_string(found) + " values", std::to_string(expected));
}

SlateData read_slates(importers::LineReader& lines, std::int32_t items) {
  FieldReader fields(lines, "@", false);
  constexpr std::string_view layout =
      "timestamp, session_id, sequence_id, exposed_items, user_feedback, user_seqfeature, user_protrait, "
      "item_feature, behavior_policy_id";
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string_view> values;
  if (!fields.next(values, 9, layout) || values[3] != "exposed_items") {
    fields.fail("header", values.empty() ? "nothing" : importers::quote(values[0]),
                "'timestamp@session_id@sequence_id@exposed_items@...'", "is this a log of RL4RS?");
  }
  SlateData data;
  SlatePeople& people = data.people;
  people.offsets = {0};
  while (fields.next(values, 9, layout)) {
    const std::int64_t session = fields.integer(values[1], "session_id", 0, largest);
    const std::size_t slates = data.log.items.size(), answers = data.log.clicks.size(),
                      numbers = people.profiles.size();
    for_each_entry(values[3], [&](std::string_view text) {
      data.log.items.push_back(static_cast<ItemId>(fields.integer(text, "exposed_items", 1, items)));
    });
    for_each_entry(values[4], [&](std::string_view text) {
      data.log.clicks.push_back(static_cast<std::uint8_t>(fields.integer(text, "user_feedback", 0, 1)));
    });
    for_each_entry(values[5], [&](std::string_view text) {
      const std::int64_t item = fields.integer(text, "user_seqfeature", 0, items);
      if (item != no_item) people.liked.push_back(static_cast<ItemId>(item));
    });
    for_each_entry(values[6], [&](std::string_view text) {
      people.profiles.push_back(std::log1p(fields.real(text, "user_protrait", 0.0, 1e30)));
    });
    if (data.log.slots == 0) {
      data.log.slots = static_cast<std::int32_t>(data.log.items.size());
      people.profile_width = static_cast<std::int32_t>(people.profiles.size());
      if (data.log.slots == 0) fields.fail("exposed_items", "none", "at least one");
      if (people.profile_width == 0) fields.fail("user_protrait", "no values", "at least one");
    }
    check_count(fields, "exposed_items", data.log.items.size() - slates, at(data.log.slots));
    check_count(fields, "user_feedback", data.log.clicks.size() - answers, at(data.log.slots));
    check_count(fields, "user_protrait", people.profiles.size() - numbers, at(people.profile_width));
    const auto user = static_cast<UserId>(people.starts.size());
    people.starts.push_back(
        {user, static_cast<std::int32_t>(std::ssize(people.liked) - people.offsets.back())});
    people.offsets.push_back(std::ssize(people.liked));
    people.parts.push_back(part_of_session(session));
  }
  if (people.starts.empty()) fields.fail("exposed_items", "no lines behind the header", "at least one");
  data.fingerprint = "rl4rs " + lines.file().filename().string();
  return data;
}

}  // namespace

SlateData read_rl4rs_log(const std::filesystem::path& file, std::int32_t items) {
  importers::LineReader lines(file);
  return read_slates(lines, items);
}

SlateData read_rl4rs_log(const std::string& name, std::string_view text, std::int32_t items) {
  importers::LineReader lines(name, text);
  return read_slates(lines, items);
}

}  // namespace veer
