// The page's template, style and script, turned into text of the program at build time (embed.cmake). The
// chart library is empty where the program was built without it. Thread-safety: constants.
#pragma once

#include <string_view>

namespace veer::tools::assets {

std::string_view page_html();  ///< with {{names}} where parts go
std::string_view report_css();
std::string_view report_js();
std::string_view chart_css();   ///< of the chart library
std::string_view chart_js();    ///< of the chart library, beginning with its licence
std::string_view enlarge_js();  ///< what the page does with it

}  // namespace veer::tools::assets
