#include "env/data/importers/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "env/error.h"

namespace veer::importers {

bool Sources::contains(const std::string& name) const {
  if (in_memory_) {
    return std::any_of(texts_.begin(), texts_.end(),
                       [&](const SourceText& file) { return file.name == name; });
  }
  std::error_code error;
  return std::filesystem::exists(directory_ / name, error);
}

LineReader Sources::open(const std::string& name) const {
  if (!in_memory_) return LineReader(directory_ / name);
  for (const SourceText& file : texts_) {
    if (file.name == name) return LineReader(file.name, file.text);
  }
  throw IoError(Where{name, 0, ""}, Problem{"no such file", "a readable text file", ""});
}

LineReader Sources::open_path(const std::filesystem::path& file) const {
  return in_memory_ ? open(file.string()) : LineReader(file);
}

std::string Sources::read(const std::string& name) const {
  if (in_memory_) {
    for (const SourceText& file : texts_) {
      if (file.name == name) return std::string(file.text);
    }
    throw IoError(Where{name, 0, ""}, Problem{"no such file", "a readable text file", ""});
  }
  std::ifstream stream(directory_ / name, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream.is_open() || stream.bad()) {
    throw IoError(Where{directory_ / name, 0, ""},
                  Problem{"no such file, or one that cannot be read", "a readable text file",
                          "check the path, and unpack compressed files first"});
  }
  return text;
}

std::vector<std::string> Sources::names() const {
  std::vector<std::string> names;
  if (in_memory_) {
    for (const SourceText& file : texts_) names.push_back(file.name);
  } else {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory_, error), end; !error && entry != end;
         entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error) throw IoError(Where{directory_, 0, ""}, Problem{error.message(), "a readable directory", ""});
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Sources::find_stem(const std::string& main, std::string_view suffix) const {
  if (!main.empty()) {
    if (main.ends_with(suffix) && main.size() > suffix.size())
      return main.substr(0, main.size() - suffix.size());
    throw DataError(Where{directory_ / main, 0, ""},
                    Problem{"another file", fmt::format("a {} file or its directory", suffix), ""});
  }
  std::vector<std::string> stems;
  for (const std::string& name : names()) {
    if (name.ends_with(suffix)) stems.push_back(name.substr(0, name.size() - suffix.size()));
  }
  if (const std::string own = directory_name(); std::find(stems.begin(), stems.end(), own) != stems.end())
    return own;
  if (stems.size() == 1) return stems.front();
  throw DataError(Where{directory_, 0, ""},
                  Problem{stems.empty() ? fmt::format("no {} file", suffix)
                                        : fmt::format("{} {} files", stems.size(), suffix),
                          fmt::format("one {} file", suffix),
                          stems.empty() ? "unpack compressed files first" : "name one of them"});
}

std::string Sources::directory_name() const {
  if (in_memory_) return "";
  std::error_code error;
  std::filesystem::path path = std::filesystem::canonical(directory_, error);
  if (error) path = directory_;
  return path.filename().string();
}

}  // namespace veer::importers
