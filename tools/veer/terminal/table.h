// Tables and charts of plain text. Pure functions of their input.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace veer::tools {

/// Rows of cells under a header; the first column is aligned left, the others right. Widths count UTF-8
/// characters.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  /// REQUIRES: as many cells as the header has.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  /// Columns two spaces apart, a rule under the header, every line ended.
  std::string text() const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

/// Number of UTF-8 characters; one column each is assumed.
std::size_t text_width(std::string_view text);
/// The text cut to `width` characters, "..." at the end when something was cut. REQUIRES: width >= 3.
std::string shorten(std::string_view text, std::size_t width);

/// A chart of one value per step, `height` lines tall, with the largest and smallest value on the axis:
///    -4.10 |        *
///          |    *
///    -7.32 |*
///           0   1   2
std::string chart(std::span<const double> values, int height);

}  // namespace veer::tools
