// What `veer validate` prints of a comparison of populations. Thread-safety: pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "simulators/long_run/long_run.h"
#include "tools/veer/terminal/console.h"

namespace veer::tools {

/// Table of distances, grade, rule, and how diversity and similarity of taste go on. `made` is what the
/// people who are not real are called ("simulated").
std::string comparison_text(const long_run::Report& report, const std::string& made, std::int32_t window,
                            const Console& console);
/// What was not compared, a line each.
std::string missing_text(const long_run::Report& report);
/// The same as JSON: measures, grades, rule, courses, what was not compared.
nlohmann::ordered_json comparison_json(const long_run::Report& report);

}  // namespace veer::tools
