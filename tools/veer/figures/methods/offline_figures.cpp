#include "tools/veer/figures/methods/offline_figures.h"

#include <algorithm>

#include "env/data/importers/columns.h"
#include "env/types.h"

namespace veer::tools {
namespace {

std::vector<OfflineFigure> figures_of(importers::LineReader& lines) {
  importers::FieldReader fields(lines, ",", true);
  std::vector<std::string_view> row;
  if (!fields.next(row)) fields.fail("header", "an empty file", "a table of veer rank --csv");
  const importers::Header header(fields, {row.begin(), row.end()});
  const auto column = [&](const char* name) { return at(header.require("--offline", "", {name})); };
  const std::size_t events = column("events"), method = column("method"), figure = column("figure"),
                    mean = column("mean");
  std::vector<OfflineFigure> out;
  while (fields.next(row, header.size(), header.layout())) {
    if (row[figure] != "ndcg_10" && row[figure] != "hr_10") continue;
    const std::string name = std::string(row[events]) + " " + std::string(row[figure]);
    auto found = std::find_if(out.begin(), out.end(), [&](const OfflineFigure& f) { return f.name == name; });
    if (found == out.end()) found = out.insert(out.end(), {name, {}, {}});
    found->methods.emplace_back(row[method]);
    found->means.push_back(double{fields.real(row[mean], "mean", 0.0, 1.0)});
  }
  std::stable_partition(out.begin(), out.end(),
                        [](const OfflineFigure& each) { return each.name.ends_with("ndcg_10"); });
  if (out.empty()) fields.fail("figure", "no ndcg_10 and no hr_10", "a table of veer rank --csv");
  return out;
}

}  // namespace

std::vector<OfflineFigure> read_offline_figures(const std::filesystem::path& file) {
  importers::LineReader lines(file);
  return figures_of(lines);
}

std::vector<OfflineFigure> read_offline_figures(const std::string& name, std::string_view text) {
  importers::LineReader lines(name, text);
  return figures_of(lines);
}

}  // namespace veer::tools
