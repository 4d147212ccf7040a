#include "env/data/given_paths.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>

#include "env/error.h"

namespace veer {
namespace {

using Json = nlohmann::json;

/// Ids of a source to numbers of the dataset.
using Numbers = std::unordered_map<std::string_view, std::int32_t>;

/// One object of the file.
struct Record {
  const std::filesystem::path& file;
  std::int64_t line;  ///< 0 where the file is one list
  std::int64_t number;
  const Json& value;

  [[noreturn]] void fail(const std::string& key, const std::string& found, const std::string& expected,
                         const std::string& hint = {}) const {
    throw DataError(Where{file, line, line > 0 ? key : fmt::format("path {}: {}", number, key)},
                    Problem{found, expected, hint});
  }
  /// The value of the first of these keys that the object has; null: of none.
  const Json* find(std::initializer_list<const char*> keys, std::string& name) const {
    for (const char* key : keys) {
      const auto found = value.find(key);
      if (found == value.end()) continue;
      name = key;
      return &*found;
    }
    name = *keys.begin();
    return nullptr;
  }
};

/// An item that the dataset does not know.
struct UnknownItem {
  std::string key, id;
};

std::string id_of(const Record& record, const std::string& key, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  record.fail(key, fmt::format("a {}", value.type_name()), "an id, as text or whole number");
}

ItemId item_of(const Record& record, const std::string& key, const Json& value, const Numbers& items) {
  const std::string id = id_of(record, key, value);
  const auto found = items.find(id);
  if (found == items.end()) throw UnknownItem{key, id};
  return found->second;
}

std::vector<ItemId> items_of(const Record& record, const std::string& key, const Json* value,
                             const Numbers& items) {
  if (value == nullptr) record.fail(key, "nothing", "a list of item ids");
  if (!value->is_array()) record.fail(key, fmt::format("a {}", value->type_name()), "a list of item ids");
  std::vector<ItemId> out;
  for (const Json& item : *value) out.push_back(item_of(record, key, item, items));
  return out;
}

GivenPath read_path(const Record& record, const Numbers& items) {
  if (!record.value.is_object())
    record.fail("path", fmt::format("a {}", record.value.type_name()),
                "an object with history, path and target");
  GivenPath out;
  std::string key;
  const Json* history = record.find({"history", "inters"}, key);
  out.history = items_of(record, key, history, items);
  if (out.history.empty()) record.fail(key, "an empty list", "at least one item");
  const Json* shown = record.find({"path", "proc_path"}, key);
  out.items = items_of(record, key, shown, items);
  const bool ends_with_target = key == "proc_path";
  const Json* target = record.find({"target"}, key);
  if (ends_with_target) {
    if (out.items.empty()) record.fail("proc_path", "an empty list", "the path and its target");
    out.target = out.items.back();
    out.items.pop_back();
    if (target != nullptr && item_of(record, key, *target, items) != out.target)
      record.fail(key, "'" + id_of(record, key, *target) + "'", "the last item of proc_path");
  } else if (target == nullptr) {
    record.fail(key, "nothing", "the id of the item that the path leads to");
  } else {
    out.target = item_of(record, key, *target, items);
  }
  return out;
}

std::string text_of(const std::filesystem::path& file) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored))
    throw DataError(Where{file, 0, ""}, Problem{"a directory", "a file of paths", ""});
  std::ifstream in(file, std::ios::binary);
  if (!in) throw DataError(Where{file, 0, ""}, Problem{std::strerror(errno), "a file of paths", ""});
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Json parse(const std::filesystem::path& file, std::int64_t line, std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw DataError(Where{file, line, ""},
                    Problem{fmt::format("text that is no JSON at byte {}", error.byte),
                            line > 0 ? "one JSON object a line" : "a JSON list of objects",
                            "check that the file is complete"});
  }
}

class Reader {
 public:
  Reader(const std::filesystem::path& file, const Dataset& data, const GivenPathOptions& options)
      : file_(file), options_(options), strangers_from_(data.interactions.users()) {
    for (ItemId item = 1; item <= data.catalogue.size(); ++item)
      items_.emplace(data.catalogue.ids[static_cast<std::size_t>(item)], item);
    for (UserId user = 0; user < strangers_from_; ++user)
      known_.emplace(data.interactions.user_ids[static_cast<std::size_t>(user)], user);
  }

  void add(std::int64_t line, const Json& value) {
    const Record record{file_, line, ++number_, value};
    try {
      GivenPath path = read_path(record, items_);
      path.user = user_of(record);
      out_.paths.push_back(std::move(path));
    } catch (const UnknownItem& unknown) {
      if (!options_.skip_unknown)
        record.fail(unknown.key, "item '" + unknown.id + "'", "ids of the dataset",
                    "--skip-unknown leaves such paths out");
      ++out_.left_out;
    }
  }
  GivenPaths finish() {
    out_.strangers = static_cast<std::int64_t>(strangers_.size());
    if (out_.paths.empty())
      throw DataError(Where{file_, 0, ""},
                      Problem{fmt::format("no path of items that the dataset knows among {}", number_),
                              "at least one", "is it the dataset that the paths were made for?"});
    return std::move(out_);
  }

 private:
  /// People without a name are one each.
  UserId user_of(const Record& record) {
    const auto found = record.value.find("user");
    const std::string name =
        found == record.value.end() ? fmt::format("\npath {}", record.number) : id_of(record, "user", *found);
    if (const auto user = known_.find(name); user != known_.end()) return user->second;
    const auto stranger = static_cast<UserId>(strangers_from_ + static_cast<std::int32_t>(strangers_.size()));
    return strangers_.emplace(name, stranger).first->second;
  }

  const std::filesystem::path& file_;
  GivenPathOptions options_;
  std::int32_t strangers_from_;
  Numbers items_, known_;
  std::unordered_map<std::string, UserId> strangers_;
  std::int64_t number_ = 0;
  GivenPaths out_;
};

}  // namespace

GivenPaths read_given_paths(const std::filesystem::path& file, const Dataset& data,
                            const GivenPathOptions& options) {
  const std::string text = text_of(file);
  Reader reader(file, data, options);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && text[first] == '[') {
    const Json list = parse(file, 0, text);
    for (const Json& value : list) reader.add(0, value);
    return reader.finish();
  }
  std::int64_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view one = std::string_view(text).substr(begin, end - begin);
    ++line;
    if (one.find_first_not_of(" \t\r") != std::string_view::npos) reader.add(line, parse(file, line, one));
    begin = end + 1;
  }
  return reader.finish();
}

}  // namespace veer
