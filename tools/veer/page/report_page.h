// The page around the sections: template, style, script, and a Content-Security-Policy that lets nothing else
// run. Thread-safety: pure function.
#pragma once

#include <string>
#include <vector>

namespace veer::tools {

struct ReportPage {
  std::string title, kicker;             ///< plain text
  std::vector<std::string> conclusions;  ///< plain text; the first is the headline
  std::vector<std::string> sections;     ///< HTML; empty ones are left out
};

std::string page_of(const ReportPage& page);

}  // namespace veer::tools
