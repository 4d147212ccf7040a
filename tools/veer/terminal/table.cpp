#include "tools/veer/terminal/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace veer::tools {
namespace {

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

std::string padded(const std::string& cell, std::size_t width, bool left) {
  const std::string blanks(width - std::min(width, text_width(cell)), ' ');
  return left ? cell + blanks : blanks + cell;
}

}  // namespace

std::size_t text_width(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_character));
}

std::string shorten(std::string_view text, std::size_t width) {
  if (text_width(text) <= width) return std::string(text);
  std::size_t bytes = 0;
  for (std::size_t characters = 0; characters < width - 3; ++characters) {
    ++bytes;
    while (bytes < text.size() && continues_character(text[bytes])) ++bytes;
  }
  return std::string(text.substr(0, bytes)) + "...";
}

std::string Table::text() const {
  std::vector<std::size_t> widths(header_.size(), 0);
  const auto widen = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], text_width(row[i]));
  };
  widen(header_);
  for (const auto& row : rows_) widen(row);

  std::string out;
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (i > 0) text += "  ";
      text += padded(row[i], widths[i], i == 0);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  };
  line(header_);
  std::size_t total = 2 * (widths.size() - 1);
  for (const std::size_t width : widths) total += width;
  out += std::string(total, '-') + '\n';
  for (const auto& row : rows_) line(row);
  return out;
}

std::string chart(std::span<const double> values, int height) {
  if (values.empty() || height < 1) return {};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double low = *least;
  const double span = *most - low;
  const auto line_of = [&](double value) {
    return span > 0.0 ? static_cast<int>(std::lround((value - low) / span * (height - 1))) : 0;
  };
  std::string out;
  for (int line = height - 1; line >= 0; --line) {
    std::string label;
    if (line == height - 1) label = fmt::format("{:.2f}", *most);
    if (line == 0) label = fmt::format("{:.2f}", low);
    std::string marks;
    for (const double value : values) marks += line_of(value) == line ? "*   " : "    ";
    marks.erase(marks.find_last_not_of(' ') + 1);
    out += fmt::format("{:>9} |{}\n", label, marks);
  }
  std::string axis(11, ' ');
  for (std::size_t step = 0; step < values.size(); ++step) axis += fmt::format("{:<4}", step);
  axis.erase(axis.find_last_not_of(' ') + 1);
  return out + axis + '\n';
}

}  // namespace veer::tools
