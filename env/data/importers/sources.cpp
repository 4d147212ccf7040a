#include "env/data/importers/sources.h"

#include <algorithm>

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

std::string Sources::directory_name() const {
  if (in_memory_) return "";
  std::error_code error;
  std::filesystem::path path = std::filesystem::canonical(directory_, error);
  if (error) path = directory_;
  return path.filename().string();
}

}  // namespace veer::importers
