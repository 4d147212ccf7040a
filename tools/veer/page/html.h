// Text made safe for a page, and tables. Everything that comes from data passes through here.
// Thread-safety: pure functions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace veer::tools {

/// For the content of elements and for attributes in double quotes. What is no UTF-8 is read as Latin-1;
/// control characters become blanks.
std::string html_text(std::string_view text);

/// A JSON document that can stand inside <script type="application/json">: nothing in it ends the element.
std::string script_json(const nlohmann::ordered_json& json);

/// 'sha256-...' as a Content-Security-Policy names an inline script or style.
std::string csp_hash(std::string_view text);

/// Plain text, escaped when written. The first column heads its row; numbers stand right.
struct HtmlTable {
  std::string caption;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};
std::string html_table(const HtmlTable& table);

/// A section with a heading that links can name; `body` is HTML.
std::string html_section(const std::string& id, const std::string& heading, const std::string& body);
/// "<p>...</p>" of plain text.
std::string html_paragraph(std::string_view text, std::string_view kind = {});

}  // namespace veer::tools
