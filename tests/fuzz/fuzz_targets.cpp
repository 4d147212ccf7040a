// Target files of arbitrary content: a list that is read is sound and says from which lines it came, and what
// is refused is refused by line.
#include <sstream>
#include <string>
#include <vector>

#include "env/data/importers/importer.h"
#include "env/error.h"
#include "scenarios/targets.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

using namespace veer;

const Dataset& small_dataset() {
  static const Dataset data = [] {
    const std::vector<SourceText> files = {{"l.csv", "user,item\n1,7\n1,8\n2,7\nann,9\nann,7\n"}};
    return import_from_memory("csv", files, "l.csv", {});
  }();
  return data;
}

void check(const std::vector<TargetChoice>& choices, const std::string& text) {
  const Dataset& data = small_dataset();
  fuzz::require(!choices.empty());
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  if (!lines.empty() && lines.front().starts_with("\xEF\xBB\xBF")) lines.front().erase(0, 3);
  std::int64_t before = 0;
  for (const TargetChoice& choice : choices) {
    fuzz::require(choice.target >= 1 && choice.target <= data.catalogue.size());
    fuzz::require(choice.user >= -1 && choice.user < data.interactions.users());
    fuzz::require((choice.user >= 0) == (choices.front().user >= 0));
    fuzz::require(choice.line > before && choice.line <= static_cast<std::int64_t>(lines.size()));
    before = choice.line;
    // The line holds the ids of the choice and nothing else.
    std::string expected = data.catalogue.ids[static_cast<std::size_t>(choice.target)];
    if (choice.user >= 0) {
      expected = data.interactions.user_ids[static_cast<std::size_t>(choice.user)] + "\t" + expected;
    }
    std::string line = lines[static_cast<std::size_t>(choice.line) - 1];
    if (!line.empty() && line.back() == '\r') line.pop_back();
    fuzz::require(line == expected);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    std::istringstream in(text);
    check(read_targets(in, "targets.tsv", small_dataset()), text);
  } catch (const Error& error) {
    fuzz::require(std::string(error.what()).starts_with("targets.tsv"));
  }
  return 0;
}
