// Figures of offline evaluation, out of the table that `veer rank --csv` writes.
// Thread-safety: free functions; values.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace veer::tools {

/// One figure of several methods.
struct OfflineFigure {
  std::string name;  ///< "purchases ndcg_10"
  std::vector<std::string> methods;
  std::vector<double> means;  ///< 0..1
};

/// The figures ndcg_10 and hr_10, ndcg_10 first. Throws DataError with file and line for another table,
/// IoError.
std::vector<OfflineFigure> read_offline_figures(const std::filesystem::path& file);
/// The same from memory; `name` stands for the file in messages.
std::vector<OfflineFigure> read_offline_figures(const std::string& name, std::string_view text);

}  // namespace veer::tools
