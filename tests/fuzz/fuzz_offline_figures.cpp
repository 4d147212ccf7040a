// Tables of `veer rank --csv` of arbitrary content: figures that are read are sound, what is refused is
// refused by file.
#include <algorithm>
#include <string>
#include <string_view>

#include "env/error.h"
#include "tests/fuzz/fuzz_input.h"
#include "tools/veer/figures/methods/offline_figures.h"

using namespace veer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto figures = tools::read_offline_figures("rank.csv", text);
    fuzz::require(!figures.empty());
    bool hits = false;
    for (const tools::OfflineFigure& figure : figures) {
      fuzz::require(!figure.methods.empty() && figure.methods.size() == figure.means.size());
      fuzz::require(figure.name.ends_with(" ndcg_10") || figure.name.ends_with(" hr_10"));
      fuzz::require(std::ranges::count(figures, figure.name, &tools::OfflineFigure::name) == 1);
      for (const double mean : figure.means) fuzz::require(mean >= 0.0 && mean <= 1.0);
      // ndcg_10 comes first.
      fuzz::require(!(hits && figure.name.ends_with(" ndcg_10")));
      hits = figure.name.ends_with(" hr_10");
    }
  } catch (const Error& error) {
    fuzz::require(std::string(error.what()).starts_with("rank.csv"));
  }
  return 0;
}
