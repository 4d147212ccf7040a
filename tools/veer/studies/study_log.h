// The results of a study, one line of JSON per finished part, so that an interrupted study goes on where it
// was. Not thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace veer::tools {

/// Figures of one part of a study by name: of one training, or of one plain policy.
using StudyFigures = std::map<std::string, double>;

class StudyLog {
 public:
  /// `identity`: what the results depend on, in words. Reads the finished parts where the file exists. Throws
  /// ConfigError when it belongs to another study or other options, FormatError for lines that are none.
  StudyLog(std::filesystem::path path, std::string identity);

  /// The figures of a part, computed by `work` unless they are known. Throws what `work` throws, IoError.
  const StudyFigures& part(const std::string& name, const std::function<StudyFigures()>& work);
  std::size_t known() const noexcept { return parts_.size(); }

 private:
  std::filesystem::path path_;
  std::map<std::string, StudyFigures> parts_;
};

/// Mean and half a 95 % interval of it by Student's t over the values; half a width of 0 for a single one.
struct MeanInterval {
  double mean = 0.0, half = 0.0;
};
MeanInterval mean_interval(const std::vector<double>& values);

}  // namespace veer::tools
