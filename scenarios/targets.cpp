#include "scenarios/targets.h"

#include <fstream>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "env/error.h"

namespace veer {
namespace {

using Index = std::unordered_map<std::string_view, std::int32_t>;  // looked up, never iterated

std::int32_t look_up(const Index& index, std::string_view id, const char* what, const Where& where) {
  const auto found = index.find(id);
  if (found != index.end()) return found->second;
  throw DataError(where,
                  {std::string(what) + " '" + std::string(id) + "'", std::string("an id of the data set"),
                   "filters such as k-core may have removed it"});
}

}  // namespace

std::vector<TargetChoice> read_targets(std::istream& in, const std::filesystem::path& name,
                                       const Dataset& data) {
  Index items, users;
  for (std::size_t i = 1; i < data.catalogue.ids.size(); ++i) {
    items.emplace(data.catalogue.ids[i], static_cast<std::int32_t>(i));
  }
  for (std::size_t u = 0; u < data.interactions.user_ids.size(); ++u) {
    users.emplace(data.interactions.user_ids[u], static_cast<std::int32_t>(u));
  }
  std::vector<TargetChoice> choices;
  std::set<std::pair<UserId, ItemId>> seen;
  std::string text;
  bool with_users = false;
  for (std::int64_t line = 1; std::getline(in, text); ++line) {
    if (line == 1 && text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // a byte-order mark
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (text.empty() || text.front() == '#') continue;
    const std::string_view view = text;
    const std::size_t tab = view.find('\t');
    const bool pair = tab != std::string_view::npos;
    const Where where{.file = name, .line = line, .field = {}};
    if (pair && view.find('\t', tab + 1) != std::string_view::npos) {
      throw DataError(where, {"more than two fields", "'target' or 'user<TAB>target'", {}});
    }
    if (choices.empty()) with_users = pair;
    if (pair != with_users) {
      throw DataError(where, {pair ? "a user and a target" : "a target alone",
                              with_users ? "a user and a target, as in the lines before"
                                         : "a target alone, as in the lines before",
                              {}});
    }
    TargetChoice choice;
    choice.line = line;
    if (pair) choice.user = look_up(users, view.substr(0, tab), "user", where);
    choice.target = look_up(items, pair ? view.substr(tab + 1) : view, "item", where);
    if (!seen.insert({choice.user, choice.target}).second) {
      throw DataError(where, {"'" + text + "' again", "every choice once", "remove the repeated line"});
    }
    choices.push_back(choice);
  }
  if (in.bad())
    throw IoError({.file = name, .line = 0, .field = {}}, {"a read error", "a readable file", {}});
  if (choices.empty()) {
    throw DataError({.file = name, .line = 0, .field = {}}, {"no target", "at least one line", {}});
  }
  return choices;
}

std::vector<TargetChoice> read_targets(const std::filesystem::path& file, const Dataset& data) {
  std::ifstream in(file);
  if (!in) {
    throw IoError(
        {.file = file, .line = 0, .field = {}},
        {"a file that cannot be opened", "a readable list of targets", "check the path and permissions"});
  }
  return read_targets(in, file, data);
}

}  // namespace veer
