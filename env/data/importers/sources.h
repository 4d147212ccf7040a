// Where an importer finds its files: a directory, or texts in memory (tests, fuzzing).
// Thread-safety: immutable. Ownership: texts in memory stay the caller's and must outlive the Sources and its
// readers.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "env/data/importers/importer.h"
#include "env/data/importers/line_reader.h"
#include "env/data/importers/source_log.h"

namespace veer::importers {

class Sources {
 public:
  explicit Sources(std::filesystem::path directory) : directory_(std::move(directory)) {}
  explicit Sources(std::span<const SourceText> texts) : texts_(texts), in_memory_(true) {}

  bool contains(const std::string& name) const;
  /// Throws IoError when the file is missing or unreadable.
  LineReader open(const std::string& name) const;
  /// A file named by its own path instead of by its place in the directory.
  LineReader open_path(const std::filesystem::path& file) const;
  std::vector<std::string> names() const;  ///< file names, ascending
  const std::filesystem::path& directory() const noexcept { return directory_; }
  /// Last part of the directory's path; empty in memory.
  std::string directory_name() const;

 private:
  std::filesystem::path directory_;
  std::span<const SourceText> texts_;
  bool in_memory_ = false;
};

// One function per format, each in the file of its name. `main` names one file, or is empty: the whole
// directory.
SourceLog read_movielens(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_recbole(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_csv(const Sources& sources, const std::string& main, const ImportOptions& options);

}  // namespace veer::importers
