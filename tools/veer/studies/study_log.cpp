#include "tools/veer/studies/study_log.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "env/error.h"

namespace veer::tools {
namespace {

using StudyJson = nlohmann::ordered_json;

void append_line(const std::filesystem::path& path, const StudyJson& line) {
  std::ofstream file(path, std::ios::app);
  file << line.dump() << '\n';
  file.flush();
  if (!file) throw IoError({path, 0, ""}, {"no place to write", "a file that can be appended to", ""});
}

}  // namespace

StudyLog::StudyLog(std::filesystem::path path, std::string identity) : path_(std::move(path)) {
  std::ifstream file(path_);
  std::string text;
  std::int64_t number = 0;
  std::uintmax_t whole = 0;  // bytes of lines that are ended
  while (std::getline(file, text)) {
    // A crash may have cut the last line: its part is computed again.
    if (file.eof()) break;
    ++number;
    whole += text.size() + 1;
    const StudyJson line = StudyJson::parse(text, nullptr, false);
    const char* const key = number == 1 ? "study" : "part";
    const bool sound = line.is_object() && line.contains(key) && line[key].is_string() &&
                       (number == 1 || (line.contains("figures") && line["figures"].is_object()));
    if (!sound) throw FormatError({path_, number, ""}, {"no line of a study", "what veer study wrote", ""});
    if (number == 1) {
      if (line[key] == identity) continue;
      throw ConfigError({path_, 1, "study"}, {line[key].get<std::string>(), identity,
                                              "give the options it was begun with, or another --output"});
    }
    StudyFigures figures;
    for (const auto& [name, value] : line["figures"].items()) {
      if (!value.is_number()) {
        throw FormatError({path_, number, name}, {value.dump(), "a number", "what veer study wrote"});
      }
      figures[name] = value.get<double>();
    }
    parts_[line[key].get<std::string>()] = std::move(figures);
  }
  file.close();
  if (number == 0 && !text.empty()) {
    throw FormatError({path_, 1, ""}, {"no line of a study", "what veer study wrote, or no such file", ""});
  }
  if (number > 0) std::filesystem::resize_file(path_, whole);
  if (number == 0) append_line(path_, {{"study", identity}});
}

const StudyFigures& StudyLog::part(const std::string& name, const std::function<StudyFigures()>& work) {
  const auto found = parts_.find(name);
  if (found != parts_.end()) return found->second;
  StudyFigures figures = work();
  append_line(path_, {{"part", name}, {"figures", figures}});
  return parts_[name] = std::move(figures);
}

MeanInterval mean_interval(const std::vector<double>& values) {
  // 97.5 % quantiles of Student's t with 1, 2, ... degrees of freedom; from 30 on the normal one.
  constexpr std::array quantiles{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                 2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                                 2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045};
  const auto n = static_cast<double>(values.size());
  double sum = 0.0, squares = 0.0;
  for (const double value : values) sum += value;
  const double mean = sum / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  if (values.size() < 2) return {mean, 0.0};
  const double t = values.size() - 2 < quantiles.size() ? quantiles[values.size() - 2] : 1.96;
  return {mean, t * std::sqrt(squares / (n - 1.0) / n)};
}

}  // namespace veer::tools
