// Charts as inline SVG that needs no script: lines with bands over steps, and means with their intervals.
// Each is a <figure> with a legend, a description for screen readers and the numbers in a table that unfolds.
// Colours are classes of the page's style (c0 to c7), told apart by dashes too. Thread-safety: pure
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace veer::tools {

struct ChartLine {
  std::string label;
  std::vector<double> values;     ///< NaN: a gap
  std::vector<double> low, high;  ///< the 95 % band; empty: none
};

struct LineChart {
  std::string id;  ///< of the figure: letters, digits and dashes, unique on the page
  std::string title, about;
  std::string x_title, y_title;
  std::int32_t first_x = 0;  ///< of the first value
  std::int32_t decimals = 3;
  bool from_zero = false;   ///< the axis shows 0
  std::int32_t onset = -1;  ///< a vertical mark there; -1: none
  std::vector<ChartLine> lines;
  std::string under{};  ///< ", under the judge gru": tells its table of numbers from others of this title
};
std::string line_chart(const LineChart& chart);

struct ChartInterval {
  std::string label;
  double mean = 0.0, low = 0.0, high = 0.0;  ///< NaN: not drawn
};

struct IntervalChart {
  std::string id, title;
  std::int32_t decimals = 3;
  std::vector<ChartInterval> rows;
};
/// The page has the numbers in a table beside it, so this one repeats none.
std::string interval_chart(const IntervalChart& chart);

/// "1.234", "-" for NaN.
std::string number_text(double value, std::int32_t decimals);

}  // namespace veer::tools
