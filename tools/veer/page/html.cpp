#include "tools/veer/page/html.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "env/data/importers/text.h"
#include "env/data/sha256.h"

namespace veer::tools {
namespace {

std::string base64_of_hex(const std::string& hex) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    std::uint8_t byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    bytes.push_back(byte);
  }
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8U | (i + k < bytes.size() ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k > bytes.size() ? '=' : digits[group >> (18U - 6U * k) & 63U];
    }
  }
  return out;
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (const char letter : importers::latin1_to_utf8(text)) {
    switch (letter) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default: {
        const auto code = static_cast<unsigned char>(letter);
        const bool control = (code < 0x20 && letter != '\n' && letter != '\t') || code == 0x7f;
        out += control ? ' ' : letter;
      }
    }
  }
  return out;
}

std::string script_json(const nlohmann::ordered_json& json) {
  const std::string plain = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::string out;
  out.reserve(plain.size());
  for (const char letter : plain) {  // these three stand only inside strings
    if (letter == '<') {
      out += "\\u003c";
    } else if (letter == '>') {
      out += "\\u003e";
    } else if (letter == '&') {
      out += "\\u0026";
    } else {
      out += letter;
    }
  }
  return out;
}

std::string csp_hash(std::string_view text) { return "'sha256-" + base64_of_hex(sha256_of(text)) + "'"; }

std::string html_table(const HtmlTable& table) {
  std::string out = "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"" +
                    html_text(table.caption) + "\"><table>\n<caption>" + html_text(table.caption) +
                    "</caption>\n<thead><tr>";
  for (const std::string& cell : table.header) out += "<th scope=\"col\">" + html_text(cell) + "</th>";
  out += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    out += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string cell = html_text(row[c]);
      out += c == 0 ? "<th scope=\"row\">" + cell + "</th>" : "<td>" + cell + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string html_section(const std::string& id, const std::string& heading, const std::string& body) {
  return fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-heading\">\n<h2 id=\"{0}-heading\">{1}</h2>\n"
      "{2}</section>\n",
      id, html_text(heading), body);
}

std::string html_paragraph(std::string_view text, std::string_view kind) {
  if (kind.empty()) return "<p>" + html_text(text) + "</p>\n";
  return fmt::format("<p class=\"{}\">{}</p>\n", kind, html_text(text));
}

}  // namespace veer::tools
