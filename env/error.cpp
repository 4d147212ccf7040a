#include "env/error.h"

namespace veer {

std::string describe(const Where& where, const Problem& problem) {
  std::string text;
  if (!where.file.empty()) {
    text += where.file.string();
    if (where.line > 0) text += ":" + std::to_string(where.line);
    text += ": ";
  }
  if (!where.field.empty()) text += where.field + ": ";
  if (!problem.found.empty()) text += "found " + problem.found;
  if (!problem.expected.empty()) {
    if (!problem.found.empty()) text += "; ";
    text += "expected " + problem.expected;
  }
  if (!problem.hint.empty()) text += "; " + problem.hint;
  return text;
}

}  // namespace veer
