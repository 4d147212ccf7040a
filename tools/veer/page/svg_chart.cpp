#include "tools/veer/page/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tools/veer/page/html.h"
#include "tools/veer/terminal/table.h"

namespace veer::tools {
namespace {

constexpr double chart_width = 640, chart_height = 300;
constexpr double left_edge = 64, right_edge = 628, top_edge = 12, bottom_edge = 256;
constexpr std::size_t colours = 8;

/// Values of data on pixels.
struct Scale {
  double low = 0, high = 1, from = 0, to = 1;
  double operator()(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

struct Extent {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// Never empty.
  void settle() {
    if (!(low <= high)) low = 0, high = 1;
    if (high - low < 1e-9 * std::max(1.0, std::abs(high))) low -= 0.5, high += 0.5;
  }
};

/// 1, 2 or 5 times a power of ten, so that about `wanted` steps fill the range.
double tick_step(double range, int wanted) {
  const double rough = range / wanted, power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) return factor * power;
  }
  return 10.0 * power;
}

std::vector<double> ticks_of(double low, double high, double step) {
  std::vector<double> out;
  const auto first = static_cast<std::int64_t>(std::ceil(low / step - 1e-9));
  const auto last = static_cast<std::int64_t>(std::floor(high / step + 1e-9));
  for (std::int64_t k = first; k <= last; ++k) out.push_back(static_cast<double>(k) * step);
  return out;
}

std::string tick_text(double value, double step) {
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  return fmt::format("{:.{}f}", value == 0.0 ? 0.0 : value, decimals);
}

/// Stretches of defined values as one path each.
std::string line_path(const std::vector<double>& values, const Scale& x, const Scale& y, double first_x) {
  std::string path;
  bool open = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) {
      path +=
          fmt::format("{}{:.1f} {:.1f}", open ? "L" : "M", x(first_x + static_cast<double>(i)), y(values[i]));
    }
    open = std::isfinite(values[i]);
  }
  return path;
}

std::string band_path(const ChartLine& line, const Scale& x, const Scale& y, double first_x) {
  std::string out;
  const auto defined = [&](std::size_t i) {
    return std::isfinite(line.low[i]) && std::isfinite(line.high[i]);
  };
  for (std::size_t i = 0; i < line.low.size(); ++i) {
    if (!defined(i)) continue;
    std::size_t end = i;
    while (end < line.low.size() && defined(end)) ++end;
    for (std::size_t k = i; k < end; ++k) {
      out += fmt::format("{}{:.1f} {:.1f}", k == i ? "M" : "L", x(first_x + static_cast<double>(k)),
                         y(line.high[k]));
    }
    for (std::size_t k = end; k-- > i;) {
      out += fmt::format("L{:.1f} {:.1f}", x(first_x + static_cast<double>(k)), y(line.low[k]));
    }
    out += "Z";
    i = end;
  }
  return out;
}

std::string label_at(double x, double y, const char* kind, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>\n", x, y, kind, html_text(text));
}

std::string opening(const std::string& id, double height, const std::string& title,
                    const std::string& about) {
  return fmt::format(
      "<figure id=\"{0}\" class=\"chart\">\n<figcaption>{2}</figcaption>\n"
      "<svg viewBox=\"0 0 {4:.0f} {1:.0f}\" role=\"img\" aria-labelledby=\"{0}-title {0}-about\">\n"
      "<title id=\"{0}-title\">{2}</title>\n<desc id=\"{0}-about\">{3}</desc>\n",
      id, height, html_text(title), html_text(about), chart_width);
}

std::string legend_of(const LineChart& chart) {
  std::string out = "<ul class=\"legend\">\n";
  for (std::size_t i = 0; i < chart.lines.size(); ++i) {
    out += fmt::format(
        "<li><svg viewBox=\"0 0 28 8\" aria-hidden=\"true\"><path class=\"line c{}\" d=\"M1 4L27 4\"/></svg>"
        "{}</li>\n",
        i % colours, html_text(chart.lines[i].label));
  }
  return out + "</ul>\n";
}

std::string numbers_of(const LineChart& chart) {
  HtmlTable table{chart.title + chart.under, {chart.x_title}, {}};
  std::size_t length = 0;
  for (const ChartLine& line : chart.lines) {
    table.header.push_back(line.label);
    length = std::max(length, line.values.size());
  }
  for (std::size_t i = 0; i < length; ++i) {
    std::vector<std::string> row{std::to_string(chart.first_x + static_cast<std::int32_t>(i))};
    for (const ChartLine& line : chart.lines) {
      std::string cell = i < line.values.size() ? number_text(line.values[i], chart.decimals) : "-";
      if (i < line.low.size() && std::isfinite(line.low[i])) {
        cell += fmt::format(" ({} to {})", number_text(line.low[i], chart.decimals),
                            number_text(line.high[i], chart.decimals));
      }
      row.push_back(cell);
    }
    table.rows.push_back(row);
  }
  return "<details><summary>Numbers</summary>\n" + html_table(table) + "</details>\n";
}

}  // namespace

std::string number_text(double value, std::int32_t decimals) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, decimals) : "-";
}

std::string line_chart(const LineChart& chart) {
  Extent range;
  std::size_t length = 1;
  for (const ChartLine& line : chart.lines) {
    for (const std::vector<double>* values : {&line.values, &line.low, &line.high}) {
      for (const double value : *values) range.add(value);
    }
    length = std::max(length, line.values.size());
  }
  if (chart.from_zero) range.add(0.0);
  range.settle();
  const double step = tick_step(range.high - range.low, 5);
  const double first_x = chart.first_x, last_x = first_x + std::max(1.0, static_cast<double>(length) - 1.0);
  const Scale x{first_x, last_x, left_edge, right_edge};
  const Scale y{std::floor(range.low / step + 1e-9) * step, std::ceil(range.high / step - 1e-9) * step,
                bottom_edge, top_edge};

  std::string out = opening(chart.id, chart_height, chart.title, chart.about);
  for (const double tick : ticks_of(y.low, y.high, step)) {
    out += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", left_edge, y(tick), right_edge);
    out += label_at(left_edge - 6, y(tick) + 4, "y-tick", tick_text(tick, step));
  }
  const double x_step = std::max(1.0, tick_step(last_x - first_x, 10));
  for (const double tick : ticks_of(first_x, last_x, x_step)) {
    out += label_at(x(tick), bottom_edge + 18, "x-tick", tick_text(tick, x_step));
  }
  out += label_at((left_edge + right_edge) / 2, chart_height - 6, "x-title", chart.x_title);
  out += fmt::format("<text class=\"y-title\" transform=\"translate(14 {:.1f}) rotate(-90)\">{}</text>\n",
                     (top_edge + bottom_edge) / 2, html_text(chart.y_title));
  if (chart.onset >= 0) {
    out += fmt::format("<path class=\"onset\" d=\"M{0:.1f} {1:.1f}V{2:.1f}\"/>", x(chart.onset), top_edge,
                       bottom_edge);
    out += label_at(x(chart.onset) + 4, top_edge + 10, "onset-label", "onset");
  }
  for (std::size_t i = 0; i < chart.lines.size(); ++i) {
    const ChartLine& line = chart.lines[i];
    const std::size_t colour = i % colours;
    if (!line.low.empty()) {
      out += fmt::format("<path class=\"band c{}\" d=\"{}\"/>\n", colour, band_path(line, x, y, first_x));
    }
    out +=
        fmt::format("<path class=\"line c{}\" d=\"{}\"/>\n", colour, line_path(line.values, x, y, first_x));
    for (std::size_t k = 0; k < line.values.size(); ++k) {
      if (!std::isfinite(line.values[k])) continue;
      const double at_x = first_x + static_cast<double>(k);
      out += fmt::format(
          "<circle class=\"dot c{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"><title>{}, {} {:.0f}: {}"
          "</title></circle>\n",
          colour, x(at_x), y(line.values[k]), html_text(line.label), html_text(chart.x_title), at_x,
          number_text(line.values[k], chart.decimals));
    }
  }
  return out + "</svg>\n" + legend_of(chart) + numbers_of(chart) + "</figure>\n";
}

std::string interval_chart(const IntervalChart& chart) {
  constexpr double row_height = 26, labels_end = 190;
  Extent range;
  for (const ChartInterval& row : chart.rows) {
    for (const double value : {row.mean, row.low, row.high}) range.add(value);
  }
  range.settle();
  const double step = tick_step(range.high - range.low, 5);
  const Scale x{std::floor(range.low / step + 1e-9) * step, std::ceil(range.high / step - 1e-9) * step,
                labels_end + 10, right_edge - 10};
  const double bottom = 8 + row_height * static_cast<double>(chart.rows.size());
  std::string about = "Means with 95 % intervals: ";
  for (const ChartInterval& row : chart.rows) {
    about += fmt::format("{} {}; ", row.label, number_text(row.mean, chart.decimals));
  }
  std::string out = opening(chart.id, bottom + 28, chart.title, about);
  for (const double tick : ticks_of(x.low, x.high, step)) {
    out += fmt::format("<path class=\"{}\" d=\"M{:.1f} 4V{:.1f}\"/>", tick == 0.0 ? "axis" : "grid", x(tick),
                       bottom);
    out += label_at(x(tick), bottom + 18, "x-tick", tick_text(tick, step));
  }
  for (std::size_t i = 0; i < chart.rows.size(); ++i) {
    const ChartInterval& row = chart.rows[i];
    const double middle = 8 + row_height * (static_cast<double>(i) + 0.5);
    out += label_at(labels_end, middle + 4, "y-tick", shorten(row.label, 26));
    if (std::isfinite(row.low) && std::isfinite(row.high)) {
      out += fmt::format("<path class=\"line solid c{0}\" d=\"M{1:.1f} {2:.1f}H{3:.1f}\"/>", i % colours,
                         x(row.low), middle, x(row.high));
    }
    if (std::isfinite(row.mean)) {
      out += fmt::format(
          "<circle class=\"dot c{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\"><title>{}: {}</title></circle>\n",
          i % colours, x(row.mean), middle, html_text(row.label), number_text(row.mean, chart.decimals));
    }
  }
  return out + "</svg>\n</figure>\n";
}

}  // namespace veer::tools
