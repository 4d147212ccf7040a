#include "tools/veer/page/report_page.h"

#include <map>
#include <string_view>

#include "tools/report/assets.h"
#include "tools/veer/page/html.h"

namespace veer::tools {
namespace {

/// Every {{name}} of the template, once, from left to right: values are not looked into.
std::string filled(std::string_view text, const std::map<std::string, std::string, std::less<>>& values) {
  std::string out;
  for (;;) {
    const std::size_t open = text.find("{{");
    if (open == std::string_view::npos) return out += text;
    const std::size_t close = text.find("}}", open);
    out += text.substr(0, open);
    out += values.at(std::string(text.substr(open + 2, close - open - 2)));
    text.remove_prefix(close + 2);
  }
}

struct Inlined {
  std::string elements, hashes;
};

Inlined inlined(const char* element, const std::vector<std::string_view>& texts) {
  Inlined out;
  for (const std::string_view text : texts) {
    if (text.empty()) continue;
    out.elements += "<" + std::string(element) + ">" + std::string(text) + "</" + element + ">\n";
    out.hashes += (out.hashes.empty() ? "" : " ") + csp_hash(text);
  }
  return out;
}

/// A link per section, by its id and heading.
std::string link_to(const std::string& section) {
  const auto between = [&](const std::string& from, const std::string& to, std::size_t start) {
    const std::size_t begin = section.find(from, start) + from.size();
    return section.substr(begin, section.find(to, begin) - begin);
  };
  const std::size_t heading = section.find("<h2");
  return "<li><a href=\"#" + between("<section id=\"", "\"", 0) + "\">" + between(">", "<", heading) +
         "</a></li>\n";
}

}  // namespace

std::string page_of(const ReportPage& page) {
  std::vector<std::string_view> styles{assets::report_css()}, scripts{assets::report_js()};
  if (!assets::chart_js().empty()) {
    styles.push_back(assets::chart_css());
    scripts.push_back(assets::chart_js());
    scripts.push_back(assets::enlarge_js());
  }
  const Inlined style = inlined("style", styles), script = inlined("script", scripts);
  std::string links, sections, sentences;
  for (const std::string& section : page.sections) {
    if (section.empty()) continue;
    links += link_to(section);
    sections += section;
  }
  for (std::size_t i = 1; i < page.conclusions.size(); ++i) sentences += html_paragraph(page.conclusions[i]);
  return filled(assets::page_html(), {{"title", html_text(page.title)},
                                      {"kicker", html_text(page.kicker)},
                                      {"headline", html_text(page.conclusions.front())},
                                      {"conclusions", sentences},
                                      {"links", links},
                                      {"sections", sections},
                                      {"version", VEER_VERSION},
                                      {"styles", style.elements},
                                      {"scripts", script.elements},
                                      {"style-hashes", style.hashes},
                                      {"script-hashes", script.hashes}});
}

}  // namespace veer::tools
