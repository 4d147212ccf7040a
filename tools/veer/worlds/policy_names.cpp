#include "tools/veer/worlds/policy_names.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "agents/external/outside_entries.h"

namespace veer::tools {
namespace {

bool is_file(const std::string& text) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(text, ignored);
}

/// A model file's name without directories and without what every model file ends in.
std::string short_name(const std::string& file) {
  const std::filesystem::path path(file);
  const std::string name = path.filename().string();
  constexpr std::string_view ending = ".model.h5";
  if (name.size() > ending.size() && name.ends_with(ending))
    return name.substr(0, name.size() - ending.size());
  return path.stem().string();
}

/// "process[timeout=5]:python3 /some/where/mine.py" as "process:python3 mine.py": neither time limits nor
/// places change what a policy from outside answers.
std::string name_of_outside(const std::string& word, std::string argument) {
  for (const std::string& file : external::files_among(argument)) {
    argument.replace(argument.find(file), file.size(), std::filesystem::path(file).filename().string());
  }
  return word + ":" + argument;
}

std::string name_of_option(const std::string& option) {
  if (is_file(option)) return std::filesystem::path(option).filename().string();
  for (const std::string word : {"process", "plugin"}) {
    if (!option.starts_with(word + ":") && !option.starts_with(word + "[")) continue;
    const std::size_t start = option[word.size()] == ':' ? word.size() + 1 : option.find("]:") + 2;
    if (start > 1) return name_of_outside(word, option.substr(start));
  }
  const std::size_t colon = option.find(':');
  if (colon == std::string::npos) return option;
  std::string name = option.substr(0, colon);
  if (is_file(name)) name = short_name(name);
  char separator = ':';
  for (std::size_t begin = colon + 1; begin <= option.size();) {
    const std::size_t end = std::min(option.find(',', begin), option.size());
    const std::string pair = option.substr(begin, end - begin);
    const std::size_t equals = pair.find('=');
    const bool file = equals != std::string::npos && is_file(pair.substr(equals + 1));
    name += separator + (file ? pair.substr(0, equals + 1) + short_name(pair.substr(equals + 1)) : pair);
    separator = ',';
    begin = end + 1;
  }
  return name;
}

}  // namespace

std::vector<std::string> policy_names(std::span<const std::string> options) {
  std::vector<std::string> names;
  for (const std::string& option : options) names.push_back(name_of_option(option));
  std::vector<std::string> out = names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t j = 0; j < names.size(); ++j) {
      if (names[i] == names[j] && options[i] != options[j]) out[i] = options[i];
    }
  }
  return out;
}

}  // namespace veer::tools
