// Logs from tables: comma-separated text with a header line, columns by name and in any order.
// OPE_LOG_FORMAT.md describes both kinds. Thread-safety: pure functions of the file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "scenarios/ope/log.h"

namespace veer::ope {

/// What no column says.
struct TableOptions {
  ActionKind actions;
  double gamma = 0.95;  ///< of trajectories; not read for a table of independent decisions
};

using LoggedData = std::variant<BanditLog, TrajectoryLog, SlateLog>;

/// Where there is no column `behaviour`, the columns `action` and, if there is one, `context` stand for it:
/// an action's probability is its frequency among the rows of its context (all rows without contexts).
/// A table with the columns `episode`, `step` and `end` holds trajectories, one with `slate` and `position`
/// slates, any other independent decisions. All rules of check() hold. Throws DataError naming file, line and
/// field; IoError.
LoggedData read_table(const std::filesystem::path& file, const TableOptions& options);
/// The same from memory; `name` stands for the file in messages.
LoggedData read_table(const std::string& name, std::string_view text, const TableOptions& options);

}  // namespace veer::ope
