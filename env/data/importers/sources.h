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
  /// The whole of a file. Throws as open().
  std::string read(const std::string& name) const;
  /// "ml-1m" of "ml-1m.inter": of `main` when it is not empty, else of the file named after the directory,
  /// else of the only one there. Throws DataError.
  std::string find_stem(const std::string& main, std::string_view suffix) const;
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
// directory. Options that depend on the format are set.
SourceLog read_movielens(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_recbole(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_csv(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_retailrocket(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_yoochoose(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_sessions(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_steam(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_amazon(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_kuairand(const Sources& sources, const std::string& main, const ImportOptions& options);
SourceLog read_prorl(const Sources& sources, const std::string& main, const ImportOptions& options);

}  // namespace veer::importers
