// The validation windows of ProRL (Hou et al., "ProRL: Effective reinforcement learning for proactive
// recommendation via rectified policy gradient estimation", ICML 2026), as its repository publishes them in
// place of the logs:
//   name.val       JSON, a list of {user, inters: items, proc_path: items}: a stretch of one person's
//   sequence, in
//                  any order; proc_path followed inters at once
//   name.datamaps  JSON, optional: item2id, id2item, itemid2title (by internal id), raw_item_id2attribute (by
//   the ids
//                  of the windows), id2attribute
// Each person's windows are joined where they overlap (window_chains.h). What does not join stands apart in
// time: a person "ann" whose windows give two sequences becomes the users "ann/1" and "ann/2", in the same
// part. No times.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "env/data/importers/sources.h"
#include "env/data/importers/text.h"
#include "env/data/importers/window_chains.h"

namespace veer::importers {
namespace {

using Json = nlohmann::json;

Json parse_json(const Sources& sources, const std::string& name, Json::value_t type, const char* expected) {
  const auto refuse = [&](const std::string& found) {
    throw DataError(Where{sources.directory() / name, 0, ""},
                    Problem{found, expected, "check that the file is complete"});
  };
  Json value;
  try {
    value = Json::parse(sources.read(name));
  } catch (const Json::parse_error& error) {
    refuse(fmt::format("text that is no JSON at byte {}", error.byte));
  }
  if (value.type() != type) refuse(fmt::format("a JSON {}", value.type_name()));
  return value;
}

/// The windows of everyone, people in the order of the file.
struct People {
  IdTable users;
  IdTable items;
  std::vector<std::vector<Window>> windows;  ///< [users]
};

void add_items(const FieldReader& fields, const Json& record, const char* key, std::size_t number,
               IdTable& items, std::vector<std::int32_t>& out) {
  const auto found = record.find(key);
  const auto refuse = [&](const std::string& what) {
    fields.fail(key, fmt::format("{} in record {}", what, number), "a list of item ids, not empty, as texts");
  };
  if (found == record.end() || !found->is_array() || found->empty()) refuse("no list");
  for (const Json& item : *found) {
    if (!item.is_string()) refuse(item.type_name());
    out.push_back(items.add(fields.id(item.get_ref<const std::string&>(), key)));
  }
}

People read_windows(const FieldReader& fields, const Json& records, BadLines& bad) {
  People people;
  auto record = records.begin();
  read_records(bad, [&] {
    if (record == records.end()) return false;
    const Json& value = *record;
    const auto number = static_cast<std::size_t>(++record - records.begin());
    const auto user = value.is_object() ? value.find("user") : value.end();
    if (user == value.end() || !user->is_string())
      fields.fail("user", fmt::format("no text in record {}", number),
                  "an object with user, inters and proc_path");
    const std::string_view id = fields.id(user->get_ref<const std::string&>(), "user");
    Window window;
    add_items(fields, value, "inters", number, people.items, window.items);
    window.history = window.items.size();
    add_items(fields, value, "proc_path", number, people.items, window.items);
    const std::int32_t person = people.users.add(id);
    if (at(person) == people.windows.size()) people.windows.emplace_back();
    people.windows[at(person)].push_back(std::move(window));
    return true;
  });
  return people;
}

/// The text or number at maps[map][key]; empty: there is none.
std::string text_in(const Json& maps, const char* map, const std::string& key) {
  const auto found = maps.find(map);
  if (found == maps.end() || !found->is_object()) return {};
  const auto value = found->find(key);
  if (value == found->end()) return {};
  return value->is_string() ? value->get<std::string>() : value->dump();
}

/// Windows hold the ids of the source, except where a data set numbers its items: then those of id2item.
void read_maps(const FieldReader& fields, const Json& maps, const IdTable& items, SourceLog& log) {
  std::int64_t own = 0;
  std::int64_t internal = 0;
  for (std::int32_t item = 0; item < items.size(); ++item) {
    const std::string id(items.text(item));
    own += text_in(maps, "item2id", id).empty() ? 0 : 1;
    internal += text_in(maps, "id2item", id).empty() ? 0 : 1;
  }
  const auto attributes_of = maps.find("raw_item_id2attribute");
  for (std::int32_t item = 0; item < items.size(); ++item) {
    const std::string id(items.text(item));
    const std::string number = own >= internal ? text_in(maps, "item2id", id) : id;
    if (number.empty() || text_in(maps, "id2item", number).empty()) continue;
    std::vector<std::string> names;
    if (attributes_of != maps.end() && attributes_of->is_object() && attributes_of->contains(id)) {
      for (const Json& attribute : attributes_of->at(id)) {
        const std::string code = attribute.dump();
        const std::string name = text_in(maps, "id2attribute", code);
        names.emplace_back(fields.id(name.empty() ? code : name, "attribute"));
      }
    }
    const std::string title = on_one_line(text_in(maps, "itemid2title", number));
    log.table.add(fields, id, fields.text(title, "title"), {names.begin(), names.end()},
                  Duplicates::keep_first);
  }
}

}  // namespace

SourceLog read_prorl(const Sources& sources, const std::string& main, const ImportOptions& options) {
  const std::string stem = sources.find_stem(main, ".val");
  SourceLog log(options);
  log.name = stem;
  log.files = {stem + ".val"};
  log.log_file = sources.directory() / log.files.front();
  const Json records = parse_json(sources, log.files.front(), Json::value_t::array,
                                  "a JSON list of objects with user, inters, proc_path");
  LineReader lines(log.log_file.string(), "");  // stands for the file in messages: all of it is one line
  const FieldReader fields(lines, ",", false);
  const People people = read_windows(fields, records, log.bad);

  if (const std::string maps = stem + ".datamaps"; sources.contains(maps)) {
    log.files.push_back(maps);
    log.table_file = maps;
    LineReader map_lines((sources.directory() / maps).string(), "");
    read_maps(FieldReader(map_lines, ",", false),
              parse_json(sources, maps, Json::value_t::object, "a JSON object with item2id and others"),
              people.items, log);
  }
  for (std::int32_t person = 0; person < people.users.size(); ++person) {
    const auto sequences = join_windows(people.windows[at(person)]);
    for (std::size_t sequence = 0; sequence < sequences.size(); ++sequence) {
      std::string id(people.users.text(person));
      if (sequences.size() > 1) id += fmt::format("/{}", sequence + 1);
      for (const std::int32_t item : sequences[sequence])
        log.add_row(fields, id, people.items.text(item), "item", options.unknown_items);
      log.person.resize(at(log.users.size()), person);
    }
  }
  return log;
}

}  // namespace veer::importers
